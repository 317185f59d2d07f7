#include "fileserver/news_box.hpp"

#include <gtest/gtest.h>

namespace dfs::fileserver {
namespace {

// Asked for every few seconds while there is no master.
TEST(NewsBox, KeepsOneRequestToUnlinkAFile) { // SPEC S10
  news_box box{nullptr};
  for (int n = 0; n < 1'000; ++n)
    box.put(msg::unlink_file{group_id{1}, inode_id{5}});
  box.put(msg::unlink_file{group_id{1}, inode_id{6}});
  EXPECT_FALSE(box.empty());
  EXPECT_EQ(box.take().unlink.size(), 2u);
  EXPECT_TRUE(box.empty());
}

TEST(NewsBox, DropsWhatWasAskedOfAFormerMaster) { // SPEC V2
  news_box box{nullptr};
  box.put(msg::unlink_file{group_id{1}, inode_id{5}});
  box.drop_asks();
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.take().unlink.empty());
}

} // namespace
} // namespace dfs::fileserver
