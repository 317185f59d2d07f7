#include "support/ordered_log_lives.hpp"

#include <gtest/gtest.h>

#include <array>

// Whole lives of an ordered log, ended at each of its calls: what was called
// back is there, in its order, and nothing that was not handed in.

namespace dfs::storage {
namespace {

using sim::power_loss;
using test::log_lives;

constexpr std::array<std::optional<power_loss>, 4> ends{
  power_loss::torn, power_loss::all, power_loss::nothing, std::nullopt};

TEST(OrderedLogCrash, AtEveryCall) { // SPEC Q10, S6; I7-I9
  std::uint64_t points = 0;
  std::uint64_t called_back = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (std::uint64_t at = 0;; ++at, ++points) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", call "
                   + std::to_string(at));
      log_lives x{seed};
      x.files.die(at);
      ASSERT_EQ(x.open(), "");
      if (x.log)
        x.run(120);
      const auto over = !x.files.dead();
      x.crash(ends[at % ends.size()]);
      ASSERT_EQ(x.open(), "");
      ASSERT_TRUE(x.log);
      // It goes on, and what this start has found is durable.
      if (at % 2 == 0)
        x.run(10);
      x.crash(power_loss::all);
      ASSERT_EQ(x.open(), "");
      called_back += x.called_back;
      if (over)
        break;
    }
  }
  EXPECT_GT(points, 500u);
  EXPECT_GT(called_back, 10'000u);
}

TEST(OrderedLogCrash, InManyLivesOneAfterAnother) { // SPEC Q10; I7-I9
  std::uint64_t called_back = 0;
  for (std::uint64_t seed = 100; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    log_lives x{seed};
    for (int life = 0; life < 6; ++life) {
      if (x.random.one_in(3))
        x.files.die(x.random.below(40)); // Perhaps in the middle of a start.
      ASSERT_EQ(x.open(), "") << life;
      if (x.log) {
        if (!x.files.dead() && x.random.one_in(2))
          x.files.die(x.random.below(150));
        x.run(static_cast<int>(x.random.below(200)));
      }
      x.crash(ends[x.random.below(ends.size())]);
    }
    ASSERT_EQ(x.open(), "");
    called_back += x.called_back;
  }
  EXPECT_GT(called_back, 8'000u);
}

TEST(OrderedLogCrash, AKilledProcessLosesNothingWithoutSyncs) { // SPEC S6
  std::uint64_t called_back = 0;
  for (std::uint64_t seed = 300; seed < 340; ++seed) {
    SCOPED_TRACE(seed);
    log_lives x{seed};
    x.options.sync = false;
    for (int life = 0; life < 5; ++life) {
      ASSERT_EQ(x.open(), "") << life;
      x.run(static_cast<int>(x.random.below(200)));
      x.crash(std::nullopt);
    }
    called_back += x.called_back;
  }
  EXPECT_GT(called_back, 3'000u);
}

// Without syncs a power cut may cost anything, but never the start.
TEST(OrderedLogCrash, AfterAPowerCutWithoutSyncsItStarts) {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 400; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    log_lives x{seed};
    x.options.sync = false;
    ASSERT_EQ(x.open(), "");
    x.run(200);
    const auto last = x.states[x.safe].last;
    x.crash(power_loss::torn);
    auto opened = ordered_log::open(x.files, "/data/log", x.options);
    ASSERT_TRUE(opened) << opened.error().context;
    lost += (*opened)->found().last < last ? 1 : 0;
    opened = fail(ec::cancelled);
  }
  EXPECT_GT(lost, 50u);
}

// A write or sync that fails is the end; what was called back before is there.
TEST(OrderedLogCrash, AFailedCallIsTheEnd) { // SPEC Q10; I10
  using test::file_call;
  int no_snapshot = 0;
  int failed = 0;
  for (const auto kind : {file_call::write, file_call::sync, file_call::rename,
                          file_call::sync_directory}) {
    for (std::uint64_t skip = 0; skip < 80; ++skip) {
      SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " "
                   + std::to_string(skip));
      log_lives x{500 + skip};
      ASSERT_EQ(x.open(), "");
      const auto from = x.files.calls(kind);
      x.files.fail(kind, skip, ec::io_error);
      x.run(400);
      if (x.files.calls(kind) <= from + skip)
        break;
      x.files.heal();
      if (x.refused && x.failures == 0) {
        // A snapshot that could not be written: the log is as it was.
        ++no_snapshot;
        x.log->run_once();
        x.log->run_once();
        x.crash(ends[skip % ends.size()]);
        ASSERT_TRUE(ordered_log::open(x.files, "/data/log", x.options));
        continue;
      }
      if (x.failures > 0) {
        ++failed;
        ASSERT_EQ(x.failures, 1);
        const auto safe = x.safe;
        x.append();
        x.promise();
        x.log->run_once();
        ASSERT_EQ(x.safe, safe); // Nobody is told that all is well.
        ASSERT_EQ(x.failures, 1);
      }
      x.crash(ends[skip % ends.size()]);
      ASSERT_EQ(x.open(), "");
    }
  }
  EXPECT_GT(failed, 40);
  EXPECT_GT(no_snapshot, 5);
}

} // namespace
} // namespace dfs::storage
