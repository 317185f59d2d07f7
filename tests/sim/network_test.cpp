#include "support/sim/network.hpp"

#include <gtest/gtest.h>

namespace dfs::sim {
namespace {

using namespace std::chrono_literals;

struct tally {
  std::uint64_t arrived = 0;
  std::uint64_t copies = 0;
  std::uint64_t overtaken = 0;
  std::chrono::nanoseconds least = 1h;
  std::chrono::nanoseconds most{};
};

// 10,000 packets a microsecond apart.
tally send(network& net, node_index from = 0, node_index to = 1) {
  tally sum;
  std::chrono::nanoseconds latest{};
  for (int i = 0; i < 10'000; ++i) {
    datagram packet;
    const auto fate = net.judge(from, to, packet);
    sum.arrived += fate.copies > 0 ? 1 : 0;
    sum.copies += fate.copies;
    for (std::uint32_t n = 0; n < fate.copies; ++n) {
      sum.least = std::min(sum.least, fate.delays[n]);
      sum.most = std::max(sum.most, fate.delays[n]);
      const auto when = i * 1us + fate.delays[n];
      sum.overtaken += when < latest ? 1 : 0;
      latest = std::max(latest, when);
    }
  }
  return sum;
}

TEST(Network, HasOneAddressPerNode) {
  for (const node_index i : {0u, 1u, 254u, 255u, 65'535u, 1'000'000u})
    EXPECT_EQ(node_at(address_of(i)), i);
  EXPECT_EQ(to_string(address_of(0)), "10.0.0.1");
  EXPECT_EQ(to_string(address_of(255)), "10.0.1.0");
  EXPECT_EQ(node_at(*ip_address::parse("192.168.0.1")), std::nullopt);
  EXPECT_EQ(node_at(*ip_address::parse("10.0.0.0")), std::nullopt);
  EXPECT_EQ(node_at(*ip_address::parse("::1")), std::nullopt);
}

TEST(Network, LosesDuplicatesAndDelaysAsOftenAsTold) {
  network net{1,
              {.loss = percent(10),
               .duplicate = percent(5),
               .delay = 100us,
               .jitter = 400us,
               .straggler = percent(1),
               .lateness = 50ms}};
  const auto sum = send(net);
  EXPECT_NEAR(sum.arrived, 9'000, 100);
  EXPECT_NEAR(sum.copies - sum.arrived, 450, 80);
  EXPECT_GT(sum.overtaken, 1'000u); // Reordering comes with the jitter.
  EXPECT_GE(sum.least, 100us);
  EXPECT_LT(sum.least, 105us);
  EXPECT_GT(sum.most, 20ms);
  EXPECT_LT(sum.most, 51ms);
}

TEST(Network, IsFaultlessUnlessTold) {
  network net{1, {.jitter = 0us}};
  const auto sum = send(net);
  EXPECT_EQ(sum.copies, 10'000u);
  EXPECT_EQ(sum.overtaken, 0u);
}

TEST(Network, CutsOneDirectionOfALink) {
  network net{1, {}};
  net.cut(0, 1);
  EXPECT_EQ(send(net, 0, 1).arrived, 0u);
  EXPECT_EQ(send(net, 1, 0).arrived, 10'000u);
  EXPECT_EQ(send(net, 0, 2).arrived, 10'000u);
  net.mend(0, 1);
  EXPECT_EQ(send(net, 0, 1).arrived, 10'000u);
}

TEST(Network, SplitsIntoSides) {
  network net{1, {}};
  net.split({{0, 1}, {2}, {3}});
  EXPECT_TRUE(net.reachable(0, 1));
  EXPECT_FALSE(net.reachable(0, 2));
  EXPECT_FALSE(net.reachable(3, 2));
  EXPECT_TRUE(net.reachable(0, 9)); // Not named: on side 0.
  EXPECT_FALSE(net.reachable(9, 3));
  EXPECT_EQ(send(net, 0, 2).arrived, 0u);
  net.heal();
  EXPECT_TRUE(net.reachable(3, 2));
}

TEST(Network, HasBadLinksAmongGoodOnes) {
  network net{1, {}};
  net.set_quality(0, 1, {.loss = percent(50)});
  EXPECT_NEAR(send(net, 0, 1).arrived, 5'000, 200);
  EXPECT_EQ(send(net, 1, 0).arrived, 10'000u);
  net.set_quality(0, 1, {});
  EXPECT_EQ(send(net, 0, 1).arrived, 10'000u);
}

TEST(Network, LetsFiltersDropAndForge) {
  network net{1, {}};
  net.add_filter([](datagram& x) {
    if (x.body == "secret")
      return false;
    x.body += "!";
    return true;
  });
  datagram packet{{}, {}, "secret", false};
  EXPECT_EQ(net.judge(0, 1, packet).copies, 0u);
  packet.body = "hello";
  EXPECT_EQ(net.judge(0, 1, packet).copies, 1u);
  EXPECT_EQ(packet.body, "hello!");
}

} // namespace
} // namespace dfs::sim
