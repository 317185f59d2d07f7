#include "messages/version_inspect.hpp"

#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::msg {
namespace {

// No field at its default: a forgotten one shows.
file_state example_state() {
  file_state x;
  x.stamp = {group_ballot{(1ull << 40) + 2}, 3};
  x.settled = true;
  x.manifest.versions = {
    {version_number{6},
     version_kind::deleted,
     {put_writer{10}, 4},
     {},
     0,
     0,
     -5},
    {version_number{5},
     version_kind::content,
     {put_writer{8}, 2},
     {put_writer{7}, 1},
     1ull << 33,
     0xdeadbeef,
     1'700'000'000'000},
  };
  x.manifest.outcomes = {{{put_writer{8}, 2}, version_number{5}},
                         {{put_writer{10}, 4}, version_number{6}}};
  x.manifest.floor = put_writer{6};
  return x;
}

TEST(VersionInspect, KeepsEveryFieldOfAFile) {
  const auto sent = example_state();
  const auto got = wire::decode<file_state>(wire::encode(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, sent);
}

TEST(VersionInspect, KeepsEveryFieldOfASet) {
  const group_set sent{group_id{9},
                       group_epoch{(3ull << 40) + 1},
                       {5, 4, 2},
                       {store_id{11}, store_id{12}}};
  const auto got = wire::decode<group_set>(wire::encode(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, sent);
}

// They stand in rows on disks.
TEST(VersionInspect, HasTheBytesThatAreReleased) {
  EXPECT_EQ(wire::encode(put_id{put_writer{300}, 5}), "\xac\x02\x05");
  EXPECT_EQ(wire::encode(version_stamp{group_ballot{1}, 2}), "\x01\x02");
  EXPECT_EQ(wire::encode(quorum_rule{3, 2, 1}), "\x03\x02\x01");
  const put_outcome outcome{{put_writer{7}, 8}, version_number{9}};
  EXPECT_EQ(wire::encode(outcome), "\x07\x08\x09");
}

} // namespace
} // namespace dfs::msg
