#include "file.hpp"
#include "phases.hpp"

#include "base/rng.hpp"
#include "support/bench_content.hpp"
#include "support/bench_figures.hpp"
#include "support/stall_meter.hpp"

#include <array>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace dfs::bench {

namespace {

constexpr std::size_t piece_size = 1 << 20;
constexpr std::uint64_t large_id = 7; ///< In stamps.

std::string large_file(const workload& what) {
  return what.dir + "/large";
}

double rate(const workload& what, bench_clock::time_point began) {
  return static_cast<double>(what.size_mib) / seconds_since(began);
}

} // namespace

void write_large(const workload& what) {
  const auto path = large_file(what);
  ::unlink(path.c_str());
  std::vector<char> piece(piece_size);
  fill(piece, what.seed);
  const auto began = bench_clock::now();
  auto to = open_file(path, O_CREAT | O_TRUNC | O_WRONLY);
  for (std::uint64_t i = 0; i < what.size_mib; ++i) {
    stamp(piece, large_id, i * piece_size);
    write_all(to, piece);
  }
  sync(to);
  close_file(std::move(to), path);
  print_figure("write", rate(what, began), "MiB/s");
}

void read_large(const workload& what) {
  const auto path = large_file(what);
  forget_pages(open_file(path, O_RDONLY), false);
  std::vector<char> piece(piece_size);
  const auto began = bench_clock::now();
  const auto from = open_file(path, O_RDONLY);
  for (std::uint64_t i = 0; i < what.size_mib; ++i)
    if (read_all(from, piece) != piece.size()
        || !is_stamped(piece, large_id, i * piece_size))
      fail(fmt::format("{}: wrong bytes in MiB {}", path, i), 0);
  print_figure("read", rate(what, began), "MiB/s");
}

void read_random(const workload& what) {
  const auto from = open_file(large_file(what), O_RDONLY);
  forget_pages(from, true);
  rng random{what.seed};
  std::array<char, 4096> page{};
  std::vector<double> times;
  const auto began = bench_clock::now();
  for (std::size_t i = 0; i < what.files; ++i) {
    const auto at
      = random.below(what.size_mib * (piece_size / page.size())) * page.size();
    const auto asked = bench_clock::now();
    if (::pread(from.get(), page.data(), page.size(), static_cast<off_t>(at))
          != static_cast<ssize_t>(page.size())
        || !is_stamped(page, large_id, at))
      fail(fmt::format("wrong bytes at {}", at));
    times.push_back(seconds_since(asked) * 1e6);
  }
  print_figure("rand4k", static_cast<double>(what.files) / seconds_since(began),
               "/s");
  print_figure("rand4k.p50", quantile(times, 0.5), "us");
  print_figure("rand4k.p99", quantile(times, 0.99), "us");
}

void stall_writer(const workload& what) {
  const auto path = what.dir + "/stall";
  const auto to = open_file(path, O_CREAT | O_TRUNC | O_WRONLY);
  std::array<char, 4096> page{};
  fill(page, what.seed);
  std::uint64_t turn = 0;
  stall_meter{}.run(
    [&] {
      const auto at = static_cast<off_t>(turn++ % 256 * page.size());
      return ::pwrite(to.get(), page.data(), page.size(), at)
               == static_cast<ssize_t>(page.size())
             && ::fsync(to.get()) == 0;
    },
    std::chrono::milliseconds{1});
}

void stall_reader(const workload& what) {
  const auto from = open_file(large_file(what), O_RDONLY);
  forget_pages(from, true);
  rng random{what.seed};
  std::vector<char> room(64 * 1024);
  const auto places = what.size_mib * (piece_size / room.size());
  stall_meter{}.run(
    [&] {
      const auto at = random.below(places) * room.size();
      const auto offset = static_cast<off_t>(at);
      const auto size = static_cast<off_t>(room.size());
      ::posix_fadvise(from.get(), offset, size, POSIX_FADV_DONTNEED);
      return ::pread(from.get(), room.data(), room.size(), offset) == size
             && is_stamped(room, large_id, at);
    },
    std::chrono::milliseconds{1});
}

} // namespace dfs::bench
