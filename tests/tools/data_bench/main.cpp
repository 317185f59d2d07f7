#include "load.hpp"
#include "servers.hpp"

#include "support/bench_figures.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

// dfs-data_bench: how fast the data path is, without a master. Three servers
// and a client, each a process, on loopback; `dfs-reference_bench` beside this
// program says in the same run what the machine can do. Prints lines of
// `name value unit`.

namespace {

using namespace dfs;
using namespace dfs::bench;

struct settings {
  std::string dir = ".";
  std::string durability = "durable";
  bool tls = false;
  bool reference = false;
  std::size_t mib = 1024;
  std::size_t at_once = 4;
  std::size_t piece_kib = 256;
  std::size_t read_kib = 1024;
  std::size_t count = 4'000;
  std::vector<std::string> only;
};

bool wanted(const settings& s, std::string_view name) {
  return s.only.empty()
         || std::find(s.only.begin(), s.only.end(), name) != s.only.end();
}

void print_bulk(const std::string& name, const figures& x, std::size_t mib) {
  const auto gib = static_cast<double>(mib) / 1024;
  print_figure(name, x.per_second, "MiB/s");
  print_figure(name + ".cpu", x.cpu_seconds / gib, "s/GiB");
  print_figure(name + ".cpu_client", x.client_cpu / gib, "s/GiB");
}

void print_operations(const std::string& name, const figures& x) {
  print_figure(name, x.per_second, "/s");
  print_figure(name + ".p50", quantile(x.us, 0.5), "us");
  print_figure(name + ".p99", quantile(x.us, 0.99), "us");
  print_figure(name + ".cpu",
               x.cpu_seconds / static_cast<double>(x.us.size()) * 1e6, "us");
}

/// What the machine can do: the program beside this one.
void run_reference(const settings& s) {
  const auto process = ::fork();
  if (process == 0) {
    const auto place = std::filesystem::read_symlink("/proc/self/exe")
                         .replace_filename("dfs-reference_bench");
    const auto size = std::to_string(s.mib);
    ::execl(place.c_str(), place.c_str(), "--dir", s.dir.c_str(), "--size",
            size.c_str(), nullptr);
    bench::fail(place.string());
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  if (status != 0)
    bench::fail("the reference failed", 0);
}

void run(const settings& s) {
  const auto mode = s.durability == "memory" ? storage::durability::memory
                                             : storage::durability::durable;
  const auto place = s.dir + "/data_bench";
  std::filesystem::remove_all(place); // Of a run that did not end well.
  std::filesystem::create_directories(place);
  {
    const server_processes servers{place, 3, mode, s.tls};
    load client{servers};
    const auto chunks = std::max<std::size_t>(1, s.mib / 64);
    if (wanted(s, "write"))
      print_bulk("write", client.write(chunks, s.at_once, s.piece_kib * 1024),
                 chunks * 64);
    if (wanted(s, "read"))
      print_bulk("read", client.read(s.at_once, s.read_kib * 1024),
                 chunks * 64);
    if (wanted(s, "random"))
      print_operations("random_4k", client.read_some(s.count));
    if (wanted(s, "append")) {
      print_operations("append_100_1", client.append(1, s.count));
      print_operations("append_100_8", client.append(8, 4 * s.count));
    }
    if (wanted(s, "create")) {
      print_operations("create_1k_1", client.create(1, s.count));
      print_operations("create_1k_8", client.create(8, 4 * s.count));
      print_operations("read_1k_1", client.read_small(1, s.count));
      print_operations("read_1k_8", client.read_small(8, 4 * s.count));
    }
    print_figure("server_peak", servers.peak_mib(), "MiB");
  }
  std::filesystem::remove_all(place);
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"Measures the data path: chains, reads, appends, creates."};
  app.add_option("dir", s.dir, "where the stores go, for a while");
  app.add_option("--durability", s.durability)
    ->check(CLI::IsMember({"durable", "memory"}));
  app.add_flag("--tls", s.tls);
  app.add_flag("--reference", s.reference, "run dfs-reference_bench, too");
  app.add_option("--size", s.mib, "MiB, a multiple of 64");
  app.add_option("--at-once", s.at_once, "chunks in parallel");
  app.add_option("--piece", s.piece_kib, "KiB of one write");
  app.add_option("--read-piece", s.read_kib, "KiB of one read");
  app.add_option("--count", s.count, "small operations");
  app.add_option("--only", s.only,
                 "of: write read random append create (read needs write)");
  CLI11_PARSE(app, argc, argv);
  if (s.reference)
    run_reference(s);
  run(s);
}
