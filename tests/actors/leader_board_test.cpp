#include "actors/leader_board.hpp"

#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

namespace dfs::actors {
namespace {

msg::member_record member(std::uint16_t port, msg::role role) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), port, 10};
  x.roles = static_cast<msg::role_set>(role);
  x.stream_port = port;
  x.name = "node-" + std::to_string(port);
  return x;
}

const auto own = member(1, msg::role::chunkserver);
const auto master = member(2, msg::role::master);

struct LeaderBoard : ::testing::Test {
  master_term obeyed{5};
  leader_board board{1, [this] { return obeyed; }};
};

TEST_F(LeaderBoard, KnowsNothingOutsideTheGroup) {
  EXPECT_FALSE(board.answer().in_group);
  board.show(own.id, {own, master});
  EXPECT_TRUE(board.answer().in_group);
  board.show(own.id, {});
  EXPECT_FALSE(board.answer().in_group);
}

TEST_F(LeaderBoard, NamesTheMasterAndTheTermThatIsObeyed) { // SPEC M2, S7
  board.show(own.id, {own});
  EXPECT_FALSE(board.answer().known);
  board.show(own.id, {own, master});
  const auto said = board.answer();
  EXPECT_TRUE(said.known);
  EXPECT_FALSE(said.here);
  EXPECT_EQ(said.who, master.id);
  EXPECT_EQ(said.name, "node-2");
  EXPECT_EQ(said.address, master.stream_address());
  EXPECT_EQ(said.term, master_term{5});
}

// Datagrams of the master are lost, and its connections are not.
TEST_F(LeaderBoard, NamesTheMasterOfItsLinkWhenTheGroupHasLostIt) { // SPEC M2
  board.show(own.id, {own});
  board.follow(master);
  EXPECT_TRUE(board.answer().known);
  EXPECT_EQ(board.answer().who, master.id);
  EXPECT_EQ(
    msg::hint_in(board.may_lead().error().context),
    (msg::leader_hint{master.id, master.stream_address(), master_term{5}}));
  board.follow(std::nullopt);
  EXPECT_FALSE(board.answer().known);
}

TEST_F(LeaderBoard, NamesTheMasterOfTheGroupBeforeThatOfItsLink) { // SPEC M2
  board.follow(member(3, msg::role::master));
  board.show(own.id, {own, master});
  EXPECT_EQ(board.answer().who, master.id);
}

TEST_F(LeaderBoard, TheMasterSaysItsOwnTerm) {
  board.lead(master_term{9});
  board.show(master.id, {own, master});
  const auto said = board.answer();
  EXPECT_TRUE(said.here);
  EXPECT_EQ(said.term, master_term{9});
}

TEST_F(LeaderBoard, RefusesWhatIsForTheMasterAndSaysWhereItIs) { // SPEC S7
  const auto refused = board.may_lead();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::not_leader);
  EXPECT_FALSE(msg::hint_in(refused.error().context)); // Knows no master.
  board.show(own.id, {own, master});
  EXPECT_EQ(
    msg::hint_in(board.may_lead().error().context),
    (msg::leader_hint{master.id, master.stream_address(), master_term{5}}));
  board.lead(master_term{9});
  EXPECT_TRUE(board.may_lead());
}

// Ten thousand clients ask at once.
TEST_F(LeaderBoard, SaysLittleAndNotTheSameToAll) {
  std::vector<msg::member_record> all{own, master};
  for (std::uint16_t i = 3; i < 1'000; ++i)
    all.push_back(member(i, msg::role::chunkserver));
  all[1].name = std::string(32, 'x');
  board.show(own.id, all);
  std::set<endpoint> seen;
  for (int i = 0; i < 100; ++i) {
    const auto said = board.answer();
    EXPECT_LE(wire::encode(said).size(), 200u);
    seen.insert(said.others.begin(), said.others.end());
  }
  EXPECT_GT(seen.size(), 200u);
}

} // namespace
} // namespace dfs::actors
