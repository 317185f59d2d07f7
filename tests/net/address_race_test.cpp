#include "net/address_race.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::ip::tcp;

tcp::endpoint at(const std::string& ip, unsigned short port) {
  return {asio::ip::make_address(ip), port};
}

/// Listens, and takes nobody: its queue is full, so that the kernel drops what
/// comes, as a machine that is gone does.
struct black_hole {
  explicit black_hole(asio::io_context& io) : listening{io} {
    listening.open(tcp::v4());
    listening.bind(at("127.0.0.1", 0));
    listening.listen(0);
    for (int i = 0; i < 4; ++i) {
      fillers.emplace_back(io);
      fillers.back().open(tcp::v4());
      fillers.back().non_blocking(true);
      // Not Asio's, which waits.
      const auto where = listening.local_endpoint();
      (void) ::connect(fillers.back().native_handle(), where.data(),
                       static_cast<socklen_t>(where.size()));
    }
  }

  tcp::acceptor listening;
  std::vector<tcp::socket> fillers;
};

struct AddressRace : ::testing::Test {
  /// The address that won, or nothing.
  std::optional<tcp::endpoint> run(std::vector<tcp::endpoint> order) {
    std::optional<tcp::endpoint> winner;
    const auto began = std::chrono::steady_clock::now();
    const auto race = std::make_shared<address_race>(io);
    race->run(std::move(order), [&](auto failed, tcp::socket socket) {
      why = failed;
      if (!failed)
        winner = socket.remote_endpoint();
      io.stop();
    });
    io.restart();
    io.run_for(20s);
    took = std::chrono::steady_clock::now() - began;
    race->cancel();
    return winner;
  }

  asio::io_context io{1};
  tcp::acceptor live{io, at("127.0.0.1", 0)};
  boost::system::error_code why;
  std::chrono::steady_clock::duration took{};
};

// SPEC S7: the first address of a name swallows everything, the second lives.
TEST_F(AddressRace, PassesByAnAddressThatSwallowsEverything) {
  black_hole first{io};
  black_hole second{io};
  EXPECT_EQ(run({first.listening.local_endpoint(),
                 second.listening.local_endpoint(), live.local_endpoint()}),
            live.local_endpoint());
  EXPECT_GE(took, 500ms); // Each had its head start.
  EXPECT_LT(took, 10s);   // The kernel would have tried for minutes.
}

TEST_F(AddressRace, ARefusalGivesTheTurnAwayAtOnce) {
  tcp::acceptor gone{io, at("127.0.0.1", 0)};
  const auto refusing = gone.local_endpoint();
  gone.close();
  const std::vector<tcp::endpoint> many(60, refusing); // 15 s of head starts.
  auto order = many;
  order.push_back(live.local_endpoint());
  EXPECT_EQ(run(order), live.local_endpoint());
  EXPECT_LT(took, 10s);
  EXPECT_FALSE(run(many));
  EXPECT_EQ(why, asio::error::connection_refused);
}

TEST_F(AddressRace, SaysNothingAfterItsEnd) {
  const auto race = std::make_shared<address_race>(io);
  auto told = false;
  race->run({live.local_endpoint()}, [&](auto, tcp::socket) { told = true; });
  race->cancel();
  io.run_for(100ms);
  EXPECT_FALSE(told);
}

TEST(RaceOrder, FamiliesTakeTurns) {
  const auto a4 = at("10.0.0.1", 1), b4 = at("10.0.0.2", 1);
  const auto a6 = at("fd00::1", 1), b6 = at("fd00::2", 1);
  EXPECT_EQ(race_order("turns", {a6, b6, a4, b4}),
            (std::vector{a6, a4, b6, b4}));
  EXPECT_EQ(race_order("turns", {a4, b4}), (std::vector{a4, b4}));
}

TEST(RaceOrder, TheLastWinnerBegins) {
  const auto a = at("10.0.0.1", 1), b = at("10.0.0.2", 1);
  remember_winner("winner", b);
  EXPECT_EQ(race_order("winner", {a, b}), (std::vector{b, a}));
  EXPECT_EQ(race_order("other", {a, b}), (std::vector{a, b}));
  remember_winner("winner", at("10.0.0.9", 1)); // Not in the name any more.
  EXPECT_EQ(race_order("winner", {a, b}), (std::vector{a, b}));
}

} // namespace
} // namespace dfs::net
