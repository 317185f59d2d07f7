#include "chunks.hpp"

#include "support/sim/chunks_mutants.hpp"
#include "support/sim/chunks_scenarios.hpp"
#include "sweep.hpp"

#include <memory>

namespace dfs::sim {

namespace {

struct settings : sweep {
  std::uint32_t servers = 4;
  std::uint32_t clients = 3;
  std::uint32_t files = 4;
};

chunks_options options_of(const settings& s, std::uint64_t seed) {
  auto x = brisk_chunks();
  x.servers = s.servers;
  x.clients = s.clients;
  x.files = s.files;
  set_world(x.world, s,
            fmt::format("./dev sim chunks --servers {} --clients {} --files {}",
                        s.servers, s.clients, s.files),
            seed);
  return x;
}

int run(const settings& s) {
  const auto* chosen = find_chunk_scenario(s.scenario);
  chunks_run total;
  const auto sum = run_all(s, [&](std::uint64_t seed) {
    auto x = chosen->run(options_of(s, seed));
    total.changes += x.changes;
    total.reads += x.reads;
    total.grants += x.grants;
    return x;
  });
  fmt::print("chunks {}: {} servers, {}, {} changes, {} reads, {} grants\n",
             s.scenario, s.servers, sum.text(s), total.changes, total.reads,
             total.grants);
  // A command under which nothing happened has proved nothing.
  return sum.broken == 0 && total.changes > 0 && total.reads > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_chunks(CLI::App& app) {
  auto s = std::make_shared<settings>();
  auto* command = app.add_subcommand(
    "chunks", "Chunks: leases, versions, recovery, repair, collection");
  add_sweep_options(*command, *s, chunk_scenarios(), chunk_mutants);
  command->add_option("--servers", s->servers, "Chunkservers")
    ->capture_default_str()
    ->check(CLI::Range(3, 50));
  command->add_option("--clients", s->clients, "Clients")
    ->capture_default_str()
    ->check(CLI::Range(1, 50));
  command->add_option("--files", s->files, "Files that they work on")
    ->capture_default_str()
    ->check(CLI::Range(1, 100));
  return [s] { return run(*s); };
}

} // namespace dfs::sim
