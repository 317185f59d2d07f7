#include "support/seal_pair.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

#include <chrono>
#include <set>
#include <string>

namespace dfs::wire {
namespace {

using namespace std::chrono_literals;
using test::carry;
using test::sealed_node;

const std::string hello = "\1 a packet of thirty bytes";

std::string noise(rng& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random.below(256));
  return bytes;
}

// Random bytes, half of them behind a header that could be ours: from many
// sources, under many names, one of them known. SPEC M8
TEST(SealFlood, AMillionRandomDatagramsLeaveNothingBehind) {
  sealed_node alice{"10.0.0.1:7401", 100};
  sealed_node bob{"10.0.0.2:7401", 200};
  ASSERT_EQ(carry(alice, bob, hello), hello);
  const auto header = alice.say(bob, hello).substr(0, datagram_header_bytes);
  rng random{1};
  sealed_node source{"10.9.9.9:1", 900};
  const auto before = mallinfo2().uordblks;
  auto now = instant{} + 1h;
  for (int i = 0; i < 1'000'000; ++i) {
    auto bytes = noise(random, random.below(100));
    const auto plausible = random.below(4);
    if (bytes.size() > 2 && plausible > 0)
      bytes.replace(0, 4, "dg\1\1");
    if (bytes.size() > header.size() && plausible > 2)
      bytes.replace(0, header.size() - 6, header, 0, header.size() - 6);
    source.address.port = static_cast<std::uint16_t>(random.below(65'536));
    const auto heard
      = bob.seal->open(socket_kind::group, source.address, bytes, now);
    ASSERT_TRUE(heard.body.empty() && heard.reply.empty()) << i;
    now += 1us;
  }
  EXPECT_EQ(bob.seal->session_count(), 1u);
  EXPECT_LT(mallinfo2().uordblks, before + 65'536);
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello), now).body, hello);
}

TEST(SealFlood, ReplaysFromOneSourceAreAnsweredAtALimitedRate) { // SPEC M8
  sealed_node alice{"10.0.0.1:7401", 100};
  sealed_node bob{"10.0.0.2:7401", 200};
  sealed_node carol{"10.0.0.3:7401", 300};
  ASSERT_EQ(carry(carol, bob, hello), hello);
  const auto recording = alice.say(bob, hello);
  std::size_t answers = 0;
  auto now = instant{};
  for (int i = 0; i < 100'000; ++i) {
    now += 100us; // Ten seconds in all.
    answers += bob.hear(alice, recording, now).reply.empty() ? 0 : 1;
  }
  EXPECT_GE(answers, 10 * source_limiter::rate_per_second);
  EXPECT_LE(answers,
            10 * source_limiter::rate_per_second + source_limiter::burst);
  EXPECT_EQ(bob.seal->session_count(), 1u);
  // Who is known, or comes from elsewhere, is not held up.
  EXPECT_EQ(carry(carol, bob, hello, now), hello);
  sealed_node dave{"10.0.0.4:7401", 400};
  EXPECT_EQ(carry(dave, bob, hello, now), hello);
}

TEST(SealFlood, RemembersNoMoreSendersThanItMay) {
  sealed_node bob{"10.0.0.2:7401", 200};
  bob.config.sessions_max = 4;
  bob.restart();
  auto now = instant{} + 1h;
  const auto node = [](int i) {
    return sealed_node{"10.0.1." + std::to_string(i) + ":7401",
                       static_cast<std::uint64_t>(1'000 * i)};
  };
  auto first = node(1);
  const auto asked = bob.hear(first, first.say(bob, hello, now), now).reply;
  const auto answer = first.hear(bob, asked, now).reply;
  ASSERT_EQ(bob.hear(first, answer, now).body, hello);
  for (int i = 2; i <= 4; ++i) {
    auto other = node(i);
    ASSERT_EQ(carry(other, bob, hello, now), hello);
  }
  // I4: none may go before its cookies have expired, …
  auto fifth = node(5);
  EXPECT_EQ(carry(fifth, bob, hello, now + 7s), "");
  EXPECT_EQ(bob.seal->session_count(), 4u);
  // … and then the one that was idle longest, whose recording is no use.
  EXPECT_EQ(carry(fifth, bob, hello, now + 8s), hello);
  EXPECT_EQ(bob.seal->session_count(), 4u);
  EXPECT_EQ(bob.hear(first, answer, now + 8s).outcome, open_outcome::replayed);
  EXPECT_EQ(bob.seal->session_count(), 4u);
}

// Goal: no process is told anything twice, and with a calm network at the end
// all that is said is heard. Method: loss, duplicates, reordering and restarts
// of both sides, bodies that differ. SPEC M8
TEST(SealFlood, DeliversAtMostOnceUnderRandomTraffic) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    sealed_node alice{"10.0.0.1:7401", seed * 1'000'000};
    sealed_node bob{"10.0.0.2:7401", seed * 2'000'000};
    std::vector<std::pair<bool, std::string>> air; // To bob?
    // By a process: a restarted one may hear what the former has heard.
    std::set<std::pair<std::uint64_t, std::string>> delivered;
    auto now = instant{};
    const auto hear = [&](bool to_bob, const std::string& datagram) {
      const auto heard = to_bob ? bob.hear(alice, datagram, now)
                                : alice.hear(bob, datagram, now);
      if (!heard.reply.empty())
        air.emplace_back(!to_bob, heard.reply);
      if (!heard.body.empty()) {
        const auto life = to_bob ? bob.boot : alice.boot;
        ASSERT_TRUE(delivered.emplace(life, heard.body).second) << heard.body;
      }
    };
    for (int step = 0; step < 1'500; ++step) {
      now += std::chrono::milliseconds{random.below(200)};
      if (random.one_in(3)) {
        const auto body = hello + std::to_string(step);
        air.emplace_back(true, alice.say(bob, body + "a", now));
        air.emplace_back(false, bob.say(alice, body + "b", now));
      }
      if (random.one_in(300))
        alice.restart();
      if (random.one_in(300))
        bob.restart();
      if (air.empty())
        continue;
      const auto index = air.size() - 1 - random.below(air.size()) / 8;
      auto [to_bob, datagram] = air[index];
      if (random.one_in(2))
        air.erase(air.begin() + static_cast<std::ptrdiff_t>(index));
      if (!random.one_in(10))
        hear(to_bob, datagram);
    }
    EXPECT_EQ(carry(alice, bob, "\1the last word of alice", now),
              "\1the last word of alice");
    EXPECT_GT(delivered.size(), 100u);
  }
}

} // namespace
} // namespace dfs::wire
