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

// SPEC M2: a master that slipped in takes nobody away from the one that stands,
// whatever its address is.
TEST(LeadingMember, ANewcomerDoesNotFollowAMasterThatStands) {
  for (const std::uint16_t port : {1, 3})
    EXPECT_EQ(leading_member({member(2, 10), member(port, 99)}), member(2, 10));
}

TEST(LeadingMember, ALaterLifeFollowsAFormerOne) {
  EXPECT_EQ(leading_member({member(2, 11), member(2, 10)}), member(2, 11));
  EXPECT_EQ(leading_member({member(2, 10), member(2, 50), member(3, 20)}),
            member(3, 20));
}

TEST(LeadingMember, ATermDecidesBeforeClocks) {
  const auto early = member(1, 10), late = member(2, 4'000'000'000'000);
  const leadership known{late.id, master_term{7}};
  EXPECT_EQ(leading_member({early, late}, known), late);
  EXPECT_EQ(leading_member({early}, known), early); // It is gone.
  EXPECT_EQ(leading_member({early, late}, {late.id, {}}), early);
}

} // namespace
} // namespace dfs::core
