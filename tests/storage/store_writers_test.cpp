#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"
#include "support/temp_dir.hpp"
#include "support/volume_lives.hpp"

#include <gtest/gtest.h>

#include <string>

// SPEC G5, exactly once: a store knows who wrote to a chunk, whatever happens
// to it.

using namespace dfs;
using namespace dfs::storage;
using dfs::test::chunk_change;

namespace {

constexpr chunk_id chunk{42};
constexpr chunk_version version{1};
constexpr writer_id alice{11};
constexpr writer_id bob{12};

/// On a simulated disk, without threads.
struct StoreWriters : ::testing::Test {
  test::volume_lives lives{1};
  std::unique_ptr<chunk_store> store = lives.open();
  std::uint64_t serial = 0;
  msg::recent_writes expected;

  void write(std::uint32_t offset, const std::string& data,
             writer_id writer = {}, std::uint64_t sequence = 0) {
    const chunk_change change{chunk,
                              version,
                              mutation_serial{++serial},
                              mutation_kind::write,
                              offset,
                              data,
                              writer,
                              sequence};
    const auto applied = store->apply(change.what(), change.data());
    ASSERT_TRUE(applied) << applied.error().context;
    if (writer != writer_id{})
      expected.note({writer, sequence, mutation_serial{serial}});
  }

  void sync() {
    bool durable = false;
    store->when_durable(chunk, [&](const auto& x) { durable = bool{x}; });
    while (!durable)
      store->run_once();
  }

  void reopen() {
    store.reset();
    store = lives.open();
    ASSERT_TRUE(store) << lives.trouble;
    EXPECT_TRUE(store->damages().empty());
  }

  void lose_power() {
    lives.files.die(0);
    store.reset();
    lives.files.lose_power(lives.random, sim::power_loss::all);
    store = lives.open();
    ASSERT_TRUE(store) << lives.trouble;
  }
};

TEST_F(StoreWriters, AreRememberedWithTheirWrites) { // SPEC G5
  ASSERT_TRUE(store->create(chunk, version));
  EXPECT_TRUE(store->writes(chunk)->empty());
  write(0, "small, into an empty chunk", alice, 1);
  write(6, "over it", bob, 1);
  write(2, "by nobody");
  write(20, test::pattern(90'000, 1), alice, 2); // Not in the log as a whole.
  EXPECT_EQ(*store->writes(chunk), expected);
  sync();
  reopen();
  EXPECT_EQ(*store->writes(chunk), expected);
  EXPECT_EQ(store->state(chunk)->serial, mutation_serial{4});
}

TEST_F(StoreWriters, AreRememberedAsDurablyAsTheBytes) { // SPEC G5, S6
  ASSERT_TRUE(store->create(chunk, version));
  write(0, test::pattern(50'000, 1));
  write(100, "patch", alice, 1);
  sync();
  const auto durable = expected;
  write(100, "gone", bob, 1);
  lose_power();
  ASSERT_EQ(store->state(chunk)->serial, mutation_serial{2});
  EXPECT_EQ(*store->writes(chunk), durable);
  std::string bytes(5, '\0');
  ASSERT_TRUE(store->read_verified(chunk, 100, bytes));
  EXPECT_EQ(bytes, "patch");
}

TEST_F(StoreWriters, OfAPackedChunkAreRemembered) { // SPEC G5
  ASSERT_TRUE(store->create(chunk, version));
  write(0, "packed, as a put leaves it");
  EXPECT_EQ(store->usage().packed, 1u);
  write(0, "patched", alice, 1);
  sync();
  reopen();
  EXPECT_EQ(*store->writes(chunk), expected);
}

// Goal: what is forgotten is told. Method: more writers than there is room for,
// then records that say everything: of a compaction, and of a truncation.
TEST_F(StoreWriters, ThatAreForgottenAreKnownToBe) { // SPEC G5
  ASSERT_TRUE(store->create(chunk, version));
  write(0, test::pattern(20'000, 1));
  const auto most = msg::recent_writes::most;
  for (std::uint64_t i = 0; i < most + 40; ++i)
    write(static_cast<std::uint32_t>(i), "x", writer_id{100 + i}, 1);
  EXPECT_EQ(expected.forgotten, mutation_serial{41});
  EXPECT_EQ(*store->writes(chunk), expected);
  sync();
  reopen();
  EXPECT_EQ(*store->writes(chunk), expected);
  write(20'000, "more", alice, 1);
  write(20'004, "and more", alice, 2);
  sync();
  ASSERT_TRUE(store->truncate(chunk, mutation_serial{serial - 1}, 20'004));
  const auto there = *store->writes(chunk);
  EXPECT_EQ(there.find(alice), nullptr);
  EXPECT_EQ(there.forgotten, mutation_serial{serial - 1})
    << "the first one is there, and not remembered";
  sync();
  reopen();
  EXPECT_EQ(*store->writes(chunk), there);
}

TEST_F(StoreWriters, GoThroughCompactions) { // SPEC G5
  ASSERT_TRUE(store->create(chunk, version));
  write(0, "patched", alice, 1);
  // Enough of what is replaced at once, until the segments are moved.
  for (std::uint64_t i = 0; i < 60; ++i) {
    ASSERT_TRUE(store->create(chunk_id{1'000 + i}, version));
    const chunk_change other{
      chunk_id{1'000 + i},  version, mutation_serial{1},
      mutation_kind::write, 0,       test::pattern(3'000, i)};
    ASSERT_TRUE(store->apply(other.what(), other.data()));
    ASSERT_TRUE(store->remove(chunk_id{1'000 + i}));
    store->run_once();
  }
  EXPECT_LT(store->usage().log, 120'000u) << "nothing was compacted";
  reopen();
  EXPECT_EQ(*store->writes(chunk), expected);
}

TEST_F(StoreWriters, AreToldToThoseWhoLackThem) { // SPEC G5
  ASSERT_TRUE(store->create(chunk, version));
  write(0, "first", alice, 1);
  write(0, "nobody");
  write(1, "second", bob, 7);
  sync();
  reopen();
  const auto found = store->mutations_after(chunk, mutation_serial{});
  ASSERT_TRUE(found && *found);
  const auto& all = **found;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].writer, alice);
  EXPECT_EQ(all[0].sequence, 1u);
  EXPECT_EQ(all[1].writer, writer_id{});
  EXPECT_EQ(all[2].writer, bob);
  EXPECT_EQ(all[2].sequence, 7u);
}

TEST_F(StoreWriters, ComeWithACopy) { // SPEC G5, G10
  const std::string bytes = "small enough to be packed";
  msg::recent_writes writes;
  writes.note({alice, 3, mutation_serial{8}});
  writes.forgotten = mutation_serial{2};
  ASSERT_TRUE(store->begin_copy(chunk, copy_cache::past));
  const chunk_change data{chunk, {}, {}, {}, 0, bytes};
  ASSERT_TRUE(store->copy_data(chunk, 0, data.data()));
  const chunk_state state{chunk, version, mutation_serial{9},
                          static_cast<std::uint32_t>(bytes.size()),
                          std::nullopt};
  ASSERT_TRUE(store->finish_copy(state, {}, writes));
  EXPECT_EQ(*store->writes(chunk), writes);
  sync();
  reopen();
  EXPECT_EQ(*store->writes(chunk), writes);
  serial = 9;
  expected = writes;
  write(0, "patch", bob, 1);
  EXPECT_EQ(*store->writes(chunk), expected);
}

} // namespace
