#include "support/simulated_files.hpp"
#include "support/store_workload.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::file_call;

// Whole lives of a volume on a simulated disk: what was reported durable is
// there, and nothing is half there, however a life ends.

namespace {

const store_owner owner{"00112233445566ff", store_id{7}};

struct volume_lives {
  explicit volume_lives(std::uint64_t seed,
                        durability mode = durability::durable)
    : random{seed},
      work{model, random} {
    options = test::store_workload::options();
    options.mode = mode;
  }

  std::unique_ptr<chunk_store> open() {
    auto opened = chunk_store::open(files, "/volume", owner, options);
    if (!opened)
      trouble = "open: " + opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  void run(chunk_store& store, std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && trouble.empty(); ++i) {
      if (files.dead()) {
        work.allowed = {ec::io_error};
        store.run_once();
        break;
      }
      // The call that dies may be any, and is refused.
      work.allowed = {ec::io_error};
      trouble = work.step(store);
    }
  }

  rng random;
  sim::disk disk;
  test::simulated_files files{disk};
  test::store_model model;
  test::store_workload work;
  store_options options;
  std::string trouble;
};

// More of them with DFS_STORE_SEEDS=n: so many times as many.
std::uint64_t seeds(std::uint64_t usual) {
  const auto* more = std::getenv("DFS_STORE_SEEDS");
  return more != nullptr ? usual * std::strtoull(more, nullptr, 10) : usual;
}

// A life that ends by `end`, then the next one must have all that is due.
std::string one_life(volume_lives& x, std::uint64_t steps) {
  auto store = x.open();
  if (!store)
    return x.trouble;
  if (auto wrong = x.model.settle(*store); !wrong.empty())
    return "after the start: " + wrong;
  if (!store->damages().empty())
    return "damage: " + store->damages().front().what;
  x.work.forget_all();
  x.run(*store, steps);
  if (!x.trouble.empty())
    return x.trouble;
  if (auto wrong = x.files.dead() ? std::string{} : x.model.differences(*store);
      !wrong.empty())
    return "before the end: " + wrong;
  return {};
}

// The same for a life that may end while the volume is being opened.
std::string outcome(volume_lives& x) {
  auto wrong = one_life(x, 300);
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
      ASSERT_EQ(one_life(x, 150), "");
      // Closed cleanly: the newest state of each, acknowledged or not.
      for (auto& [id, chunk] : x.model.chunks)
        chunk.history = {chunk.now()};
    }
  }
}

TEST(ChunkStoreLives, LosesNothingDurableWhenKilled) { // SPEC S6
  std::uint64_t confirmed = 0;
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed,
                   seed % 2 == 0 ? durability::memory : durability::durable};
    for (int life = 0; life < 4; ++life) {
      x.files.die(x.random.below(life == 0 ? 700 : 300));
      ASSERT_EQ(outcome(x), "");
      x.files.heal(); // The process is gone; the page cache is not.
      x.disk.close_all();
    }
    confirmed += x.work.confirmed;
  }
  EXPECT_GT(confirmed, 500u);
}

TEST(ChunkStoreLives, LosesNothingDurableWithoutPower) { // SPEC S6
  std::uint64_t confirmed = 0;
  for (std::uint64_t seed = 1; seed <= seeds(150); ++seed) {
    SCOPED_TRACE(seed);
    volume_lives x{seed};
    for (int life = 0; life < 4; ++life) {
      x.files.die(x.random.below(life == 0 ? 700 : 300));
      ASSERT_EQ(outcome(x), "");
      const auto loss
        = std::array{sim::power_loss::torn, sim::power_loss::torn,
                     sim::power_loss::all, sim::power_loss::nothing};
      x.files.lose_power(x.random, loss[x.random.below(loss.size())]);
    }
    confirmed += x.work.confirmed;
  }
  EXPECT_GT(confirmed, 1'000u);
}

} // namespace
