#include "chain.hpp"

#include "net/descriptor.hpp"
#include "support/bench_figures.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

// dfs-reference_bench: the machine's own limits, beside which the figures of
// a file system mean something. Prints lines of `name value unit`.

namespace {

using namespace dfs::bench;

constexpr std::uint64_t mib = 1 << 20;

struct settings {
  std::string dir = ".";
  std::uint64_t size_mib = 1024;
  std::vector<std::string> only;
  std::size_t round_trips = 20'000;
  std::size_t syncs = 300;
};

void print(std::string_view name, const chain_figures& figures) {
  print_figure(name, figures.mib_per_s, "MiB/s");
  print_figure(fmt::format("{}.cpu", name), figures.cpu_s_per_gib, "s/GiB");
}

void measure_relay(const settings& s, std::string_view name, keeping kept) {
  print(name, run({.dir = s.dir,
                   .bytes = s.size_mib * mib,
                   .kept = kept,
                   .checksum = true}));
}

void measure_tcp(const settings& s, std::string_view name, bool from_file) {
  print(name, run({.dir = s.dir,
                   .hops = 1,
                   .piece = mib,
                   .bytes = s.size_mib * mib,
                   .from_file = from_file}));
}

void measure_round_trips(const settings& s) {
  const auto figures = run_round_trips(s.round_trips);
  print_figure("round_trip", figures.per_s, "/s");
  print_figure("round_trip.cpu", figures.cpu_us, "us");
}

/// A log that is synced after each record of 4 KiB.
void measure_syncs(const settings& s) {
  const auto place = s.dir + "/log";
  const dfs::net::descriptor log{
    ::open(place.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)};
  ::unlink(place.c_str());
  const std::string record(4096, 'x');
  std::vector<double> times;
  for (std::size_t i = 0; i < s.syncs; ++i) {
    if (::write(log.get(), record.data(), record.size())
        != static_cast<ssize_t>(record.size()))
      fail("write");
    const auto began = bench_clock::now();
    if (::fdatasync(log.get()) != 0)
      fail("fdatasync");
    times.push_back(seconds_since(began) * 1e6);
  }
  print_figure("sync.p50", quantile(times, 0.5), "us");
  print_figure("sync.p99", quantile(times, 0.99), "us");
}

bool wanted(const settings& s, std::string_view name) {
  return s.only.empty()
         || std::find(s.only.begin(), s.only.end(), name) != s.only.end();
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  const std::vector<std::string> all{"relay", "relay-durable", "sendfile",
                                     "tcp",   "round-trip",    "sync"};
  CLI::App app{"measures what this machine could do at best"};
  app.add_option("--dir", s.dir, "for files, on the disk to be measured [.]")
    ->check(CLI::ExistingDirectory);
  app.add_option("--size", s.size_mib, "MiB through each chain [1024]")
    ->check(CLI::Range(1, 1 << 20));
  app.add_option("--only", s.only, "some of them")
    ->delimiter(',')
    ->check(CLI::IsMember(all));
  CLI11_PARSE(app, argc, argv);

  if (wanted(s, "relay"))
    measure_relay(s, "relay", keeping::page_cache);
  if (wanted(s, "relay-durable"))
    measure_relay(s, "relay_durable", keeping::disk);
  if (wanted(s, "sendfile"))
    measure_tcp(s, "sendfile", true);
  if (wanted(s, "tcp"))
    measure_tcp(s, "tcp", false);
  if (wanted(s, "round-trip"))
    measure_round_trips(s);
  if (wanted(s, "sync"))
    measure_syncs(s);
  return 0;
}
