#include "phases.hpp"

#include "support/bench_phases.hpp"

// dfs-mount_bench: one phase of the workload of ./dev bench chunks on a mounted
// directory, so that other file systems can be measured beside ours. Prints
// lines of `name value unit`.

namespace {

using dfs::bench::workload;

constexpr dfs::bench::phase<workload> phases[] = {
  {"write", "the large file, written and synced", dfs::bench::write_large},
  {"read", "the large file, read and verified", dfs::bench::read_large},
  {"rand4k", "--files random reads of 4 KiB of it", dfs::bench::read_random},
  {"create", "--files small files", dfs::bench::create_small},
  {"read-small", "the same, read and verified", dfs::bench::read_small},
  {"stat", "the same, stat", dfs::bench::stat_small},
  {"touch", "--files empty files", dfs::bench::touch},
  {"fill", "one directory of --files, not measured",
   dfs::bench::fill_directory},
  {"list", "that directory, read once", dfs::bench::list},
  {"append", "--records to one file, each synced", dfs::bench::append},
  {"stall-writer", "writes 4 KiB and syncs until told to end",
   dfs::bench::stall_writer},
  {"stall-reader", "reads 64 KiB of the large file until told to end",
   dfs::bench::stall_reader},
};

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"measures a mounted directory"};
  app.add_option("--dir", what.dir, "where")
    ->required()
    ->check(CLI::ExistingDirectory);
  add_options(app, what, "processes at once [1]");
  return dfs::bench::run_phase<workload>(app, phases, what, argc, argv);
}
