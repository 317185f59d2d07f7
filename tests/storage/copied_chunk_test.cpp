#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"
#include "support/eventually.hpp"
#include "support/held_files.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <future>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::chunk_change;
using dfs::test::refusal;

namespace {

constexpr auto piece = test::held_files::piece;

struct CopiedChunk : ::testing::Test {
  static constexpr chunk_id chunk{42};
  static constexpr chunk_version version{1};

  test::temp_dir directory;
  test::held_files files;
  std::unique_ptr<chunk_store> store;

  CopiedChunk() {
    auto opened
      = chunk_store::open(files, directory / "volume",
                          {"00112233445566ff", store_id{7}}, store_options{});
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
    store = *std::move(opened);
  }

  static std::string bytes_of(std::uint32_t number) {
    return test::pattern(piece, number);
  }

  result<nothing> copy(std::uint32_t number) {
    const chunk_change x{chunk, {}, {}, {}, number * piece, bytes_of(number)};
    return store->copy_data(chunk, number * piece, x.data());
  }

  void expect_whole(std::uint32_t pieces) {
    const auto length = pieces * piece;
    EXPECT_TRUE(store->finish_copy(
      {chunk, version, mutation_serial{3}, length, {}}, {}, {}));
    std::promise<void> durable;
    store->when_durable(chunk, [&](const result<nothing>& x) {
      EXPECT_TRUE(x);
      durable.set_value();
    });
    durable.get_future().wait();
    std::string bytes(piece, '\0');
    for (std::uint32_t n = 0; n < pieces; ++n) {
      EXPECT_TRUE(store->read_verified(chunk, n * piece, bytes));
      EXPECT_EQ(bytes, bytes_of(n));
    }
  }
};

// Or all of them would be written by the sync at their end, one by one.
TEST_F(CopiedChunk, IsWrittenBackWhileItGrows) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  for (std::uint32_t n = 0; n < 20; ++n)
    ASSERT_TRUE(copy(n));
  EXPECT_TRUE(test::eventually([&] { return files.begun > 0; }));
  expect_whole(20);
}

// A piece may take the kernel milliseconds.
TEST_F(CopiedChunk, HoldsUpNoChange) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  ASSERT_TRUE(copy(0));
  std::promise<void> end;
  auto reached = files.hold(end.get_future().share());
  auto second = std::async(std::launch::async, [&] { return copy(1); });
  reached.wait();
  ASSERT_TRUE(store->create(chunk_id{1}, version));
  const chunk_change change{chunk_id{1},          version, mutation_serial{1},
                            mutation_kind::write, 0,       "hello"};
  EXPECT_TRUE(store->apply(change.what(), change.data()));
  end.set_value();
  EXPECT_TRUE(second.get());
  expect_whole(2);
}

TEST_F(CopiedChunk, TakesNoPieceOfACopyThatWasDropped) { // SPEC G10
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  ASSERT_TRUE(copy(0));
  std::promise<void> end;
  auto reached = files.hold(end.get_future().share());
  auto second = std::async(std::launch::async, [&] { return copy(1); });
  reached.wait();
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past)); // Drops the first.
  ASSERT_TRUE(copy(0));
  end.set_value();
  EXPECT_EQ(refusal(second.get()), ec::not_found);
  EXPECT_FALSE(store->failed());
  ASSERT_TRUE(copy(1));
  expect_whole(2);
}

TEST_F(CopiedChunk, StandsBesideWhatItReplaces) { // SPEC G10
  const auto begin = [&] {
    ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
    for (std::uint32_t n = 0; n < 3; ++n)
      ASSERT_TRUE(copy(n));
  };
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  ASSERT_TRUE(copy(0));
  ASSERT_TRUE(copy(1));
  expect_whole(2);
  begin();
  EXPECT_EQ(store->state(chunk)->length, 2 * piece);
  EXPECT_EQ(refusal(store->finish_copy(
              {chunk, version, mutation_serial{4}, 3 * piece, {}}, {}, {})),
            ec::invalid_argument)
    << "the disk may not have it yet";
  ASSERT_TRUE(store->drop_copy(chunk));
  EXPECT_EQ(store->state(chunk)->length, 2 * piece);
  EXPECT_EQ(refusal(store->sync_copy(chunk)), ec::not_found);
  begin();
  ASSERT_TRUE(store->sync_copy(chunk));
  expect_whole(3);
  EXPECT_EQ(store->usage().data, 3 * piece);
  EXPECT_EQ(store->list().size(), 1u);
}

} // namespace
