#include "core/links/leading_member.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

msg::member_record member(std::uint16_t port, std::uint64_t start_ms,
                          msg::role role = msg::role::master) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), port, start_ms};
  x.roles = static_cast<msg::role_set>(role);
  return x;
}

TEST(LeadingMember, IsAMaster) {
  EXPECT_FALSE(leading_member({}));
  const auto other = member(1, 1, msg::role::chunkserver);
  EXPECT_FALSE(leading_member({other}));
  EXPECT_EQ(leading_member({other, member(2, 9)}), member(2, 9));
}

TEST(LeadingMember, ALaterLifeFollowsAFormerOne) {
  EXPECT_EQ(leading_member({member(2, 11), member(2, 10)}), member(2, 11));
}

// Whatever the clocks and the addresses say.
TEST(LeadingMember, IsInTheHighestTerm) { // SPEC G6
  auto lower = member(2, 10);
  lower.term = master_term{7};
  for (const std::uint64_t stamp : {1ull, 4'000'000'000'000ull})
    for (const std::uint16_t port : {1, 3}) {
      auto higher = member(port, stamp);
      higher.term = master_term{8};
      EXPECT_EQ(leading_member({lower, higher}), higher);
      EXPECT_EQ(leading_member({higher, lower}), higher);
      EXPECT_TRUE(is_master_rather_than(higher, lower));
      EXPECT_FALSE(is_master_rather_than(lower, higher));
    }
}

// A later life begins in a lower term when its metadata are new.
TEST(LeadingMember, OfOneAddressTheLastLifeIsThere) {
  auto former = member(2, 10), newer = member(2, 11), other = member(3, 1);
  former.term = master_term{9};
  newer.term = master_term{1};
  other.term = master_term{5};
  EXPECT_EQ(leading_member({former, newer, other}), other);
}

TEST(LeadingMember, NeitherOfEqualTermsIsMasterRatherThanTheOther) {
  const auto low = member(2, 99), high = member(3, 10);
  EXPECT_FALSE(is_master_rather_than(low, high));
  EXPECT_FALSE(is_master_rather_than(high, low));
  EXPECT_EQ(leading_member({high, low}), low);
}

} // namespace
} // namespace dfs::core
