#include "wire/key_ring.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::wire {
namespace {

const std::string ones(64, '1');
const std::string twos(64, '2');

TEST(KeyRing, SealsWithTheFirstAndOpensWithAny) { // SPEC O4
  const auto ring = key_ring::parse("# rotated in May\n\n 7 " + twos
                                    + " # new\r\n3\t" + ones + "\n");
  ASSERT_TRUE(ring);
  EXPECT_EQ(ring->active().generation, 7);
  EXPECT_EQ(ring->active().secret[31], 0x22);
  ASSERT_NE(ring->find(3), nullptr);
  EXPECT_EQ(ring->find(3)->secret[0], 0x11);
  EXPECT_EQ(ring->find(4), nullptr);
  EXPECT_EQ(ring->keys().size(), 2u);
}

TEST(KeyRing, RefusesWithTheLineAndWithoutTheSecret) {
  const std::string secret = "deadbeef";
  const std::string bad[] = {
    "x " + ones,
    "0 " + ones,
    "256 " + ones,
    "-1 " + ones,
    "1",
    "1 " + secret,
    "1 " + ones + "1",
    "1 " + std::string(62, '1') + "1g",
    "1 " + std::string(62, '1') + "-1",
    "1 " + ones + " " + ones,
    "2 " + ones + "\n2 " + twos,
  };
  for (const auto& text : bad) {
    const auto ring = key_ring::parse("# a comment\n" + text);
    ASSERT_FALSE(ring) << text;
    EXPECT_EQ(ring.error().code, ec::configuration);
    const auto& context = ring.error().context;
    EXPECT_EQ(context.rfind("line ", 0), 0u) << context;
    EXPECT_EQ(context.find(secret), std::string::npos) << context;
    EXPECT_EQ(context.find("1111"), std::string::npos) << context;
  }
  EXPECT_FALSE(key_ring::parse(""));
  EXPECT_FALSE(key_ring::parse("# nothing but this\n"));
}

TEST(KeyRing, HoldsNoMoreKeysThanARotationNeeds) {
  std::string text;
  for (std::size_t i = 1; i <= key_ring::keys_max; ++i)
    text += std::to_string(i) + " " + ones + "\n";
  EXPECT_TRUE(key_ring::parse(text));
  EXPECT_FALSE(key_ring::parse(text + "99 " + ones));
}

} // namespace
} // namespace dfs::wire
