#include "clients.hpp"
#include "large_file.hpp"
#include "phases.hpp"

#include "base/rng.hpp"
#include "client/range_writer.hpp"
#include "support/bench_content.hpp"
#include "support/stall_meter.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dfs::bench {

namespace {

std::string large_file(const workload& what) {
  return what.dir + "/large";
}

std::shared_ptr<client::file_view>
open_large(clients& all, const workload& what) {
  const auto path = large_file(what);
  auto view = must(all[0].open_file(path, patience), path);
  if (view->length() != what.size_mib * mib)
    fail(fmt::format("{} has {} bytes", path, view->length()), 0);
  return view;
}

/// One stretch; ends the program unless it is right.
bool read_part(client::file_client& by,
               const std::shared_ptr<client::file_view>& view,
               const std::shared_ptr<checking_sink>& to, std::uint64_t at,
               std::uint64_t length) {
  to->begin = at;
  const auto got
    = by.read_file(view, to, {.begin = at, .end = at + length, .progress = {}});
  return got && *got == length;
}

} // namespace

void write_large(const workload& what) {
  clients all{what};
  make_directory(all[0], what.dir);
  auto source = std::make_shared<content_source>(
    all[0].disk(), what.size_mib * mib, what.seed);
  const auto cpu = cpu_seconds();
  const auto began = bench_clock::now();
  client::file_write put;
  put.path = large_file(what);
  put.force = true;
  put.timeout = patience;
  static_cast<void>(must(all[0].write_file(source, put), put.path));
  const auto took = seconds_since(began);
  print_figure("write", static_cast<double>(what.size_mib) / took, "MiB/s");
  print_figure(
    "write.client_cpu",
    (cpu_seconds() - cpu) * 1024 / static_cast<double>(what.size_mib), "s/GiB");
}

void read_large(const workload& what) {
  clients all{what};
  const auto cpu = cpu_seconds();
  const auto began = bench_clock::now();
  const auto view = open_large(all, what);
  auto sink = std::make_shared<checking_sink>();
  if (!read_part(all[0], view, sink, 0, what.size_mib * mib))
    fail("the large file cannot be read", 0);
  const auto took = seconds_since(began);
  print_figure("read", static_cast<double>(what.size_mib) / took, "MiB/s");
  print_figure(
    "read.client_cpu",
    (cpu_seconds() - cpu) * 1024 / static_cast<double>(what.size_mib), "s/GiB");
}

void read_random(const workload& what) {
  constexpr std::uint64_t page = 4096;
  clients all{what};
  const auto view = open_large(all, what);
  auto sink = std::make_shared<checking_sink>();
  rng random{what.seed};
  std::vector<double> times;
  const auto began = bench_clock::now();
  for (std::size_t i = 0; i < what.files; ++i) {
    const auto at = random.below(what.size_mib * mib / page) * page;
    const auto asked = bench_clock::now();
    if (!read_part(all[0], view, sink, at, page))
      fail(fmt::format("cannot read at {}", at), 0);
    times.push_back(seconds_since(asked) * 1e6);
  }
  print_figure("rand4k", static_cast<double>(what.files) / seconds_since(began),
               "/s");
  print_figure("rand4k.p50", quantile(times, 0.5), "us");
  print_figure("rand4k.p99", quantile(times, 0.99), "us");
}

void stall_writer(const workload& what) {
  clients all{what};
  make_directory(all[0], what.dir);
  const auto path = what.dir + "/stall";
  std::string page(4096, '\0');
  fill(page, what.seed);
  client::file_write put;
  put.path = path;
  put.force = true;
  put.timeout = patience;
  // As long as it will be: offsets must not be behind the end.
  static_cast<void>(
    must(all[0].write_file(
           std::make_shared<client::memory_source>(std::string(mib, 'x')), put),
         path));
  std::uint64_t turn = 0;
  stall_meter{}.run(
    [&] {
      client::range_write write;
      write.path = path;
      write.offset = turn++ % 256 * page.size();
      write.timeout = patience;
      auto writer = std::make_shared<client::range_writer>(
        all[0].session(), std::make_shared<client::memory_source>(page), write);
      const auto written = all[0].wait<std::uint64_t>(
        [&](auto then) { writer->start(std::move(then)); });
      return written && *written == page.size();
    },
    std::chrono::milliseconds{1});
}

void stall_reader(const workload& what) {
  constexpr std::uint64_t stretch = 64 * 1024;
  clients all{what};
  const auto view = open_large(all, what);
  auto sink = std::make_shared<checking_sink>();
  rng random{what.seed};
  stall_meter{}.run(
    [&] {
      const auto at = random.below(what.size_mib * mib / stretch) * stretch;
      return read_part(all[0], view, sink, at, stretch);
    },
    std::chrono::milliseconds{1});
}

} // namespace dfs::bench
