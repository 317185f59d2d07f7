#include "support/multicast_machines.hpp"

#include <algorithm>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

// Servers with new disks have no vote before their first configuration. Those
// who were ready for it have one as soon as they know that it was installed.
class NewDisks : public multicast_machines {
protected:
  NewDisks() {
    durable = true;
    config.attempt_patience_again = config.attempt_patience; // Many fail.
  }

  void all_vote() {
    for (const auto& x : machines) {
      ASSERT_NE(x->configuration(), nullptr);
      EXPECT_EQ(x->configuration()->members.size(), machines.size());
      EXPECT_FALSE(x->record().forgetful);
    }
  }

  // The last two of four come back with nothing, when the first two have gone
  // on alone.
  void lose_two_of_four() {
    begin(4);
    run(1s);
    pass = [](auto from, auto to, const auto&) { return from < 3 && to < 3; };
    run(2s);
    pass = [](auto from, auto to, const auto&) { return from < 2 && to < 2; };
    run(2s);
    ASSERT_EQ(machines[0]->configuration()->members.size(), 2u);
    replace_disk(2);
    replace_disk(3);
    pass = [](auto, auto, const auto&) { return true; };
  }

  static bool has_commit(const msg::multicast_packet& packet) {
    return std::ranges::any_of(packet.parts, [](const part& x) {
      return std::holds_alternative<msg::commit_members>(x);
    });
  }

  // One that does not lead is slow to write the next attempt: longer than the
  // leader waits.
  void fail_attempt(std::size_t who) {
    pass = [&](auto, auto to, const auto& packet) {
      if (to == who && has_commit(packet))
        hung.insert(who);
      return true;
    };
    for (int i = 0; i < 20'000 && hung.empty(); ++i)
      run(100us);
    ASSERT_FALSE(hung.empty());
    pass = [](auto, auto, const auto&) { return true; };
    run(500ms);
    hung.clear();
  }
};

TEST_F(NewDisks, VoteInTheFirstConfiguration) { // SPEC Q4, Q10
  begin(3);
  for (int i = 0; i < 5'000 && !machines[2]->configuration(); ++i)
    run(100us);
  ASSERT_NE(machines[2]->configuration(), nullptr);
  for (const std::size_t i : {0, 1}) {
    ASSERT_EQ(machines[i]->configuration(), nullptr);
    restart_with_state(i);
    EXPECT_TRUE(machines[i]->record().forgetful);
  }
  run(2s);
  all_vote();
}

TEST_F(NewDisks, FormTheFirstConfigurationAfterManyFailures) { // SPEC Q4
  begin(3);
  for (int i = 0; i < 6; ++i)
    fail_attempt(0);
  run(3s);
  all_vote();
}

TEST_F(NewDisks, AreTakenInAfterManyFailures) { // SPEC Q4, Q10
  begin(3);
  run(1s);
  pass = [](auto from, auto to, const auto&) { return from < 2 && to < 2; };
  run(2s);
  replace_disk(2);
  pass = [](auto, auto, const auto&) { return true; };
  for (int i = 0; i < 6; ++i)
    fail_attempt(0);
  run(3s);
  all_vote();
}

TEST_F(NewDisks, AreTakenInThoughHalfOfAnAttemptIsNew) { // SPEC Q4, Q10
  lose_two_of_four();
  fail_attempt(0);
  // What they were in is on their disks.
  restart_with_state(2);
  restart_with_state(3);
  run(3s);
  all_vote();
}

// The leader has a new disk itself, and dies before it has the attempt on it;
// the other new one does not hear of it. Those who vote must not be left with
// an attempt of which half cannot speak.
TEST_F(NewDisks, HaveAnAttemptBeforeThoseWhoVote) { // SPEC Q4, Q10
  lose_two_of_four();
  bool sent = false;
  pass = [&](auto from, auto to, const auto& packet) {
    const bool commit = has_commit(packet);
    sent |= commit && from == 3;
    return !commit || to != 2;
  };
  std::optional<stored_group> before;
  for (int i = 0; i < 50'000 && !sent; ++i) {
    before = disk_of(3);
    run(100us);
  }
  ASSERT_TRUE(sent);
  run(5ms);
  restart(3, *before);
  pass = [](auto, auto, const auto&) { return true; };
  run(4s);
  all_vote();
}

} // namespace
} // namespace dfs::core
