#include "client/memory_budget.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dfs::client {
namespace {

struct MemoryBudgetTest : ::testing::Test {
  boost::asio::io_context io{1};
  std::shared_ptr<memory_budget> budget
    = std::make_shared<memory_budget>(io, 100);
  std::vector<int> order;
  std::vector<memory_budget::room> rooms;

  void take(int name, std::size_t bytes) {
    budget->take(bytes, [this, name](auto room) {
      order.push_back(name);
      rooms.push_back(std::move(room));
    });
  }

  void run() {
    io.restart();
    io.poll();
  }
};

TEST_F(MemoryBudgetTest, GivesRoomInTheOrderOfAsking) {
  take(1, 60);
  take(2, 60);
  take(3, 10);                // Would fit, and waits in line all the same.
  EXPECT_TRUE(order.empty()); // Not from within.
  run();
  EXPECT_EQ(order, (std::vector{1}));
  EXPECT_EQ(budget->try_take(1), nullptr);
  rooms.clear();
  run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(budget->bytes_used(), 70u);
  const auto rest = budget->try_take(30);
  EXPECT_NE(rest, nullptr);
  EXPECT_EQ(budget->try_take(1), nullptr);
  rooms.clear();
  EXPECT_EQ(budget->bytes_used(), 30u);
}

TEST_F(MemoryBudgetTest, TakesRoomBackFromAnyThread) {
  take(1, 100);
  take(2, 100);
  run();
  std::thread{[room = std::move(rooms[0])]() mutable { room.reset(); }}.join();
  rooms.clear();
  run();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_F(MemoryBudgetTest, CallsNobodyAfterItsEnd) {
  take(1, 100);
  run();
  take(2, 100);
  budget->close();
  take(3, 1);
  rooms.clear();
  run();
  EXPECT_EQ(order, (std::vector{1}));
}

} // namespace
} // namespace dfs::client
