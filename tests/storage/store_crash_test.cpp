#include "support/volume_lives.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::seeds;
using dfs::test::volume_lives;

// Whole lives of a volume on a simulated disk: what was reported durable is
// there, and nothing is half there, however a life ends.

namespace {

// A life that may end at any call, also while the volume is being opened.
std::string dying_life(volume_lives& x, std::uint64_t calls_max) {
  x.work.allowed = {ec::io_error};
  x.files.die(x.random.below(calls_max));
  auto wrong = x.live(300);
  if (!x.files.dead() || wrong.rfind("open: ", 0) != 0)
    return wrong;
  x.trouble.clear();
  return {};
}

TEST(ChunkStoreLives, KeepsEverythingWhenClosed) { // SPEC S6
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed};
    for (int life = 0; life < 4; ++life) {
      ASSERT_EQ(x.live(150), "");
      // The newest state of each, acknowledged or not.
      for (auto& [id, chunk] : x.model.chunks)
        chunk.history = {chunk.now()};
    }
  }
}

TEST(ChunkStoreLives, LosesNothingDurableWhenKilled) { // SPEC S6
  std::uint64_t confirmed = 0;
  for (std::uint64_t seed = 1; seed <= seeds(70); ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed,
                   seed % 2 == 0 ? durability::memory : durability::durable};
    for (int life = 0; life < 4; ++life) {
      ASSERT_EQ(dying_life(x, life == 0 ? 700 : 300), "");
      x.files.heal(); // The process is gone; the page cache is not.
      x.disk.close_all();
    }
    confirmed += x.work.confirmed;
  }
  EXPECT_GT(confirmed, 500u);
}

TEST(ChunkStoreLives, LosesNothingDurableWithoutPower) { // SPEC S6
  constexpr std::array losses{sim::power_loss::torn, sim::power_loss::torn,
                              sim::power_loss::all, sim::power_loss::nothing};
  std::uint64_t confirmed = 0;
  for (std::uint64_t seed = 1; seed <= seeds(150); ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed};
    for (int life = 0; life < 4; ++life) {
      ASSERT_EQ(dying_life(x, life == 0 ? 700 : 300), "");
      x.files.lose_power(x.random, losses[x.random.below(losses.size())]);
    }
    confirmed += x.work.confirmed;
  }
  EXPECT_GT(confirmed, 1'000u);
}

// An older segment that comes back with the power would bring back what a later
// one, which does not, has removed.
TEST(ChunkStoreLives, LetsSegmentsGoOneAfterAnother) { // SPEC S6
  std::uint64_t gone = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed};
    std::uint64_t unsynced = 0;
    x.files.on_call = [&](test::file_call call, std::uint64_t,
                          const std::string& path, bool refused) {
      if (refused)
        return;
      if (call == test::file_call::remove && path.ends_with(".log")) {
        EXPECT_EQ(unsynced++, 0u) << path;
        ++gone;
      }
      if (call == test::file_call::sync_directory && path.ends_with("/log"))
        unsynced = 0;
    };
    for (int life = 0; life < 3; ++life) {
      ASSERT_EQ(x.live(300), "");
      for (auto& [id, chunk] : x.model.chunks)
        chunk.history = {chunk.now()};
    }
    EXPECT_EQ(unsynced, 0u);
    x.files.on_call = nullptr;
  }
  EXPECT_GT(gone, 20u);
}

// The record of a chunk that was cut to nothing is safe with the log; the name
// of its file is not. The chunk needs none of the file, and takes a new one.
TEST(ChunkStoreLives,
     WritesToAnEmptyChunkWhoseFileWentWithThePower) { // SPEC S6
  constexpr chunk_id chunk{3};
  constexpr chunk_version version{1};
  const test::chunk_change bar{
    chunk, version, mutation_serial{1}, mutation_kind::bar,
    0,     {},      writer_id{1},       1};
  const test::chunk_change added{chunk,
                                 version,
                                 mutation_serial{2},
                                 mutation_kind::append,
                                 0,
                                 test::pattern(1'000, 1),
                                 writer_id{1},
                                 2};
  volume_lives x{1};
  auto store = x.open();
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->create(chunk, version));
  ASSERT_TRUE(store->apply(bar.what(), bar.data()));
  ASSERT_TRUE(store->apply(added.what(), added.data()));
  ASSERT_TRUE(store->truncate(chunk, mutation_serial{1}, 0));
  auto durable = false;
  store->when_durable(chunk, [&](const auto& outcome) { durable = !!outcome; });
  for (int i = 0; i < 3 && !durable; ++i)
    store->run_once();
  ASSERT_TRUE(durable);
  x.files.die(0);
  store.reset();
  x.files.lose_power(x.random, sim::power_loss::all);
  for (int life = 0; life < 2; ++life) {
    store = x.open();
    ASSERT_TRUE(store) << x.trouble;
    const auto outcome = life == 0 ? store->apply(added.what(), added.data())
                                   : result<nothing>{done};
    EXPECT_TRUE(outcome) << outcome.error().context;
    EXPECT_FALSE(store->failed());
    if (life == 0)
      EXPECT_EQ(store->state(chunk)->serial, mutation_serial{2});
    std::string bytes(1'000, '\0');
    EXPECT_TRUE(store->read_verified(chunk, 0, bytes));
    EXPECT_EQ(bytes, test::pattern(1'000, 1));
    store.reset();
  }
}

} // namespace
