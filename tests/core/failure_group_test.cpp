#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// Small groups in a bad network, many seeds each: the promises of SPEC M2, M4
// and M5. Larger groups: tests/sim.

namespace dfs::core::test {
namespace {

constexpr network_options bad{
  .loss_percent = 10, .duplicate_percent = 5, .delay_max = 20ms};

// SPEC M2: one introducer, everybody gets the whole list.
TEST(FailureGroup, JoinsWithinTwoSeconds) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start(1, first_node, 1);
    for (std::uint8_t i = 2; i <= 8; ++i)
      net.start(i, first_node);
    EXPECT_TRUE(net.run_until(3s, [&] { return net.agree(8); }));
    EXPECT_EQ(net.count_changes(msg::member_change::joined), 64u);
    EXPECT_EQ(net.count_changes(msg::member_change::failed), 0u);
  }
}

// SPEC M4: first list within 5 s, every list within 6 s; 2 to 8 members.
TEST(FailureGroup, DetectsACrashInTime) {
  for (std::uint64_t seed = 1; seed <= 140; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = static_cast<std::uint8_t>(2 + seed % 7);
    network net{seed, bad};
    net.start_group(size);
    net.run(std::chrono::milliseconds{3'000 + 37 * (seed % 20)});
    net.changes();
    const auto killed = net.now();
    net.crash(size);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(size - 1u); }));
    const auto changes = net.changes();
    ASSERT_EQ(changes.size(), size - 1u);
    EXPECT_LE(changes.front().when - killed, 4s);
    EXPECT_GE(changes.front().when - killed, 2s);
    EXPECT_LE(changes.back().when - killed, 4500ms);
  }
}

} // namespace
} // namespace dfs::core::test
