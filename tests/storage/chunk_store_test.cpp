#include "storage/chunk_store.hpp"

#include "base/crc32c.hpp"
#include "support/chunk_data.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::chunk_change;
using dfs::test::refusal;

namespace {

const store_owner owner{"00112233445566ff", store_id{7}};
constexpr chunk_id chunk{42};
constexpr chunk_version version{1};

struct ChunkStore : ::testing::Test {
  test::temp_dir directory;
  std::unique_ptr<chunk_store> store = open();

  std::unique_ptr<chunk_store> open(store_options options = {}) {
    options.segment_bytes = 1u << 20;
    auto opened = chunk_store::open(posix_files(), directory / "volume", owner,
                                    std::move(options));
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
    return opened ? *std::move(opened) : nullptr;
  }

  void reopen() {
    store.reset();
    store = open();
  }

  result<nothing> apply(mutation_kind kind, std::uint64_t serial,
                        std::uint32_t offset, const std::string& data,
                        writer_id writer = {}, std::uint64_t sequence = 0) {
    const chunk_change change{chunk,  version, mutation_serial{serial},
                              kind,   offset,  data,
                              writer, sequence};
    return store->apply(change.what(), change.data());
  }
  result<nothing>
  write(std::uint64_t serial, std::uint32_t offset, const std::string& data) {
    return apply(mutation_kind::write, serial, offset, data);
  }

  void wait() {
    std::promise<bool> durable;
    store->when_durable(chunk, [&](const result<nothing>& outcome) {
      durable.set_value(static_cast<bool>(outcome));
    });
    EXPECT_TRUE(durable.get_future().get());
  }

  std::string read(std::uint32_t offset = 0, std::size_t size = 64u << 20) {
    std::string bytes(size, '\0');
    const auto got = store->read_verified(chunk, offset, bytes);
    EXPECT_TRUE(got) << (got ? "" : got.error().context);
    bytes.resize(got ? *got : 0);
    return bytes;
  }
};

TEST_F(ChunkStore, KeepsASmallChunkInTheLog) { // SPEC G2
  ASSERT_TRUE(store->create(chunk, version));
  ASSERT_TRUE(write(1, 0, "hello"));
  EXPECT_EQ(read(), "hello");
  wait();
  EXPECT_EQ(store->usage().packed, 1u);
  reopen();
  EXPECT_EQ(read(), "hello");
  EXPECT_EQ(store->state(chunk)->serial, mutation_serial{1});
}

TEST_F(ChunkStore, KeepsABigChunkInAFile) {
  const auto big = test::pattern(300'000, 1);
  ASSERT_TRUE(store->create(chunk, version));
  ASSERT_TRUE(write(1, 0, big));
  EXPECT_EQ(read(), big);
  wait();
  EXPECT_EQ(store->usage().packed, 0u);
  ASSERT_TRUE(write(2, 300'000, big));
  wait();
  reopen();
  EXPECT_EQ(read(), big + big);
  const auto plan = store->plan_read(chunk, 65'536, 1u << 20);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->length, 600'000u - 65'536u);
  std::string bytes(plan->length, '\0');
  ASSERT_TRUE(plan->file->read(plan->file_offset, bytes));
  EXPECT_EQ(bytes, (big + big).substr(65'536));
}

TEST_F(ChunkStore, AppendsAndOverwrites) {
  ASSERT_TRUE(store->create(chunk, version));
  std::string expected;
  std::uint64_t serial = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto record = test::pattern(100, static_cast<std::uint64_t>(i));
    ASSERT_TRUE(apply(mutation_kind::append, ++serial,
                      static_cast<std::uint32_t>(expected.size()), record,
                      writer_id{static_cast<std::uint64_t>(i % 8)},
                      static_cast<std::uint64_t>(i / 8) + 1));
    expected += record;
  }
  EXPECT_EQ(read(), expected);
  const auto patch = test::pattern(70'000, 9);
  ASSERT_TRUE(write(++serial, 50, patch));
  expected.replace(50, patch.size(), patch);
  EXPECT_EQ(read(), expected);
  wait();
  EXPECT_EQ(read(), expected);
  reopen();
  EXPECT_EQ(read(), expected);
  EXPECT_EQ(store->appends(chunk)->size(), 8u);
  EXPECT_EQ(store->last_append(chunk, writer_id{7})->sequence, 250u);
  const auto later = store->mutations_after(chunk, mutation_serial{1'900});
  ASSERT_TRUE(later && *later);
  EXPECT_EQ((**later).size(), 101u);
}

// Equal serials of two versions are not equal changes: a copy says nothing of
// how its bytes came about, and the replica that it replaced was another.
TEST_F(ChunkStore, ForgetsTheChangesOfWhatACopyReplaced) { // SPEC G7, I4
  ASSERT_TRUE(store->create(chunk, version));
  for (std::uint64_t serial = 1; serial <= 2; ++serial)
    ASSERT_TRUE(write(serial, 0, std::string(90'000, 'a')));
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  const chunk_change bytes{chunk, {}, {}, {}, 0, std::string(90'000, 'b')};
  ASSERT_TRUE(store->copy_data(chunk, 0, bytes.data()));
  ASSERT_TRUE(store->sync_copy(chunk));
  ASSERT_TRUE(store->finish_copy(
    {chunk, chunk_version{2}, mutation_serial{2}, 90'000, {}}, {}, {}));
  wait();
  for (int i = 0; i < 2; ++i) {
    const auto later = store->mutations_after(chunk, mutation_serial{1});
    ASSERT_TRUE(later);
    EXPECT_FALSE(*later) << "they are not known";
    reopen();
  }
  EXPECT_EQ(read(), std::string(90'000, 'b'));
}

} // namespace
