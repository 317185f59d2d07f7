#pragma once

#include "support/bench_workload.hpp"

#include <CLI/CLI.hpp>

#include <span>
#include <string>

// The command line of programs that measure the phases of ./dev bench chunks.

namespace dfs::bench {

template <class Workload>
struct phase {
  const char* name;
  const char* what;
  void (*run)(const Workload&);
};

/// All but `dir`. @param clients What a client is, for its help.
inline void
add_options(CLI::App& app, file_workload& what, const std::string& clients) {
  app.add_option("--size", what.size_mib, "MiB of the large file [1024]")
    ->check(CLI::Range(1, 1 << 20));
  app.add_option("--files", what.files, "files, reads or requests [5000]")
    ->check(CLI::PositiveNumber);
  app.add_option("--file-size", what.file_size, "bytes of a small one [1024]")
    ->check(CLI::Range(1, 1 << 20));
  app.add_option("--clients", what.clients, clients)->check(CLI::Range(1, 64));
  app.add_option("--records", what.records, "to append [1000]")
    ->check(CLI::PositiveNumber);
  app.add_option("--record-size", what.record_size, "bytes of one [100]")
    ->check(CLI::Range(16, 1 << 20));
  app.add_option("--seed", what.seed, "of the bytes and places [1]");
}

/// Runs the one that the command line names. @returns the exit status.
template <class Workload>
int run_phase(CLI::App& app, std::span<const phase<Workload>> phases,
              Workload& what, int argc, char** argv) {
  app.require_subcommand(1);
  app.fallthrough();
  for (const auto& x : phases)
    app.add_subcommand(x.name, x.what)->final_callback([&what, &x] {
      x.run(what);
    });
  CLI11_PARSE(app, argc, argv);
  return 0;
}

} // namespace dfs::bench
