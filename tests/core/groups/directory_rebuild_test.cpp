#include "core/groups/directory_steps.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <variant>

// `admin rebuild-directory`: what file servers know of their groups counts.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

// The others are asked, and have time to answer.
TEST_F(DirectorySteps, ARebuildAsksEveryServerThatIsThere) { // SPEC S9
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(3s, {1, 2, 3});
  live(3s, {2, 3});
  machine->rebuild(5, now);
  std::set<std::uint64_t> asked;
  const auto take = [&] {
    std::optional<msg::directory_rebuilt> answer;
    for (auto& x : machine->take_effects())
      if (const auto* order = std::get_if<send_orders>(&x)) {
        if (!order->what.testify.empty())
          asked.insert(order->to.value());
      } else if (const auto* done = std::get_if<answer_rebuild>(&x)) {
        EXPECT_EQ(done->asker, 5u);
        answer = *done->answer;
      }
    return answer;
  };
  EXPECT_FALSE(take());
  EXPECT_EQ(asked, (std::set<std::uint64_t>{2, 3}));
  now += 6s; // Nobody has said anything.
  machine->tick(now);
  const auto answer = take();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->groups, 1u);
  EXPECT_EQ(answer->problems.size(), 1u);
}

// What everybody knows is in force already: nothing is logged, and who comes
// back into the set goes on with that.
TEST_F(LedGroup, ARebuildOfWhatIsKnownChangesNothing) { // SPEC S9
  const auto before = logged.size();
  machine->rebuild(5, now);
  drain();
  for (const std::uint64_t i : {1, 2, 3}) {
    msg::group_news known;
    known.store = store_id{i};
    known.boot = boot(i);
    known.testimonies.emplace_back().set = entry().in_force;
    machine->news(known, now);
  }
  machine->tick(now);
  drain();
  EXPECT_EQ(logged.size(), before);
  EXPECT_FALSE(entry().change);
}

// Too few of a set answer to tell whether it is in force: an operator is told
// who is missing. A group that nobody has is no problem.
TEST_F(DirectorySteps, ARebuildSaysWhichServersAreMissing) { // SPEC S9
  groups = 2;
  begin(1);
  for (const std::uint64_t i : {1, 2}) {
    enrol(i);
    stands[store_id{i}].epoch = group_epoch{7}; // Of metadata that are lost.
  }
  live(3s, {1, 2});
  machine->rebuild(5, now);
  for (const std::uint64_t i : {1, 2}) {
    msg::group_news said;
    for (std::uint64_t g = 0; g < groups; ++g) {
      auto& x = said.testimonies.emplace_back();
      x.set.group = group_id{g};
      if (g == 0 && i == 1)
        x.set = {group, group_epoch{7}, {3, 2, 2}, {}};
      for (const std::uint64_t member : {1, 3, 4})
        if (g == 0 && i == 1)
          x.set.servers.emplace_back(member);
    }
    said.store = store_id{i};
    said.boot = boot(i);
    machine->news(said, now);
  }
  machine->tick(now);
  std::optional<msg::directory_rebuilt> answer;
  for (auto& x : machine->take_effects())
    if (const auto* done = std::get_if<answer_rebuild>(&x))
      answer = *done->answer;
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->groups, 0u);
  ASSERT_EQ(answer->problems.size(), 1u);
  EXPECT_EQ(answer->problems[0],
            "group 0: of epoch 7 2 servers have to answer; missing: "
            "0000000000000003 0000000000000004");
}

} // namespace
} // namespace dfs::core
