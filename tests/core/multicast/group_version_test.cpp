#include "support/multicast_machines.hpp"

#include "base/rng.hpp"

#include <algorithm>

// What the servers of a group read, and how each knows it of the others.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class GroupVersion : public multicast_machines {
protected:
  static bool tells_version(const msg::multicast_packet& x) {
    return std::ranges::any_of(x.parts, [](const auto& part) {
      return std::holds_alternative<msg::server_version>(part);
    });
  }

  [[nodiscard]] unsigned version_at(std::size_t who) const {
    return machines[who]->status().version;
  }
};

TEST_F(GroupVersion, IsKnownSoonAndThenTellsNobodyAnything) {
  std::uint64_t told = 0;
  pass = [&](auto, auto, const auto& packet) {
    if (!tells_version(packet))
      return true;
    ++told;
    // One of a former version drops the whole packet.
    EXPECT_EQ(packet.parts.size(), 1u);
    return true;
  };
  begin(3);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(version_at(i), 0u);
  run(300ms);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(version_at(i), msg::group_version);
  EXPECT_GE(told, 6u);
  told = 0;
  run(5s);
  EXPECT_EQ(told, 0u); // An idle group pays nothing for it.
}

TEST_F(GroupVersion, ComesThroughLoss) {
  rng random{7};
  pass = [&](auto, auto, const auto& packet) {
    return !tells_version(packet) || random.below(2) == 0;
  };
  begin(3);
  run(10s);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(version_at(i), msg::group_version);
}

// One of a former version drops a packet with such a part: nothing that it
// needs is in there.
TEST_F(GroupVersion, HasAPacketOfItsOwn) {
  msg::multicast_packet asks;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& part : packet.parts)
      if (from == 1 && std::holds_alternative<msg::group_beacon>(part))
        asks = packet;
    return true;
  };
  begin(3);
  run(300ms);
  auto beacon = std::get<msg::group_beacon>(asks.parts.front());
  beacon.answer = true;
  asks.parts = {msg::server_version{1, true}, beacon};
  std::size_t beacons = 0;
  std::size_t versions = 0;
  for (const auto& x : machines[0]->on_packet(asks, now + 50ms))
    if (const auto* sent = std::get_if<send_multicast>(&x)) {
      versions += tells_version(sent->packet) ? 1 : 0;
      EXPECT_TRUE(!tells_version(sent->packet)
                  || sent->packet.parts.size() == 1);
      beacons += sent->to == std::vector{server_id{2}} ? 1 : 0;
    }
  EXPECT_EQ(versions, 1u);
  EXPECT_EQ(beacons, 2u); // The beacon is in another one.
}

// As one of the former version: it reads no packet with such a part.
TEST_F(GroupVersion, OfAFormerServerIsNoneAndItTakesPart) { // SPEC Q3
  pass = [&](auto from, auto to, const auto& packet) {
    return !tells_version(packet) || (from != 2 && to != 2);
  };
  begin(3);
  run(1s);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(machines[i]->configuration());
    EXPECT_EQ(machines[i]->configuration()->members.size(), 3u);
    EXPECT_EQ(version_at(i), 0u);
  }
  submit(2, 1, "old");
  submit(0, 2, "new");
  run(100ms);
  for (const auto& x : delivered)
    EXPECT_EQ(x.size(), 2u);
  pass = [](auto, auto, const auto&) { return true; };
  restart_with_state(2); // With this version now.
  run(3s);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(version_at(i), msg::group_version);
}

TEST_F(GroupVersion, BelongsToALife) {
  begin(3);
  run(300ms);
  ASSERT_EQ(version_at(0), msg::group_version);
  pass = [&](auto from, auto, const auto& packet) {
    return from != 2 || !tells_version(packet);
  };
  restart_with_state(2);
  run(2s);
  EXPECT_EQ(version_at(0), 0u); // It may have an older program now.
  EXPECT_EQ(version_at(1), 0u);
}

TEST_F(GroupVersion, CountsThoseWhoWereNeverHeard) {
  durable = true;
  begin(3);
  run(1s);
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(2s);
  EXPECT_EQ(version_at(0), msg::group_version); // As it told last.
  restart_with_state(0);
  run(3s);
  ASSERT_TRUE(machines[0]->serving());
  EXPECT_EQ(version_at(0), 0u);
}

} // namespace
} // namespace dfs::core
