#include "wire/token.hpp"

#include "base/rng.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace dfs::wire {
namespace {

using namespace std::chrono_literals;
using test::refusal;

constexpr unix_ms noon{1'700'000'000'000};

key_ring ring(std::string_view text) {
  return *key_ring::parse(text);
}

std::string line(int generation, char digit) {
  return std::to_string(generation) + " " + std::string(64, digit) + "\n";
}

token sample() {
  return {.principal = "alice",
          .right = rights::writer,
          .operations = operations_of(rights::writer),
          .scope = "/photos",
          .epoch = 7,
          .expiry = noon + 60s};
}

TEST(Token, GivesBackWhatWasMinted) {
  const auto keys = ring(line(3, 'a'));
  const auto outcome = verify(mint(sample(), keys), "alice", keys, noon);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, sample());
}

TEST(Token, IsShort) {
  auto longest = sample();
  longest.principal = std::string(32, 'x');
  longest.scope.clear();
  longest.epoch = 0;
  EXPECT_LE(mint(longest, ring(line(1, 'a'))).size(), 80u);
}

TEST(Token, IsGoodOnlyForItsPrincipal) { // SPEC O4
  const auto keys = ring(line(1, 'a'));
  const auto bytes = mint(sample(), keys);
  EXPECT_EQ(refusal(verify(bytes, "bob", keys, noon)), ec::unauthenticated);
}

TEST(Token, EndsWithATolerance) {
  const auto keys = ring(line(1, 'a'));
  const auto bytes = mint(sample(), keys);
  const auto end = noon + 60s + token_skew;
  EXPECT_TRUE(verify(bytes, "alice", keys, end));
  EXPECT_EQ(refusal(verify(bytes, "alice", keys, end + 1ms)),
            ec::token_expired);
}

TEST(Token, RefusesEveryFlippedBitAndTruncation) { // SPEC O4
  const auto keys = ring(line(1, 'a'));
  const auto good = mint(sample(), keys);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(refusal(verify(bytes, "alice", keys, noon)), ec::unauthenticated)
      << bit;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(refusal(verify(good.substr(0, size), "alice", keys, noon)),
              ec::unauthenticated)
      << size;
}

TEST(Token, FollowsTheKeysThroughARotation) { // SPEC O4
  const auto before = ring(line(1, 'a'));
  const auto both = ring(line(2, 'b') + line(1, 'a'));
  const auto after = ring(line(2, 'b'));
  const auto old_token = mint(sample(), before);
  EXPECT_TRUE(verify(old_token, "alice", both, noon));
  EXPECT_EQ(refusal(verify(old_token, "alice", after, noon)),
            ec::unauthenticated);
  EXPECT_TRUE(verify(mint(sample(), both), "alice", after, noon));
  // The same generation with another secret is another key.
  EXPECT_EQ(refusal(verify(old_token, "alice", ring(line(1, 'c')), noon)),
            ec::unauthenticated);
}

TEST(Token, SurvivesNoise) {
  const auto keys = ring(line(1, 'a'));
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    rng random{seed};
    std::string bytes(random.below(100), '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random.below(256));
    if (bytes.size() > 1)
      bytes[1] = 1; // A generation that exists.
    EXPECT_EQ(refusal(verify(bytes, "alice", keys, noon)), ec::unauthenticated)
      << seed;
  }
}

} // namespace
} // namespace dfs::wire
