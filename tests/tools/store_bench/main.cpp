#include "storage/chunk_store.hpp"
#include "support/bench_figures.hpp"
#include "support/chunk_data.hpp"
#include "support/resident_memory.hpp"
#include "support/temp_dir.hpp"

#include <time.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>

// What a chunk store takes and gives, without a network: dfs-store_bench
// [DIRECTORY]. Lines of `name value unit`; *_cpu is of the calling thread.

namespace {

using namespace dfs;
using namespace dfs::storage;

const store_owner owner{"00112233445566ff", store_id{7}};
constexpr chunk_version version{1};

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::unique_ptr<chunk_store>
open(const std::string& path, durability mode = durability::durable) {
  store_options options;
  options.mode = mode;
  auto store
    = chunk_store::open(posix_files(), path, owner, std::move(options));
  if (!store)
    bench::fail(store.error().context, 0);
  return *std::move(store);
}

void must(const result<nothing>& x) {
  if (!x)
    bench::fail(x.error().context, 0);
}

void wait(chunk_store& store) {
  std::promise<void> durable;
  store.when_durable([&](const result<nothing>& x) {
    must(x);
    durable.set_value();
  });
  durable.get_future().wait();
}

/// As the data server does it: one thread works, others tell it to go on.
class loop {
public:
  void post(std::function<void()> task) {
    const std::lock_guard guard{mutex_};
    tasks_.push_back(std::move(task));
    changed_.notify_one();
  }
  void run_one() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !tasks_.empty(); });
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

/// `change(i)` applies number i and says to which chunk; so many are under way.
void run_clients(chunk_store& store, const std::string& name,
                 std::size_t clients, std::size_t total,
                 const std::function<chunk_id(std::size_t)>& change) {
  loop work;
  std::size_t begun = 0;
  std::size_t finished = 0;
  std::function<void()> next = [&] {
    if (begun >= total)
      return;
    const auto chunk = change(begun++);
    store.when_durable(chunk, [&](const result<nothing>& x) {
      must(x);
      work.post([&] {
        ++finished;
        next();
      });
    });
  };
  const auto began = bench::bench_clock::now();
  const auto cpu = thread_seconds();
  const auto all_cpu = bench::cpu_seconds();
  for (std::size_t i = 0; i < clients; ++i)
    next();
  while (finished < total)
    work.run_one();
  const auto count = static_cast<double>(total);
  bench::print_figure(name, count / bench::seconds_since(began), "/s");
  bench::print_figure(name + "_cpu", (thread_seconds() - cpu) / count * 1e6,
                      "us");
  bench::print_figure(name + "_all_cpu",
                      (bench::cpu_seconds() - all_cpu) / count * 1e6, "us");
}

void small_files(const std::string& path, durability mode,
                 const std::string& name) {
  auto store = open(path, mode);
  const auto data = test::pattern(1'024, 1);
  const auto crcs = test::crcs_of(0, data);
  const std::string_view piece{data};
  std::uint64_t number = 0;
  const auto create = [&](std::size_t) {
    const chunk_id chunk{++number};
    must(store->create(chunk, version));
    must(store->apply({chunk,
                       version,
                       mutation_serial{1},
                       mutation_kind::write,
                       0,
                       1'024,
                       {},
                       0},
                      {{&piece, 1}, crcs}));
    return chunk;
  };
  run_clients(*store, name + "_1", 1, 2'000, create);
  run_clients(*store, name + "_8", 8, 20'000, create);
  run_clients(*store, name + "_64", 64, 50'000, create);
}

void appends(const std::string& path, durability mode,
             const std::string& name) {
  auto store = open(path, mode);
  const auto data = test::pattern(100, 1);
  const std::string_view piece{data};
  chunk_id chunk{1'000'000};
  std::uint64_t serial = 0;
  std::uint32_t offset = 0;
  must(store->create(chunk, version));
  const auto append = [&](std::size_t i) {
    if (offset > (64u << 20) - 100) {
      chunk = chunk.next();
      must(store->create(chunk, version));
      serial = 0;
      offset = 0;
    }
    const auto crcs = test::crcs_of(offset, data);
    must(store->apply({chunk, version, mutation_serial{++serial},
                       mutation_kind::append, offset, 100, writer_id{1 + i % 8},
                       i / 8 + 1},
                      {{&piece, 1}, crcs}));
    offset += 100;
    return chunk;
  };
  run_clients(*store, name + "_1", 1, 3'000, append);
  run_clients(*store, name + "_8", 8, 30'000, append);
}

void stream(const std::string& path, durability mode, const std::string& name) {
  auto store = open(path, mode);
  constexpr std::uint32_t piece_bytes = 1u << 20;
  constexpr std::uint64_t chunks = 16;
  const auto data = test::pattern(piece_bytes, 1);
  const auto crcs = test::crcs_of(0, data);
  const std::string_view piece{data};
  const auto began = bench::bench_clock::now();
  const auto cpu = thread_seconds();
  const auto all_cpu = bench::cpu_seconds();
  loop work;
  std::size_t under_way = 0;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const chunk_id chunk{2'000'000 + i};
    must(store->create(chunk, version));
    for (std::uint32_t at = 0; at < 64; ++at)
      must(store->apply({chunk,
                         version,
                         mutation_serial{at + 1},
                         mutation_kind::write,
                         at * piece_bytes,
                         piece_bytes,
                         {},
                         0},
                        {{&piece, 1}, crcs}));
    // As a client does it: one chunk is synced while the next one is written.
    ++under_way;
    store->when_durable(chunk, [&](const result<nothing>& x) {
      must(x);
      work.post([&] { --under_way; });
    });
    while (under_way > 1)
      work.run_one();
  }
  const auto own = thread_seconds() - cpu;
  wait(*store);
  const auto mib = static_cast<double>(chunks * 64);
  bench::print_figure(name, mib / bench::seconds_since(began), "MiB/s");
  bench::print_figure(name + "_cpu", own / mib * 1024, "s/GiB");
  bench::print_figure(name + "_all_cpu",
                      (bench::cpu_seconds() - all_cpu) / mib * 1024, "s/GiB");
}

void reads(const std::string& path) {
  auto store = open(path);
  rng random{1};
  std::string bytes(4'096, '\0');
  constexpr int count = 20'000;
  auto cpu = thread_seconds();
  for (int i = 0; i < count; ++i) {
    const chunk_id chunk{2'000'000 + random.below(16)};
    const auto offset
      = static_cast<std::uint32_t>(random.below((64u << 20) / 4'096) * 4'096);
    if (auto got = store->read_cached(chunk, offset, bytes); !got)
      got = store->read_verified(chunk, offset, bytes);
  }
  bench::print_figure("read_4k_cpu", (thread_seconds() - cpu) / count * 1e6,
                      "us");
  cpu = thread_seconds();
  for (int i = 0; i < count; ++i)
    (void) store->read_cached(chunk_id{1 + random.below(1'000)}, 0, bytes);
  bench::print_figure("read_small_cpu", (thread_seconds() - cpu) / count * 1e6,
                      "us");
  cpu = thread_seconds();
  for (int i = 0; i < count; ++i)
    (void) store->plan_read(chunk_id{2'000'000 + random.below(16)}, 0,
                            1u << 20);
  bench::print_figure("plan_1m_cpu", (thread_seconds() - cpu) / count * 1e6,
                      "us");
}

void memory(const std::string& path) {
  constexpr std::uint64_t packed = 200'000;
  {
    auto store = open(path, durability::memory);
    const std::string data{"x"};
    const auto crcs = test::crcs_of(0, data);
    const std::string_view piece{data};
    wait(*store);
    const auto before = test::resident_memory();
    for (std::uint64_t i = 1; i <= packed; ++i) {
      must(store->create(chunk_id{i}, version));
      must(store->apply({chunk_id{i},
                         version,
                         mutation_serial{1},
                         mutation_kind::write,
                         0,
                         1,
                         {},
                         0},
                        {{&piece, 1}, crcs}));
      if (i % 1'000 == 0)
        wait(*store);
    }
    bench::print_figure("packed_chunk_memory",
                        static_cast<double>(test::grown_since(before))
                          / static_cast<double>(packed),
                        "B");
  }
  const auto began = bench::bench_clock::now();
  auto store = open(path, durability::memory);
  bench::print_figure("start_packed",
                      static_cast<double>(packed) / bench::seconds_since(began),
                      "chunks/s");
  if (store->list().size() != packed)
    bench::fail("chunks are missing", 0);
}

/// What the disk gives: 200 bytes at a time into blocks that exist.
void reference(const std::string& path) {
  auto file = posix_files().open(path, open_mode::replace);
  if (!file)
    bench::fail(file.error().context, 0);
  must((*file)->write(0, std::string(4u << 20, '\0')));
  must((*file)->sync());
  const std::string data(200, 'x');
  constexpr std::uint64_t count = 2'000;
  const auto began = bench::bench_clock::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    must((*file)->write(i * data.size(), data));
    must((*file)->sync());
  }
  bench::print_figure("fdatasync", bench::seconds_since(began) / count * 1e6,
                      "us");
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1)
    ::setenv("TMPDIR", argv[1], 1);
  const test::temp_dir directory;
  reference(directory / "reference");
  small_files(directory / "durable", durability::durable, "create_1k");
  appends(directory / "durable", durability::durable, "append_100");
  stream(directory / "durable", durability::durable, "write_1g");
  reads(directory / "durable");
  small_files(directory / "memory", durability::memory, "memory_create_1k");
  appends(directory / "memory", durability::memory, "memory_append_100");
  stream(directory / "memory", durability::memory, "memory_write_1g");
  memory(directory / "many");
  return 0;
}
