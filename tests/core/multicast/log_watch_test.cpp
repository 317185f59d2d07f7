#include "core/multicast/log_watch.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class LogWatch : public testing::Test {
protected:
  // Looks as often as a machine does.
  void pass(std::chrono::milliseconds lasts) {
    for (const auto end = now + lasts; now < end; now += 50ms)
      log.look(now);
  }

  log_watch log{2s, 10s};
  instant now{1s};
};

TEST_F(LogWatch, NoticesADiskThatHangs) {
  pass(1s);
  log.begins(now);
  pass(1'900ms);
  EXPECT_FALSE(log.hangs());
  log.begins(now); // Behind the first: it waits for no shorter.
  pass(300ms);
  EXPECT_TRUE(log.hangs());
  EXPECT_TRUE(log.ails());
  log.moves(true, now);
  pass(100ms);
  EXPECT_FALSE(log.hangs());
  EXPECT_TRUE(log.ails());
  pass(10s);
  EXPECT_FALSE(log.ails());
}

TEST_F(LogWatch, ADiskThatIsSlowGetsOn) {
  log.begins(now);
  for (int i = 0; i < 10; ++i) {
    pass(1'500ms);
    log.moves(false, now);
  }
  EXPECT_FALSE(log.ails());
}

TEST_F(LogWatch, AnIdleDiskHangsForNobody) {
  pass(60s);
  EXPECT_FALSE(log.ails());
}

// Who did not run cannot tell what the disk did meanwhile.
TEST_F(LogWatch, AProcessThatWasStoppedIsNoHungDisk) {
  pass(1s);
  log.begins(now);
  pass(100ms);
  now += 5s;
  pass(100ms);
  EXPECT_FALSE(log.ails());
  pass(2s);
  EXPECT_TRUE(log.hangs());
}

} // namespace
} // namespace dfs::core
