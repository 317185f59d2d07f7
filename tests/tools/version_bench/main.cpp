#include "support/bench_figures.hpp"
#include "support/resident_memory.hpp"
#include "support/temp_dir.hpp"
#include "support/version_puts.hpp"

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>

// What the store of versioned files takes and gives, without a network:
// dfs-version_bench [DIRECTORY]. Lines of `name value unit`. A put is content,
// row, and both durable; its file's older content goes.

namespace {

using namespace dfs;
using namespace dfs::storage;

const store_owner owner{"00112233445566ff", store_id{7}};

void must(const result<nothing>& x) {
  if (!x)
    bench::fail(x.error().context, 0);
}

std::unique_ptr<version_store> open(const std::string& path, durability mode) {
  must(posix_files().make_directory(path));
  version_store_options options;
  options.mode = mode;
  auto store = version_store::open(posix_files(), {path + "/contents"},
                                   path + "/rows", owner, std::move(options));
  if (!store)
    bench::fail(store.error().context, 0);
  return *std::move(store);
}

/// Numbers, as they come from the threads of the store.
class finished_puts {
public:
  void add(std::size_t client) {
    const std::lock_guard guard{mutex_};
    clients_.push_back(client);
    changed_.notify_one();
  }
  std::size_t next() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !clients_.empty(); });
    const auto client = clients_.front();
    clients_.pop_front();
    return client;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::size_t> clients_;
};

/// Puts of a run are none of another's.
put_writer next_writer() {
  static std::uint64_t number = 0;
  return put_writer{++number};
}

struct put_run {
  version_store& store;
  std::size_t bytes;
  std::string data = test::pattern(bytes, 1);
  std::uint32_t checksum = crc32c(data);
  std::vector<std::uint32_t> crcs = test::crcs_of(0, data);
  put_writer writer = next_writer();
  std::uint64_t sequence = 0;
  std::vector<msg::put_id> newest{};

  /// @returns the put, its content on the way to the disk.
  msg::put_id bring() {
    const msg::put_id put{writer, ++sequence};
    constexpr std::size_t frame = 256 * 1024;
    for (std::size_t at = 0; at < bytes; at += frame) {
      const std::string_view part = std::string_view{data}.substr(at, frame);
      const auto first = at / block_bytes;
      const auto count = (part.size() + block_bytes - 1) / block_bytes;
      must(store.contents().append(
        put, at, {{&part, 1}, std::span{crcs}.subspan(first, count)}));
    }
    must(store.contents().finish(put, bytes, checksum));
    return put;
  }

  msg::file_state state(const msg::put_id& put) const {
    auto x = test::state_with(put, 0, put.sequence);
    x.manifest.versions.front().bytes = bytes;
    x.manifest.versions.front().checksum = checksum;
    return x;
  }

  /// Each client has a file of its own, in one of 64 groups.
  void begin(std::size_t client, finished_puts& finished) {
    const auto put = bring();
    store.groups().commit(group_id{client % 64 + 1},
                          {msg::file_change{inode_id{client + 1}, state(put)}},
                          {put}, [client, &finished](const result<nothing>& x) {
                            must(x);
                            finished.add(client);
                          });
    auto& last = newest[client];
    if (last.sequence != 0)
      older.push_back(last);
    last = put;
  }

  /// The manifest that named these is settled.
  void drop_older() {
    for (const auto& put : older)
      store.contents().remove(put);
    older.clear();
  }

  std::vector<msg::put_id> older{};
};

void puts(const std::string& path, durability mode, const std::string& name,
          std::size_t bytes, std::size_t clients, std::size_t total) {
  auto store = open(path, mode);
  put_run run{*store, bytes};
  run.newest.resize(clients);
  finished_puts finished;
  std::vector<double> times;
  std::vector<bench::bench_clock::time_point> since(clients);
  const auto cpu = bench::cpu_seconds();
  const auto began = bench::bench_clock::now();
  for (std::size_t i = 0; i < clients; ++i) {
    since[i] = bench::bench_clock::now();
    run.begin(i, finished);
  }
  for (std::size_t begun = clients; times.size() < total;) {
    const auto client = finished.next();
    times.push_back(bench::seconds_since(since[client]));
    run.drop_older();
    if (times.size() % 64 == 0)
      store->tick(bench::bench_clock::now());
    if (begun++ >= total)
      continue;
    since[client] = bench::bench_clock::now();
    run.begin(client, finished);
  }
  const auto count = static_cast<double>(total);
  bench::print_figure(name, count / bench::seconds_since(began), "/s");
  bench::print_figure(name + "_p50", bench::quantile(times, 0.5) * 1e3, "ms");
  bench::print_figure(name + "_p99", bench::quantile(times, 0.99) * 1e3, "ms");
  bench::print_figure(name + "_cpu", (bench::cpu_seconds() - cpu) / count * 1e6,
                      "us");
}

/// A start with many small contents.
void starts(const std::string& path) {
  constexpr std::uint64_t files = 100'000;
  {
    auto store = open(path, durability::memory);
    put_run run{*store, 1'024};
    const auto before = test::resident_memory();
    finished_puts finished;
    for (std::uint64_t i = 1; i <= files; ++i) {
      const auto put = run.bring();
      store->groups().commit(group_id{i % 64 + 1},
                             {msg::file_change{inode_id{i}, run.state(put)}},
                             {put}, [&finished](const result<nothing>& x) {
                               must(x);
                               finished.add(0);
                             });
      if (i > 64)
        finished.next();
    }
    for (int i = 0; i < 64; ++i)
      finished.next();
    bench::print_figure("content_memory",
                        static_cast<double>(test::grown_since(before))
                          / static_cast<double>(files),
                        "B");
  }
  auto began = bench::bench_clock::now();
  auto store = open(path, durability::memory);
  bench::print_figure("start_100k", bench::seconds_since(began), "s");
  if (store->contents().list().size() != files)
    bench::fail("contents are missing", 0);
  began = bench::bench_clock::now();
  const auto rows = store->groups().load();
  if (!rows)
    bench::fail(rows.error().context, 0);
  bench::print_figure("load_100k", bench::seconds_since(began), "s");
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1)
    ::setenv("TMPDIR", argv[1], 1);
  const test::temp_dir directory;
  constexpr auto durable = durability::durable;
  constexpr std::size_t kib = 1'024;
  puts(directory / "a", durable, "put_64k_1", 64 * kib, 1, 2'000);
  puts(directory / "a", durable, "put_64k_8", 64 * kib, 8, 6'000);
  puts(directory / "a", durable, "put_1k_1", kib, 1, 2'000);
  puts(directory / "a", durable, "put_1k_8", kib, 8, 8'000);
  puts(directory / "a", durable, "put_1m_1", kib * kib, 1, 300);
  puts(directory / "b", durability::memory, "memory_put_64k_8", 64 * kib, 8,
       10'000);
  starts(directory / "c");
  return 0;
}
