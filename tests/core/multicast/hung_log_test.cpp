#include "support/multicast_machines.hpp"

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class HungLog : public multicast_machines {
protected:
  HungLog() {
    durable = true;
    config.unstable = 50; // Soon all wait for the one that does not get on.
    config.retained = 100;
    config.fit_lag = 40;
  }

  /// One submit after another. @returns how long none became safe, in all, but
  /// for what is usual.
  std::chrono::nanoseconds stopped(std::chrono::milliseconds lasts) {
    std::chrono::nanoseconds sum{};
    auto since = now;
    for (const auto end = now + lasts; now < end;) {
      const auto before = safe.size();
      submit(0, ++tokens, "x");
      run(10ms);
      if (safe.size() > before || now >= end) {
        if (now > since + 100ms)
          sum += now - since;
        since = now;
      }
    }
    return sum;
  }

  [[nodiscard]] std::size_t members() const {
    const auto* x = machines[0]->configuration();
    return x ? x->members.size() : 0;
  }

  submit_token tokens = 0;
};

TEST_F(HungLog, StopsTheOthersOnce) { // SPEC Q4, Q6
  begin(3);
  run(300ms);
  hung = {2};
  EXPECT_LE(stopped(4s), 2'500ms);
  EXPECT_EQ(members(), 2u);
  // It is heard all the time, and is not tried again.
  EXPECT_EQ(stopped(40s), 0ns);
  EXPECT_EQ(members(), 2u);
  EXPECT_TRUE(machines[2]->status().stalled);
  EXPECT_FALSE(machines[2]->serving());
  hung = {};
  EXPECT_EQ(stopped(9s), 0ns);
  EXPECT_EQ(members(), 2u); // It has to show that it works.
  EXPECT_LE(stopped(3s), 200ms);
  EXPECT_EQ(members(), 3u);
  EXPECT_FALSE(machines[2]->status().stalled);
  run(100ms);
  EXPECT_EQ(machines[2]->position(), machines[0]->position());
}

// Without it there is no quorum: the group waits for it, and no longer.
TEST_F(HungLog, OfWhoIsNeededIsWaitedFor) { // SPEC Q6
  begin(3);
  run(300ms);
  pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  run(1'500ms);
  ASSERT_TRUE(machines[1]->serving());
  hung = {2};
  submit(1, ++tokens, "waits");
  run(20s);
  EXPECT_TRUE(safe.empty());
  hung = {};
  run(100ms);
  EXPECT_EQ(safe.size(), 1u);
}

TEST_F(HungLog, AllAtOnceStopNobodyForLonger) { // SPEC Q6
  begin(3);
  run(300ms);
  hung = {0, 1, 2};
  EXPECT_GT(stopped(6s), 5s);
  hung = {};
  EXPECT_LE(stopped(20s), 1s);
  EXPECT_EQ(members(), 3u);
}

// What it is sent would only pile up in its memory.
TEST_F(HungLog, OfWhoIsBehindFetchesNoMoreThanItWrites) { // SPEC Q5
  config.retained = 1'000;
  config.message_bytes = 200;
  begin(3);
  run(300ms);
  const auto stored = disk_of(2);
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(1'500ms);
  for (int i = 0; i < 400; ++i) {
    submit(0, ++tokens, std::string(100, 'x'));
    run(2ms);
  }
  ASSERT_GT(machines[0]->position().k, 350u);
  restart(2, stored);
  run(100ms); // It has written what it is.
  pass = [](auto, auto, const auto&) { return true; };
  for (int i = 0; i < 400 && machines[2]->status().received == 0; ++i)
    run(1ms);
  hung = {2};
  run(1'500ms);
  const auto at = machines[2]->status();
  EXPECT_FALSE(at.stalled);
  EXPECT_GT(at.received, at.durable);
  EXPECT_LE(at.received,
            at.durable + config.unstable + 2 * msg::items_per_packet_max);
  hung = {};
  run(2s);
  EXPECT_EQ(machines[2]->position(), machines[0]->position());
}

} // namespace
} // namespace dfs::core
