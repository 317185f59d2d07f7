#include "phases.hpp"

#include "support/bench_phases.hpp"

// dfs-chunk_bench: one phase of the workload of ./dev bench chunks on a running
// cluster, through the client library. Prints lines of `name value unit`.

namespace {

using dfs::bench::workload;

constexpr dfs::bench::phase<workload> phases[] = {
  {"write", "the large file, durable at the end", dfs::bench::write_large},
  {"read", "the large file, read and verified", dfs::bench::read_large},
  {"rand4k", "--files random reads of 4 KiB of it", dfs::bench::read_random},
  {"create", "--files small files", dfs::bench::create_small},
  {"read-small", "the same, read and verified", dfs::bench::read_small},
  {"stat", "--files requests for their status", dfs::bench::stat_small},
  {"touch", "--files empty files", dfs::bench::touch},
  {"list", "a directory of --files, read once", dfs::bench::list},
  {"append", "--records to one file", dfs::bench::append},
  {"stall-writer", "writes 4 KiB until told to end", dfs::bench::stall_writer},
  {"stall-reader", "reads 64 KiB of the large file until told to end",
   dfs::bench::stall_reader},
  {"put-versions", "--files puts of small versions", dfs::bench::put_versions},
  {"get-versions", "the same, read and verified", dfs::bench::get_versions},
  {"write-version", "a large version, durable at the end",
   dfs::bench::write_version},
  {"read-version", "the large version, read and verified",
   dfs::bench::read_version},
  {"history", "--files times the last five versions of 1 MiB",
   dfs::bench::history},
  {"stall-putter", "puts 4 KiB until told to end", dfs::bench::stall_putter},
  {"stall-getter", "gets 64 KiB until told to end", dfs::bench::stall_getter},
};

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"measures a running cluster"};
  app.add_option("--config", what.config, "of a client")
    ->required()
    ->check(CLI::ExistingFile);
  app.add_option("--dir", what.dir, "where in the cluster")->required();
  add_options(app, what,
              "at once, with connections of their own, on one loop [1]");
  app.add_option("--in-flight", what.in_flight, "requests of each [1]")
    ->check(CLI::Range(1, 256));
  app.add_flag("--one-directory", what.one_directory,
               "touch makes all in one, for list");
  app.add_flag("--once", what.once, "put-versions makes one of each");
  return dfs::bench::run_phase<workload>(app, phases, what, argc, argv);
}
