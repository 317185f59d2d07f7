#include "base/endpoint.hpp"

#include "base/crc32c.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

TEST(Endpoint, PrintsWhatItParses) {
  for (const char* text : {"10.0.0.1:7401", "[2001:db8::1]:80", "[::1]:0"}) {
    const auto x = endpoint::parse(text);
    ASSERT_TRUE(x) << text;
    EXPECT_EQ(to_string(*x), text);
  }
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536",
                           "10.0.0:1", "2001:db8::1:80", "[10.0.0.1]:80",
                           "[::1]", "localhost:80", "10.0.0.1:+1"})
    EXPECT_FALSE(endpoint::parse(text)) << text;
}

TEST(Endpoint, KnowsLoopbackInBothFamilies) {
  EXPECT_TRUE(ip_address::parse("127.3.0.1")->is_loopback());
  EXPECT_TRUE(ip_address::parse("::1")->is_loopback());
  EXPECT_FALSE(ip_address::parse("10.0.0.1")->is_loopback());
  EXPECT_TRUE(ip_address::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(ip_address::parse("::")->is_unspecified());
}

// The check value of RFC 3720's polynomial.
TEST(Crc32c, GivesTheKnownValueWholeAndInPieces) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283u);
}

} // namespace
} // namespace dfs
