#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::refusal;

// A store with its own threads, as servers use it.

namespace {

const store_owner owner{"00112233445566ff", store_id{7}};
constexpr chunk_version version{1};

struct StoreThreads : ::testing::Test {
  test::temp_dir directory;
  std::unique_ptr<chunk_store> store;

  void open(store_options options = {}) {
    options.segment_bytes = 512 * 1024;
    options.checkpoint_bytes = 256 * 1024;
    options.compact_bytes_per_second = 1u << 30;
    auto opened = chunk_store::open(posix_files(), directory / "volume", owner,
                                    std::move(options));
    ASSERT_TRUE(opened) << opened.error().context;
    store = *std::move(opened);
  }

  bool apply(chunk_id id, std::uint64_t serial, std::uint32_t offset,
             const std::string& data) {
    const test::chunk_change change{
      id, version, mutation_serial{serial}, mutation_kind::write, offset, data};
    return static_cast<bool>(store->apply(change.what(), change.data()));
  }

  template <class... Chunk>
  void wait(Chunk... chunk) {
    std::promise<void> told;
    store->when_durable(chunk..., [&](const result<nothing>& x) {
      EXPECT_TRUE(x);
      told.set_value();
    });
    told.get_future().wait();
  }
};

// Readers see a chunk as it was after one of its changes, block by block,
// while it is written, overwritten, moved by compaction and synced.
TEST_F(StoreThreads, ReadersSeeWholeBlocks) { // SPEC G9
  open();
  constexpr std::uint64_t chunks = 4;
  constexpr std::uint32_t size = 2 * block_bytes + 1'000;
  // Every block is filled with one letter at any time.
  const auto letters = [](char letter) { return std::string(size, letter); };
  for (std::uint64_t id = 1; id <= chunks; ++id) {
    ASSERT_TRUE(store->create(chunk_id{id}, version));
    ASSERT_TRUE(apply(chunk_id{id}, 1, 0, letters('a')));
  }
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> reads{0};
  const auto read = [&](std::uint64_t seed) {
    rng random{seed};
    std::string bytes(size, '\0');
    while (!stop) {
      const chunk_id id{1 + random.below(chunks)};
      const auto got = random.one_in(2) ? store->read_verified(id, 0, bytes)
                                        : store->read_cached(id, 0, bytes);
      if (!got && got.error().code == ec::busy)
        continue;
      ASSERT_TRUE(got) << got.error().context;
      ASSERT_EQ(*got, size);
      for (std::uint32_t at = 0; at < size; at += block_bytes) {
        const auto block = std::string_view{bytes}.substr(at, block_bytes);
        ASSERT_EQ(block.find_first_not_of(block.front()),
                  std::string_view::npos);
      }
      ++reads;
    }
  };
  std::thread first{read, 1};
  std::thread second{read, 2};
  rng random{3};
  std::vector<std::uint64_t> serials(chunks + 1, 1);
  for (int i = 0; i < 300; ++i) {
    const auto id = 1 + random.below(chunks);
    const auto letter = static_cast<char>('a' + random.below(26));
    EXPECT_TRUE(apply(chunk_id{id}, ++serials[id], 0, letters(letter)));
    // Small ones come and go, so that there is something to compact.
    const chunk_id small{100 + static_cast<std::uint64_t>(i)};
    EXPECT_TRUE(store->create(small, version));
    EXPECT_TRUE(apply(small, 1, 0, std::string(3'000, letter)));
    if (i >= 10)
      EXPECT_TRUE(store->remove(chunk_id{small.value() - 10}));
    if (random.one_in(8))
      wait(chunk_id{id});
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_GT(reads, 0u);
  wait();
  EXPECT_EQ(store->list().size(), chunks + 10);
}

// DESIGN 7: one sync for all who wait.
TEST_F(StoreThreads, AnswersAllWhoWait) {
  open();
  constexpr int writers = 8;
  std::atomic<int> answered{0};
  std::promise<void> all;
  for (int i = 0; i < writers * 20; ++i) {
    const chunk_id id{static_cast<std::uint64_t>(i) + 1};
    ASSERT_TRUE(store->create(id, version));
    ASSERT_TRUE(apply(id, 1, 0, "x"));
    store->when_durable(id, [&](const result<nothing>& x) {
      EXPECT_TRUE(x);
      if (++answered == writers * 20)
        all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(answered, writers * 20);
}

TEST_F(StoreThreads, TellsThoseWhoWaitWhenItCloses) {
  open();
  ASSERT_TRUE(store->create(chunk_id{1}, version));
  ASSERT_TRUE(apply(chunk_id{1}, 1, 0, std::string(200'000, 'x')));
  std::atomic<int> told{0};
  for (int i = 0; i < 3; ++i)
    store->when_durable(chunk_id{1},
                        [&](const result<nothing>& x) { told += x ? 1 : 0; });
  store->close();
  EXPECT_EQ(told, 3); // Closing makes durable what is left.
  EXPECT_EQ(refusal(store->create(chunk_id{2}, version)), ec::shutting_down);
  std::promise<ec> refused;
  store->when_durable([&](const result<nothing>& x) {
    refused.set_value(x ? ec{} : x.error().code);
  });
  EXPECT_EQ(refused.get_future().get(), ec::shutting_down);
}

TEST_F(StoreThreads, MayBeCalledFromCallbacks) {
  open();
  std::promise<void> finished;
  std::uint64_t serial = 0;
  std::function<void(const result<nothing>&)> next
    = [&](const result<nothing>& x) {
        EXPECT_TRUE(x);
        if (serial == 50)
          return finished.set_value();
        const auto offset = static_cast<std::uint32_t>(serial * 10);
        EXPECT_TRUE(apply(chunk_id{1}, ++serial, offset, "0123456789"));
        store->when_durable(chunk_id{1}, next);
      };
  ASSERT_TRUE(store->create(chunk_id{1}, version));
  store->when_durable(chunk_id{1}, next);
  finished.get_future().wait();
  EXPECT_EQ(store->state(chunk_id{1})->length, 500u);
}

// Deleted data gives its space back without anybody asking.
TEST_F(StoreThreads, GivesSpaceBack) { // SPEC G12
  open();
  for (std::uint64_t i = 1; i <= 3'000; ++i) {
    ASSERT_TRUE(store->create(chunk_id{i}, version));
    ASSERT_TRUE(apply(chunk_id{i}, 1, 0, test::pattern(2'000, i)));
  }
  wait();
  EXPECT_GT(store->usage().log, 6'000'000u);
  for (std::uint64_t i = 1; i <= 3'000; ++i) {
    if (i % 10 != 0)
      ASSERT_TRUE(store->remove(chunk_id{i}));
  }
  wait();
  EXPECT_TRUE(test::eventually([&] { return store->usage().log < 3'000'000; },
                               std::chrono::seconds{60}));
  store.reset();
  open();
  EXPECT_EQ(store->list().size(), 300u);
  std::string bytes(2'000, '\0');
  for (std::uint64_t i = 10; i <= 3'000; i += 10) {
    ASSERT_TRUE(store->read_verified(chunk_id{i}, 0, bytes));
    EXPECT_EQ(bytes, test::pattern(2'000, i));
  }
}

} // namespace
