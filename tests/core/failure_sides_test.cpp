#include "failure_network.hpp"

#include <gtest/gtest.h>

// Two sides that differ in more than who was cut off: nodes come to the smaller
// one during a split, or it alone hears nobody. The larger one keeps its lives.
// SPEC M2, M5.

namespace dfs::core::test {
namespace {

constexpr network_options bad{
  .loss_percent = 10, .duplicate_percent = 5, .delay_max = 20ms};
constexpr std::uint64_t later = 1'700'000'500'000;

void expect_no_rejoins(network& net, std::uint8_t first, std::uint8_t last) {
  for (auto i = first; i <= last; ++i)
    for (const auto& again : net.at(i).rejoins)
      ADD_FAILURE() << int{i} << " rejoined: " << again.cause;
}

// It is over for nobody, and holds all of the larger side for dead.
TEST(FailureSides, WhoCameToTheSmallerSideBeginsAnewWithIt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    for (std::uint8_t i = 1; i <= 5; ++i) {
      net.cut(i, 6), net.cut(6, i);
      net.cut(i, 7), net.cut(7, i);
    }
    net.run(3s);
    net.start(7, {make_record(6).id.address()}, 4, later);
    net.run(40s);
    ASSERT_EQ(net.machine(7).members().size(), 2u);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(7); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(7));
    expect_no_rejoins(net, 1, 5);
  }
}

// A restart within the smaller side is such a node, too.
TEST(FailureSides, WhoWasRestartedInTheSmallerSideBeginsAnewWithIt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(7);
    net.split({5, 6, 7});
    net.run(10s);
    const auto known = net.machine(5).addresses(net.now());
    net.crash(5);
    net.run(1s);
    net.start(5, first_node, 4, later, known);
    net.run(20s);
    ASSERT_EQ(net.machine(5).members().size(), 3u);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(7); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(7));
    expect_no_rejoins(net, 1, 4);
  }
}

// The clock of one that is alone makes its side no stronger.
TEST(FailureSides, WhoAsksTheWrongOfTwoIsNotTheStronger) {
  network net{1, {}};
  net.start_group(4);
  net.run(3s);
  const auto& healthy = net.machine(1);
  auto stranger = make_record(9, 4, 1'600'000'000'000); // The oldest of all.
  net.inject(
    1,
    {stranger.id, msg::gossip_introduction{msg::introduction_kind::hello,
                                           stranger, 7, 1, stranger.id.start_ms,
                                           7, healthy.self().id.start_ms}},
    stranger.id.address());
  EXPECT_TRUE(net.at(1).rejoins.empty());
  EXPECT_FALSE(net.lists(1, 9)) << "before it has begun anew";
}

struct mute_side {
  std::uint8_t nodes;
  std::uint8_t smaller; ///< The last ones.
};

void PrintTo(const mute_side& x, std::ostream* out) {
  *out << int{x.smaller} << " of " << int{x.nodes};
}

class MuteSide : public ::testing::TestWithParam<mute_side> {};

// Datagrams pass to one rack, and not back: its members begin anew while
// nobody hears them, and those lives hold the larger side for dead.
TEST_P(MuteSide, CostsTheLargerSideNoLife) {
  const auto x = GetParam();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(x.nodes);
    net.run(2s);
    const auto larger = static_cast<std::uint8_t>(x.nodes - x.smaller);
    for (std::uint8_t i = 1; i <= larger; ++i)
      for (auto k = larger; k < x.nodes; ++k)
        net.cut(static_cast<std::uint8_t>(k + 1), i);
    net.run(40s);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(x.nodes); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(x.nodes));
    expect_no_rejoins(net, 1, larger);
  }
}

INSTANTIATE_TEST_SUITE_P(Racks, MuteSide,
                         ::testing::Values(mute_side{5, 2}, mute_side{7, 3},
                                           mute_side{12, 3}));

struct deaf_side {
  std::uint8_t nodes;
  std::uint8_t smaller; ///< The last ones; half of them may be.
  std::chrono::seconds how_long = 40s;
};

void PrintTo(const deaf_side& x, std::ostream* out) {
  *out << int{x.smaller} << " of " << int{x.nodes} << " for "
       << x.how_long.count() << " s";
}

class DeafSide : public ::testing::TestWithParam<deaf_side> {};

// A rack is heard, and hears nobody of the others, but itself: both sides see
// the other one fall silent at the same moment.
TEST_P(DeafSide, CostsTheLargerSideNoLife) { // SPEC M5
  const auto x = GetParam();
  const std::uint64_t seeds = x.nodes <= 12 ? 30 : 4;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(x.nodes);
    net.run(2s);
    const auto larger = static_cast<std::uint8_t>(x.nodes - x.smaller);
    for (std::uint8_t i = 1; i <= larger; ++i)
      for (auto k = larger; k < x.nodes; ++k)
        net.cut(i, static_cast<std::uint8_t>(k + 1));
    net.run(x.how_long);
    EXPECT_EQ(net.machine(1).members().size(), larger);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(x.nodes); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(x.nodes));
    expect_no_rejoins(net, 1, larger);
  }
}

// Of two halves that without the oldest member is the smaller one; here it is
// the first node, because ids differ in their addresses' hashes only.
INSTANTIATE_TEST_SUITE_P(
  Racks, DeafSide,
  ::testing::Values(deaf_side{5, 2}, deaf_side{5, 2, 600s}, deaf_side{6, 2},
                    deaf_side{7, 3}, deaf_side{9, 2}, deaf_side{9, 4},
                    deaf_side{12, 5}, deaf_side{20, 6}, deaf_side{40, 9}));

// Halves: that with the oldest member stays.
TEST(FailureSides, OfTwoHalvesThatAreDeafToOneAnotherTheOlderStays) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const std::uint8_t half = seed % 2 == 0 ? 2 : 3;
    const auto nodes = static_cast<std::uint8_t>(2 * half);
    network net{seed, bad};
    net.start(1, first_node, 1);
    for (std::uint8_t i = 2; i <= nodes; ++i) // The second is the oldest.
      net.start(i, first_node, 4, i == 2 ? 1 : later + i);
    ASSERT_TRUE(net.run_until(10s, [&] { return net.agree(nodes); }));
    net.run(2s);
    const bool older_is_deaf = seed % 4 < 2;
    for (std::uint8_t i = 1; i <= half; ++i)
      for (auto k = static_cast<std::uint8_t>(half + 1); k <= nodes; ++k)
        older_is_deaf ? net.cut(k, i) : net.cut(i, k);
    net.run(40s);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(nodes); }));
    net.run(10s);
    expect_no_rejoins(net, 1, half);
  }
}

} // namespace
} // namespace dfs::core::test
