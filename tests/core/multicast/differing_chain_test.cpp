#include "support/multicast_machines.hpp"

// A server whose order differs from that of the others: which must not be, and
// is no reason for all of them to stand still.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class DifferingChain : public multicast_machines,
                       public testing::WithParamInterface<std::size_t> {};

TEST_P(DifferingChain, LeavesItsServerOut) { // SPEC Q4
  const auto who = GetParam();
  durable = true;
  begin(3);
  run(300ms);
  for (submit_token i = 1; i <= 3; ++i) {
    submit(1, i, "x");
    run(50ms);
  }
  for (const auto& x : delivered)
    ASSERT_EQ(x.size(), 3u);
  // All come back at once: they begin a change together.
  for (std::size_t i = 0; i < 3; ++i) {
    auto stored = disk_of(i);
    if (i == who)
      ++stored.position.chain;
    restart(i, stored);
  }
  run(3s);
  for (std::size_t i = 0; i < 3; ++i)
    if (i != who) {
      ASSERT_TRUE(machines[i]->serving());
      EXPECT_EQ(machines[i]->configuration()->members.size(), 2u);
    }
  const auto other = who == 1 ? 0u : 1u;
  submit(other, 9, "y");
  run(50ms);
  EXPECT_EQ(safe.back(), 9u);
  // It takes over what they have, as a whole.
  run(15s);
  for (const auto& x : machines) {
    ASSERT_NE(x->configuration(), nullptr);
    EXPECT_EQ(x->configuration()->members.size(), 3u);
    EXPECT_EQ(x->position().chain, machines[other]->position().chain);
  }
  EXPECT_EQ(replaced, (std::map<server_id, int>{{server_id{who + 1}, 1}}));
}

// Also if it leads.
INSTANTIATE_TEST_SUITE_P(Each, DifferingChain, testing::Values(0, 1, 2));

} // namespace
} // namespace dfs::core
