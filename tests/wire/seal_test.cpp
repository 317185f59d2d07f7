#include "wire/seal.hpp"

#include "support/seal_pair.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace dfs::wire {
namespace {

using namespace std::chrono_literals;
using test::carry;
using test::sealed_node;

const std::string hello = "\1 a packet of thirty bytes";

struct Seal : ::testing::Test {
  sealed_node alice{"10.0.0.1:7401", 100};
  sealed_node bob{"10.0.0.2:7401", 200};
  sealed_node carol{"[2001:db8::3]:7401", 300};

  void meet() {
    ASSERT_EQ(carry(alice, bob, hello), hello);
    ASSERT_EQ(carry(bob, alice, hello), hello);
  }
};

TEST_F(Seal, LosesNothingAtFirstContact) {
  // Both start, both speak before they hear: challenges cross.
  const auto from_alice = alice.say(bob, "\1from alice, long enough");
  const auto from_bob = bob.say(alice, "\1from bob, long enough");
  const auto asked_by_bob = bob.hear(alice, from_alice);
  const auto asked_by_alice = alice.hear(bob, from_bob);
  EXPECT_EQ(asked_by_bob.outcome, open_outcome::unproven);
  EXPECT_EQ(asked_by_bob.body, "");
  const auto again_alice = alice.hear(bob, asked_by_bob.reply);
  const auto again_bob = bob.hear(alice, asked_by_alice.reply);
  EXPECT_EQ(again_alice.outcome, open_outcome::challenged);
  EXPECT_EQ(bob.hear(alice, again_alice.reply).body,
            "\1from alice, long enough");
  EXPECT_EQ(alice.hear(bob, again_bob.reply).body, "\1from bob, long enough");
  // From now on without ceremony.
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello)).body, hello);
  EXPECT_EQ(alice.hear(bob, bob.say(alice, hello)).body, hello);
}

TEST_F(Seal, DeliversEachOfABurstAtFirstContact) {
  std::vector<std::string> challenges;
  for (int i = 0; i < 20; ++i)
    challenges.push_back(
      bob.hear(alice, alice.say(bob, hello + std::to_string(i))).reply);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(bob.hear(alice, alice.hear(bob, challenges[i]).reply).body,
              hello + std::to_string(i));
}

TEST_F(Seal, CarriesEverySizeOfBody) {
  meet();
  for (std::size_t size = 1; size <= body_bytes_max; ++size) {
    std::string body(size, 'x');
    body.front() = 1;
    ASSERT_EQ(carry(alice, bob, body), body) << size;
  }
  std::string largest(body_bytes_max, 'y');
  largest.front() = 1;
  bob.restart(); // As an answer, too.
  EXPECT_EQ(carry(alice, bob, largest), largest);
}

// SPEC M8
TEST_F(Seal, NothingOfATruncatedOrFlippedDatagramCounts) {
  meet();
  const auto good = alice.say(bob, hello);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto heard = bob.hear(alice, good.substr(0, size));
    ASSERT_EQ(heard.body + heard.reply, "") << size;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto heard = bob.hear(alice, bad);
      ASSERT_EQ(heard.body + heard.reply, "") << i << " bit " << bit;
    }
  }
  auto longer = bob.hear(alice, good + "x");
  EXPECT_EQ(longer.outcome, open_outcome::forged);
  EXPECT_EQ(bob.hear(alice, good).body, hello); // It was good all the time.
}

// SPEC M8
TEST_F(Seal, NothingOfAFlippedFirstContactCounts) {
  const auto good = alice.say(bob, hello);
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    const auto heard = bob.hear(alice, bad);
    ASSERT_EQ(heard.body + heard.reply, "") << i;
    ASSERT_EQ(bob.hear(alice, good.substr(0, i)).reply, "") << i;
  }
  const auto asked = bob.hear(alice, good).reply;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto bad = asked;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_EQ(alice.hear(bob, bad).reply, "") << i;
  }
  const auto answer = alice.hear(bob, asked).reply;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    auto bad = answer;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_EQ(bob.hear(alice, bad).body, "") << i;
  }
  EXPECT_EQ(bob.seal->session_count(), 0u);
  EXPECT_EQ(bob.hear(alice, answer).body, hello);
}

// SPEC M8
TEST_F(Seal, DeliversOnceHoweverOftenItIsReplayed) {
  const auto first = alice.say(bob, hello);
  const auto asked = bob.hear(alice, first).reply;
  const auto answer = alice.hear(bob, asked).reply;
  EXPECT_EQ(bob.hear(alice, answer).body, hello);
  const auto later = alice.say(bob, hello);
  EXPECT_EQ(bob.hear(alice, later).body, hello);
  for (const auto& old : {first, answer, later}) {
    const auto heard = bob.hear(alice, old);
    EXPECT_EQ(heard.outcome, open_outcome::replayed);
    EXPECT_EQ(heard.body + heard.reply, "");
  }
}

// SPEC M8
TEST_F(Seal, ARestartedReceiverTakesNoRecording) {
  const auto first = alice.say(bob, hello);
  const auto answer = alice.hear(bob, bob.hear(alice, first).reply).reply;
  ASSERT_EQ(bob.hear(alice, answer).body, hello);
  const auto later = alice.say(bob, hello);
  ASSERT_EQ(bob.hear(alice, later).body, hello);
  bob.restart();
  EXPECT_EQ(bob.hear(alice, answer).outcome, open_outcome::replayed);
  for (const auto& old : {first, later}) {
    const auto heard = bob.hear(alice, old);
    EXPECT_EQ(heard.outcome, open_outcome::unproven);
    EXPECT_EQ(heard.body, "");
    // Alice is gone or has another boot: nobody can say it again.
    sealed_node reborn{"10.0.0.1:7401", 150};
    EXPECT_EQ(reborn.hear(bob, heard.reply).reply, "");
  }
  EXPECT_EQ(bob.seal->session_count(), 0u);
}

// A recording of an earlier life of the sender, against a receiver that knows
// the later one.
TEST_F(Seal, ARestartedSenderIsHeardAndItsRecordingsAreNot) { // SPEC M8
  const auto old = alice.say(bob, hello);
  alice.restart();
  meet();
  const auto heard = bob.hear(alice, old);
  EXPECT_EQ(heard.body, "");
  EXPECT_EQ(alice.hear(bob, heard.reply).reply, "");
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello)).body, hello);
}

TEST_F(Seal, AReplayedChallengeIsObeyedOnce) {
  const auto asked = bob.hear(alice, alice.say(bob, hello)).reply;
  EXPECT_NE(alice.hear(bob, asked).reply, "");
  EXPECT_EQ(alice.hear(bob, asked).reply, "");
  alice.restart(); // Its counters begin again, and name other bodies.
  alice.say(bob, hello);
  EXPECT_EQ(alice.hear(bob, asked).reply, "");
}

// A recording that makes a restarted receiver ask brings back nothing old.
TEST_F(Seal, SaysAgainOnlyWhatIsFresh) { // SPEC M8
  const auto at = instant{} + 100s;
  const auto old = alice.say(bob, hello, at);
  const auto asked = bob.hear(alice, old, at + 2s).reply;
  EXPECT_EQ(alice.hear(bob, asked, at + 2001ms).reply, "");
  EXPECT_NE(alice.hear(bob, asked, at + 2s).reply, "");
}

// The challenge comes from who wants the answer: it goes to the first address.
TEST_F(Seal, AnAnswerGoesWhereTheOriginalWent) {
  const auto asked = bob.hear(alice, alice.say(bob, hello)).reply;
  EXPECT_EQ(alice.hear(carol, asked).to, bob.address);
}

TEST_F(Seal, AnAnswerForOneReceiverProvesNothingToAnother) { // SPEC M8
  const auto asked = bob.hear(alice, alice.say(bob, hello)).reply;
  const auto answer = alice.hear(bob, asked).reply;
  EXPECT_EQ(carol.hear(alice, answer).outcome, open_outcome::replayed);
  EXPECT_EQ(carol.seal->session_count(), 0u);
}

TEST_F(Seal, ACookieExpires) {
  const auto at = instant{} + 100s;
  const auto asked = bob.hear(alice, alice.say(bob, hello, at), at).reply;
  const auto late = alice.hear(bob, asked, at).reply;
  EXPECT_EQ(bob.hear(alice, late, at + 12s).outcome, open_outcome::replayed);
  const auto again
    = bob.hear(alice, alice.say(bob, hello, at + 12s), at + 12s).reply;
  const auto answer = alice.hear(bob, again, at + 12s).reply;
  EXPECT_EQ(bob.hear(alice, answer, at + 16s).body, hello);
}

TEST_F(Seal, TakesWhatIsReorderedWithinTheWindowOnly) { // SPEC M8
  meet();
  std::vector<std::string> sent;
  for (std::uint64_t i = 0; i <= replay_window::size; ++i)
    sent.push_back(alice.say(bob, hello + std::to_string(i)));
  for (auto i = sent.size(); i-- > 1;)
    ASSERT_EQ(bob.hear(alice, sent[i]).body, hello + std::to_string(i));
  EXPECT_EQ(bob.hear(alice, sent[0]).outcome, open_outcome::replayed);
  for (const auto& datagram : sent)
    ASSERT_EQ(bob.hear(alice, datagram).outcome, open_outcome::replayed);
}

TEST_F(Seal, IsNoUseWithoutTheClustersKey) { // SPEC O4
  meet();
  sealed_node mallory{"10.0.0.9:7401", 900};
  mallory.ring = test::ring_of("1 " + std::string(64, 'b'));
  mallory.restart();
  EXPECT_EQ(bob.hear(mallory, mallory.say(bob, hello)).outcome,
            open_outcome::forged);
  sealed_node pretender{"10.0.0.1:7401", alice.boot - 2};
  pretender.ring = mallory.ring;
  pretender.restart(1'000);
  ASSERT_EQ(pretender.boot, alice.boot);
  EXPECT_EQ(bob.hear(alice, pretender.say(bob, hello)).outcome,
            open_outcome::forged);
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello)).body, hello);
}

TEST_F(Seal, IgnoresItsOwnDatagrams) { // SPEC M8
  const auto own = alice.say(bob, hello);
  EXPECT_EQ(alice.hear(bob, own).outcome, open_outcome::reflected);
  alice.restart();
  EXPECT_EQ(alice.hear(bob, own).outcome, open_outcome::reflected);
}

TEST_F(Seal, FollowsARotationWithoutAGap) { // SPEC O4
  const auto line = [](int generation, char digit) {
    return std::to_string(generation) + " " + std::string(64, digit) + "\n";
  };
  meet();
  const auto both = test::ring_of(line(1, 'a') + line(2, 'b'));
  const auto new_first = test::ring_of(line(2, 'b') + line(1, 'a'));
  const auto only_new = test::ring_of(line(2, 'b'));
  const auto say = [&] { return bob.hear(alice, alice.say(bob, hello)); };
  bob.seal->use(both);
  EXPECT_EQ(say().body, hello);
  const auto old_unheard = alice.say(bob, hello);
  alice.seal->use(new_first);
  EXPECT_EQ(say().body, hello);
  EXPECT_EQ(bob.hear(alice, old_unheard).body, hello);
  EXPECT_EQ(say().body, hello);
  alice.seal->use(test::cluster_ring());
  const auto old_key = alice.say(bob, hello);
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello)).body, hello);
  bob.seal->use(only_new);
  EXPECT_EQ(bob.hear(alice, old_key).outcome, open_outcome::unknown_key);
  alice.seal->use(only_new);
  EXPECT_EQ(say().body, hello);
}

TEST_F(Seal, StopsWhenItsCountersAreUsedUp) {
  alice.restart(datagram_counter_max);
  EXPECT_EQ(bob.hear(alice, alice.say(bob, hello)).outcome,
            open_outcome::unproven);
  EXPECT_FALSE(
    alice.seal->seal(socket_kind::ping, bob.address, hello, instant{}));
  EXPECT_EQ(alice.hear(carol, carol.say(alice, hello)).reply, "");
}

// SPEC M8: no reply larger than the request to an unproven source.
TEST_F(Seal, AChallengeIsNeverLargerThanWhatItAnswers) {
  for (std::size_t size = 1; size <= 60; ++size) {
    std::string body(size, 'x');
    body.front() = 1;
    const auto datagram = alice.say(bob, body);
    const auto heard = bob.hear(alice, datagram);
    EXPECT_LE(heard.reply.size(), datagram.size());
    EXPECT_EQ(heard.reply.empty(), size < challenge_body_bytes);
  }
}

} // namespace
} // namespace dfs::wire
