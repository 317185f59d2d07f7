#include "settings/files.hpp"

#include "settings/new_directory.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace dfs::settings {
namespace {

using testing::HasSubstr;

// SPEC O4: key files with group or world bits are refused, each of the bits.
TEST(SecretFile, EveryBitOfOthersIsRefused) {
  test::temp_dir place;
  const auto path = place.write("key", "secret");
  for (const unsigned bit : {0040u, 0020u, 0010u, 0004u, 0002u, 0001u}) {
    ASSERT_EQ(::chmod(path.c_str(), 0600 | bit), 0);
    const auto refused = read_secret_file(path);
    ASSERT_FALSE(refused) << bit;
    EXPECT_EQ(refused.error().code, ec::configuration);
    EXPECT_THAT(refused.error().context, HasSubstr("chmod 600 " + path));
    EXPECT_EQ(refused.error().context.find("secret"), std::string::npos);
  }
  for (const unsigned mode : {0600u, 0400u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto read = read_secret_file(path);
    ASSERT_TRUE(read) << mode;
    EXPECT_EQ(*read, "secret");
  }
}

TEST(SecretFile, WhatIsNoFileIsRefused) {
  test::temp_dir place;
  EXPECT_EQ(read_secret_file(place / "none").error().code, ec::not_found);
  EXPECT_EQ(read_secret_file(place.path()).error().code, ec::malformed);
  ASSERT_EQ(::mkfifo((place / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_secret_file(place / "pipe").error().code, ec::malformed);
}

TEST(WriteFile, ReplacesAtOnceAndLeavesNothingElse) {
  test::temp_dir place;
  const auto path = place / "x";
  ASSERT_TRUE(write_file(path, "one", 0600));
  ASSERT_TRUE(write_file(path, "two", 0640));
  EXPECT_EQ(test::temp_dir::read(path), "two");
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(write_file(place / "none/x", "y", 0600).error().code,
            ec::not_found);
  std::filesystem::create_directory(place / "full");
  place.write("full/file", "");
  EXPECT_FALSE(write_file(place / "full", "y", 0600)); // Is a directory.
  EXPECT_EQ(place.count(), 3u);
}

TEST(NewDirectory, IsNotThereUntilItIsWhole) {
  test::temp_dir place;
  const auto path = place / "new";
  {
    auto made = new_directory::begin(path);
    ASSERT_TRUE(made);
    ASSERT_TRUE(made->add("a", "1"));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_EQ(place.count(), 0u); // Given up: nothing is left.
  auto made = new_directory::begin(path);
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->add("a", "1"));
  ASSERT_TRUE(made->commit());
  EXPECT_EQ(test::temp_dir::read(path + "/a"), "1");
  EXPECT_EQ(place.count(), 2u);
}

// Somebody else was faster: theirs stays.
TEST(NewDirectory, GivesWayToWhoeverCameFirst) {
  test::temp_dir place;
  auto made = new_directory::begin(place / "new");
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->add("a", "ours"));
  std::filesystem::create_directory(place / "new");
  place.write("new/a", "theirs");
  EXPECT_EQ(made->commit().error().code, ec::exists);
  EXPECT_EQ(test::temp_dir::read(place / "new/a"), "theirs");
}

} // namespace
} // namespace dfs::settings
