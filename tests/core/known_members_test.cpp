#include "core/links/known_members.hpp"

#include <gtest/gtest.h>

namespace dfs::core {

namespace {

msg::member_record
member(std::uint16_t port, std::uint64_t start_ms, msg::role role) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), port, start_ms};
  x.roles = static_cast<msg::role_set>(role);
  return x;
}

const auto own = member(1, 10, msg::role::chunkserver);
const auto master = member(2, 10, msg::role::master);

} // namespace

TEST(KnownMembers, KnowsNobodyBeforeItIsTold) {
  const known_members group;
  EXPECT_EQ(group.self(), nullptr);
  EXPECT_FALSE(group.master());
}

TEST(KnownMembers, FollowsTheList) {
  known_members group;
  group.reset({own.id, {own}});
  EXPECT_EQ(*group.self(), own);
  EXPECT_FALSE(group.master());
  group.apply({msg::member_change::joined, master, ""});
  EXPECT_EQ(group.master(), master);
  EXPECT_EQ(*group.find(master.id), master);
  group.apply({msg::member_change::failed, master, ""});
  EXPECT_FALSE(group.master());
  EXPECT_EQ(group.find(master.id), nullptr);
}

TEST(KnownMembers, PrefersTheLaterLifeOfAMaster) {
  known_members group;
  const auto later = member(2, 11, msg::role::master);
  group.reset({own.id, {own, later, master}});
  EXPECT_EQ(group.master(), later);
  // Old news about the former one.
  group.apply({msg::member_change::failed, master, ""});
  EXPECT_EQ(group.master(), later);
}

// Its clock may be years behind.
TEST(KnownMembers, PrefersTheMasterInTheHigherTerm) { // SPEC G6
  auto older = member(2, 1'700'000'000'000, msg::role::master);
  older.term = master_term{7};
  for (const std::uint64_t stamp : {1ull, 1'900'000'000'000ull})
    for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{3}}) {
      auto newer = member(port, stamp, msg::role::master);
      newer.term = master_term{8};
      const auto self = member(9, 10, msg::role::chunkserver);
      known_members group;
      group.reset({self.id, {self, older, newer}});
      EXPECT_EQ(group.master(), newer) << stamp << ' ' << port;
      group.apply({msg::member_change::failed, newer, ""});
      EXPECT_EQ(group.master(), older);
    }
}

TEST(KnownMembers, LinksNobodyWhoIsNotInTheGroupAndNoMasterToItself) {
  known_members group;
  group.reset({own.id, {master}});
  EXPECT_FALSE(group.master());
  group.reset({master.id, {own, master, member(3, 99, msg::role::master)}});
  EXPECT_FALSE(group.master());
}

TEST(KnownMembers, RecognisesItsOwnLaterLife) {
  known_members group;
  group.reset({own.id, {own}});
  const auto again = member(1, 11, msg::role::chunkserver);
  group.apply({msg::member_change::failed, own, ""});
  group.apply({msg::member_change::joined, again, ""});
  ASSERT_NE(group.self(), nullptr);
  EXPECT_EQ(group.self()->id, again.id);
  group.apply({msg::member_change::joined, own, "old news"});
  EXPECT_EQ(group.self()->id, again.id);
}

} // namespace dfs::core
