#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/data_port.hpp"
#include "support/hesitant_server.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// SPEC G7: servers that reach the master and the clients, and not each other.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::pattern;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version second{2};
constexpr chunk_version third{3};

/// Takes connections and never says anything.
struct silent_server {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor port{
    io, {boost::asio::ip::make_address("127.0.0.1"), 0}};

  endpoint where() const {
    return *endpoint::parse("127.0.0.1:"
                            + std::to_string(port.local_endpoint().port()));
  }
};

/// The second of a chain, of store 999. It has every change at once, and while
/// `torn`, its own link to the third is broken.
struct second_server {
  second_server()
    : port{{},
           [this](net::data_request& x) { take(x); },
           {},
           test::greet_as_server} {
    // nop
  }

  void take(net::data_request& x) {
    if (x.id == request_id{})
      return;
    const auto change = wire::decode<msg::replicate>(x.message);
    if (x.method != static_cast<std::uint16_t>(msg::data_method::replicate)
        || !change)
      return x.from->refuse(x.id, fail(ec::not_found, "no such chunk"));
    const std::lock_guard guard{mutex};
    if (!change->grant.empty())
      chain = change->grant.front().chain.size();
    ++changes;
    if (torn && chain > 2)
      return x.from->refuse(x.id, fail(ec::no_redundancy, "the third"));
    x.from->answer(x.id, wire::encode(msg::replicated{.serial = change->serial,
                                                      .replicas = 1}));
  }

  std::mutex mutex;
  bool torn = true;
  std::size_t chain = 0; ///< Of the last grant that it was told.
  std::size_t changes = 0;
  test::data_port_server port;
};

struct BrokenLinks : ::testing::Test {
  test::data_chain servers{3};
  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  std::optional<ec> write(const msg::chunk_grant& grant, std::uint32_t offset,
                          const std::string& bytes) {
    return refusal(writer->call(write_of(grant, offset, bytes), bytes).message);
  }

  msg::chunk_state fence(std::size_t i, chunk_version version) {
    const auto fenced
      = test::data_chain::wait<msg::chunk_state>([&](auto done) {
          servers.nodes[i]->service->fence(chunk, version, done, true);
        });
    EXPECT_TRUE(fenced) << fenced.error().context;
    return fenced ? *fenced : msg::chunk_state{};
  }

  /// Node 0 is to lead, with these behind it.
  msg::take_lease order_for(
    chunk_version version,
    const std::vector<std::pair<msg::chunk_replica, msg::chunk_extent>>& rest) {
    auto grant = servers.grant(chunk, {0});
    grant.version = version;
    grant.fresh = false;
    msg::take_lease order;
    for (const auto& [replica, extent] : rest) {
      grant.chain.push_back(replica);
      order.others.push_back({.chunk = chunk, .extent = extent});
    }
    servers.seal(grant);
    order.grant = grant;
    return order;
  }

  result<msg::lease_taken> take(const msg::take_lease& order) {
    return test::data_chain::wait<msg::lease_taken>([&](auto done) {
      servers.nodes[0]->service->take_lease(order, servers.now() + 1min, done);
    });
  }

  msg::chunk_replica at(std::size_t i) const {
    return {servers.nodes[i]->id, servers.nodes[i]->address};
  }
};

TEST_F(BrokenLinks, ANewPrimaryNamesWhoDoesNotAnswer) { // `behind`
  silent_server silent;
  ASSERT_EQ(write(servers.grant(chunk), 0, "bytes"), std::nullopt);
  const auto mine = fence(0, second).extent;
  fence(1, second);
  const auto order = order_for(
    second, {{at(1), mine}, {{store_id{102}, silent.where()}, mine}});
  const auto began = instant::clock::now();
  const auto taken = take(order);
  EXPECT_LT(instant::clock::now() - began, 1'500ms);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_EQ(taken->behind, std::vector{store_id{102}});
  EXPECT_NE(write(order.grant, 0, "never"), std::nullopt)
    << "that one has the version: it must not be in force";
}

TEST_F(BrokenLinks, APrimaryThatReachesTooFewRefuses) { // SPEC G5
  silent_server silent;
  ASSERT_EQ(write(servers.grant(chunk), 0, "bytes"), std::nullopt);
  const auto mine = fence(0, second).extent;
  EXPECT_EQ(
    refusal(take(order_for(second, {{{store_id{101}, silent.where()}, mine},
                                    {{store_id{102}, silent.where()}, mine}}))),
    ec::no_redundancy);
}

// All that a server says is a sign of life, and so is a ping that it answers.
TEST_F(BrokenLinks, AServerThatIsOnlyBusyIsNotSilent) {
  second_server other;
  ASSERT_EQ(write(servers.grant(chunk), 0, "bytes"), std::nullopt);
  const auto mine = fence(0, second).extent;
  const auto taken
    = take(order_for(second, {{{store_id{999}, other.port.where()}, mine}}));
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_TRUE(taken->behind.empty());
}

// The second has everything, and its link to the third is broken: the third is
// brought level by the primary itself, and changes go straight to both.
TEST_F(BrokenLinks, ALinkBetweenTwoOthersHoldsNobodyUp) { // SPEC G7
  second_server other;
  const msg::chunk_replica between{store_id{999}, other.port.where()};
  auto fresh = servers.grant(chunk, {0});
  fresh.chain = {at(0), between, at(2)};
  servers.seal(fresh);
  const auto large = pattern(100'000, 1);
  EXPECT_EQ(write(fresh, 0, large), ec::no_redundancy);
  const auto mine = fence(0, second).extent;
  ASSERT_EQ(mine.serial, mutation_serial{1});
  const auto order
    = order_for(second, {{between, mine}, {at(2), fence(2, second).extent}});
  const auto taken = take(order);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_TRUE(taken->behind.empty());
  EXPECT_EQ(other.changes, 1u) << "it has that one";
  EXPECT_EQ(servers.bytes(2, chunk), large);
  const auto more = pattern(100'000, 2);
  EXPECT_EQ(write(order.grant, 100'000, more), std::nullopt);
  EXPECT_EQ(other.chain, 2u);
  EXPECT_EQ(servers.bytes(2, chunk), large + more);
}

// What cannot be brought level is named, and does not end the whole attempt.
TEST_F(BrokenLinks, WhoFailsWhileItIsBroughtLevelIsNamed) { // `behind`
  second_server other;
  other.torn = false;
  ASSERT_EQ(write(servers.grant(chunk), 0, "bytes"), std::nullopt);
  const auto mine = fence(0, third).extent;
  fence(1, second); // Another version: it refuses what it lacks.
  const auto taken
    = take(order_for(third, {{{store_id{999}, other.port.where()}, mine},
                             {at(1), {.version = third, .serial = {}}}}));
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_EQ(taken->behind, std::vector{store_id{101}});
}

} // namespace
} // namespace dfs::chunkserver
