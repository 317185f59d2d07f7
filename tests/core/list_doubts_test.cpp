#include "core/failure/list_doubts.hpp"

#include "failure_network.hpp"

#include <gtest/gtest.h>

namespace dfs::core::test {
namespace {

struct ListDoubts : testing::Test {
  instant now{instant{} + 1h};
  member_table list{60s};
  list_doubts doubts;
  msg::member_record peer = make_record(2);

  ListDoubts() {
    list.join(make_record(1), now);
    list.join(peer, now);
  }

  std::size_t seen(bool same, std::chrono::seconds later) {
    now += later;
    doubts.observe(peer.id, same, now);
    return doubts.differing(list, now).size();
  }
};

TEST_F(ListDoubts, AreToldAfterAMinute) {
  EXPECT_EQ(seen(false, 0s), 0u);
  EXPECT_EQ(seen(false, 59s), 0u);
  EXPECT_EQ(seen(false, 1s), 1u);
  const auto found = find_differing(doubts.differing(list, now), 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, "LISTS_DIFFER");
  EXPECT_NE(found->text.find("node-2 at 10.0.0.2:7401"), std::string::npos);
  EXPECT_EQ(seen(true, 1s), 0u);
  EXPECT_FALSE(find_differing({}, 1));
}

// Lists change, and whoever is seen rarely may be seen then.
TEST_F(ListDoubts, NeedSeveralSightings) {
  EXPECT_EQ(seen(false, 0s), 0u);
  EXPECT_EQ(seen(false, 100s), 0u);
  EXPECT_EQ(seen(true, 100s), 0u);
  EXPECT_EQ(seen(false, 100s), 0u);
  EXPECT_EQ(seen(false, 100s), 0u);
}

TEST_F(ListDoubts, AreOfMembersOnly) {
  for (int i = 0; i < 3; ++i)
    seen(false, 60s);
  EXPECT_EQ(doubts.differing(list, now).size(), 1u);
  EXPECT_TRUE(doubts.differing(member_table{60s}, now).empty());
  EXPECT_TRUE(doubts.differing(list, now).empty()) << "forgotten";
}

// Its group port is blocked, the other one is not: alive by acks, and nobody
// who joins is on its list.
TEST(FailureGroup, TellsOfAListThatStaysAnother) { // SPEC S9
  network net{1, {}};
  net.start_group(5);
  net.run(5s);
  for (std::uint8_t i : {1, 2, 3, 4, 6}) { // It misses the news itself…
    net.cut(i, 5);
    net.cut(5, i);
  }
  net.start(6, {make_record(1).id.address()});
  net.run(1s);
  net.heal();
  net.block_group_port(5); // …and all that would mend it.
  net.run(50s);
  EXPECT_TRUE(net.machine(1).differing(net.now()).empty());
  net.run(50s);
  const auto differing = net.machine(1).differing(net.now());
  ASSERT_EQ(differing.size(), 1u);
  EXPECT_EQ(differing[0].name, "node-5");
  EXPECT_EQ(net.machine(5).differing(net.now()).size(), 4u);
  net.heal();
  net.run(10s);
  EXPECT_TRUE(net.agree(6));
  EXPECT_TRUE(net.machine(1).differing(net.now()).empty());
  EXPECT_TRUE(net.machine(5).differing(net.now()).empty());
}

} // namespace
} // namespace dfs::core::test
