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

} // namespace
} // namespace dfs::core
