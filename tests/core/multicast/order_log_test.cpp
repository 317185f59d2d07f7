#include "core/multicast/order_log.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using order_added = order_log::order_added;

msg::message_body
body(std::uint64_t server, std::uint64_t q, std::uint64_t life = 1) {
  return {{server_id{server}, life_id{life}, q},
          msg::body_kind::packed,
          std::to_string(server) + "/" + std::to_string(q)};
}

class OrderLog : public testing::Test {
protected:
  OrderLog() {
    log.restart(0, 0, {});
  }

  void give(std::uint64_t k, const msg::message_body& x) {
    EXPECT_TRUE(log.add_body(x, 100));
    EXPECT_EQ(log.add_order(k, x.number), order_added::added);
    (void) log.advance();
    log.check();
  }

  order_log log;
};

TEST_F(OrderLog, JoinsUpWhatComesInAnyOrder) { // SPEC Q2, Q3
  EXPECT_EQ(log.add_order(2, body(2, 1).number), order_added::added);
  EXPECT_TRUE(log.add_body(body(1, 1), 100));
  EXPECT_EQ(log.advance(), 0u);
  EXPECT_EQ(log.missing(2, 10), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(log.add_order(1, body(1, 1).number), order_added::added);
  EXPECT_EQ(log.advance(), 1u);
  EXPECT_EQ(log.missing(2, 10), (std::vector<std::uint64_t>{2}));
  EXPECT_TRUE(log.add_body(body(2, 1), 100));
  EXPECT_EQ(log.advance(), 1u);
  EXPECT_EQ(log.received(), 2u);
  EXPECT_FALSE(log.has_loose());
}

// Servers of different versions compare it, and logs on disks have it.
TEST(Chain, IsTheSameInEveryVersion) { // SPEC Q2
  EXPECT_EQ(next_chain(0, body(1, 1, 1)), 1977806571536333744u);
  EXPECT_EQ(next_chain(1, body(2, 3, 77)), 13004948357686849954u);
}

TEST_F(OrderLog, TakesAMessageOnce) { // SPEC Q3
  give(1, body(1, 1));
  EXPECT_FALSE(log.add_body(body(1, 1), 100));
  EXPECT_EQ(log.add_order(1, body(1, 1).number), order_added::known);
  EXPECT_EQ(log.next_of(server_id{1}, life_id{1}), nullptr);
}

TEST_F(OrderLog, KeepsTheFirstOfTwoOrders) { // SPEC Q2
  give(1, body(1, 1));
  EXPECT_EQ(log.add_order(1, body(2, 1).number), order_added::conflict);
  EXPECT_EQ(log.add_order(5, body(2, 1).number), order_added::added);
  EXPECT_EQ(log.add_order(5, body(3, 1).number), order_added::conflict);
  EXPECT_EQ(*log.number_at(5), body(2, 1).number);
}

TEST_F(OrderLog, RefusesWhatIsTooFarAhead) {
  EXPECT_TRUE(log.add_body(body(1, 4), 4));
  EXPECT_FALSE(log.add_body(body(1, 5), 4));
}

TEST_F(OrderLog, HoldsASendersMessagesInTheirOrder) {
  EXPECT_TRUE(log.add_body(body(1, 2), 100));
  EXPECT_EQ(log.next_of(server_id{1}, life_id{1}), nullptr);
  EXPECT_EQ(log.add_order(1, body(1, 2).number), order_added::added);
  EXPECT_EQ(log.advance(), 0u); // L2
}

TEST_F(OrderLog, CountsEachLifeFromOne) { // SPEC Q5
  give(1, body(1, 1));
  give(2, body(1, 1, 2));
  EXPECT_EQ(log.ordered(server_id{1}, life_id{2}), 1u);
  EXPECT_EQ(log.ordered(server_id{1}, life_id{1}), 0u);
}

TEST_F(OrderLog, ForgetsWhatIsCutOff) { // SPEC Q4
  give(1, body(1, 1));
  const auto chain = log.chain_at(1);
  give(2, body(2, 1));
  give(3, body(1, 2));
  EXPECT_TRUE(log.add_body(body(1, 3), 100));
  log.cut_off(1);
  EXPECT_EQ(log.received(), 1u);
  EXPECT_EQ(log.chain_at(1), chain);
  EXPECT_EQ(log.ordered(server_id{1}, life_id{1}), 1u);
  EXPECT_EQ(log.ordered(server_id{2}, life_id{1}), 0u);
  EXPECT_FALSE(log.has_loose());
  give(2, body(3, 1)); // Another one may stand there now.
}

TEST_F(OrderLog, ChainsTellOrdersApart) {
  give(1, body(1, 1));
  give(2, body(2, 1));
  order_log other;
  other.restart(0, 0, {});
  for (const auto& x : {body(2, 1), body(1, 1)}) {
    EXPECT_TRUE(other.add_body(x, 100));
    EXPECT_EQ(other.add_order(other.received() + 1, x.number),
              order_added::added);
    EXPECT_EQ(other.advance(), 1u);
  }
  EXPECT_NE(log.chain_at(2), other.chain_at(2));
}

TEST_F(OrderLog, KeepsTheChainOfItsFloor) {
  give(1, body(1, 1));
  give(2, body(2, 1));
  const auto chain = log.chain_at(1);
  log.forget(1);
  EXPECT_EQ(log.floor(), 1u);
  EXPECT_EQ(log.chain_at(1), chain);
  EXPECT_EQ(log.chain_at(0), std::nullopt);
  EXPECT_EQ(log.body_at(1), nullptr);
  EXPECT_NE(log.body_at(2), nullptr);
}

TEST_F(OrderLog, NamesNoMoreThanIsAskedFor) {
  EXPECT_EQ(log.missing(100, 10).size(), 10u);
  EXPECT_EQ(log.missing(10, 10).size(), 10u);
  EXPECT_EQ(log.missing(9, 10).size(), 9u);
}

TEST_F(OrderLog, KnowsWhatIsAtItsFloor) {
  log.restart(5, 0, {});
  EXPECT_EQ(log.add_order(5, body(1, 1).number), order_added::known);
  log.check();
  EXPECT_FALSE(log.has_loose());
}

} // namespace
} // namespace dfs::core
