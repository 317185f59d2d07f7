#include "settings/data_dir.hpp"

#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dfs::settings {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const directory_owner owner{"00112233445566ff", "node-1"};

unix_milliseconds at(std::int64_t ms) {
  return unix_milliseconds{milliseconds{ms}};
}

error refusal(const result<data_dir>& x) {
  return x ? fail(ec::exists, "it was opened") : x.error();
}

struct DataDir : testing::Test {
  test::temp_dir place;
  std::string path = place / "data";
};

TEST_F(DataDir, KeepsItsStoreIdAndTellsItsOwner) {
  store_id store;
  {
    auto made = data_dir::open(path, owner);
    ASSERT_TRUE(made) << made.error().context;
    store = made->store();
    EXPECT_NE(store, store_id{});
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
  }
  auto again = data_dir::open(path, owner);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(again->store(), store);
  auto other = data_dir::open(place / "other", owner);
  ASSERT_TRUE(other);
  EXPECT_NE(other->store(), store);
}

// SPEC M1, I2: a clock that goes back, or stands still, gives no stamp twice.
TEST_F(DataDir, StampsGrowWhateverTheClockDoes) {
  {
    auto opened = data_dir::open(path, owner);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened->next_start(at(1'000)), at(1'000));
    EXPECT_EQ(*opened->next_start(at(1'000)), at(1'001));
  }
  auto opened = data_dir::open(path, owner);
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened->next_start(at(5)), at(1'002));
  EXPECT_EQ(*opened->next_start(at(2'000)), at(2'000));
  // Persisted before it is given out: what is on disk is what was returned.
  const auto saved = parse_identity(test::temp_dir::read(path + "/identity"));
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->last_start, at(2'000));
}

TEST_F(DataDir, AStampThatCannotBeSavedIsNotGiven) {
  auto opened = data_dir::open(path, owner);
  ASSERT_TRUE(opened);
  std::filesystem::remove_all(path);
  EXPECT_FALSE(opened->next_start(at(1'000)));
  EXPECT_EQ(opened->identity().last_start, at(0));
}

// I1: across processes and inside one.
TEST_F(DataDir, OneHolderAtATime) {
  auto first = data_dir::open(path, owner);
  ASSERT_TRUE(first);
  const auto refused = refusal(data_dir::open(path, owner));
  EXPECT_EQ(refused.code, ec::in_use);
  EXPECT_EQ(refused.context, "node.data_dir " + path + ": is in use by process "
                               + std::to_string(::getpid())
                               + "; stop it, or name another directory");
  EXPECT_EQ(exit_status(refused.code), 2);
  const auto child = ::fork();
  if (child == 0)
    ::_exit(data_dir::open(path, owner) ? 1 : 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(DataDir, AnotherNodesDirectoryIsRefusedAndUntouched) {
  ASSERT_TRUE(data_dir::open(path, owner));
  const auto before = test::temp_dir::read(path + "/identity");
  EXPECT_EQ(refusal(data_dir::open(path, {owner.cluster, "node-2"})).context,
            "node.data_dir " + path
              + ": belongs to node 'node-1', this is 'node-2'; name another "
                "directory or another bundle");
  EXPECT_THAT(
    refusal(data_dir::open(path, {"ffffffffffffffff", "node-1"})).context,
    HasSubstr("belongs to cluster 00112233445566ff"));
  EXPECT_EQ(test::temp_dir::read(path + "/identity"), before);
}

TEST_F(DataDir, AForeignDirectoryIsRefusedAndUntouched) {
  std::filesystem::create_directory(path);
  place.write("data/holiday.jpg", "x");
  const auto names = place.count();
  EXPECT_THAT(refusal(data_dir::open(path, owner)).context,
              HasSubstr("is not empty and no data directory"));
  EXPECT_EQ(place.count(), names);
  place.write("file", "x");
  EXPECT_EQ(refusal(data_dir::open(place / "file", owner)).code,
            ec::configuration);
  EXPECT_THAT(refusal(data_dir::open(place / "a/b", owner)).context,
              HasSubstr("create " + place.path() + "/a first"));
}

// SPEC O5, bad input: a start ends with status 2, and nothing is changed.
TEST_F(DataDir, ANewerOrDamagedOneIsRefused) {
  { ASSERT_TRUE(data_dir::open(path, owner)); }
  const auto good = test::temp_dir::read(path + "/identity");
  auto newer = good;
  newer.replace(newer.find("format = 1"), 10, "format = 9");
  for (const auto& text : {newer, good.substr(1), std::string{}}) {
    place.write("data/identity", text);
    const auto refused = refusal(data_dir::open(path, owner));
    EXPECT_EQ(exit_status(refused.code), 2);
    EXPECT_THAT(refused.context, testing::StartsWith(path + "/identity: "));
    EXPECT_EQ(test::temp_dir::read(path + "/identity"), text);
  }
}

TEST_F(DataDir, TellsWhoHoldsItAndWritesNothing) {
  EXPECT_EQ(data_dir::holder(path), "");
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    auto opened = data_dir::open(path, owner);
    ASSERT_TRUE(opened);
    EXPECT_EQ(data_dir::holder(path), std::to_string(::getpid()));
  }
  EXPECT_EQ(data_dir::holder(path), ""); // The pid is still in the file.
  EXPECT_TRUE(data_dir::open(path, owner));
}

// A crash between the steps of creation must not need a person.
TEST_F(DataDir, AnAttemptThatWasCutShortIsTakenUp) {
  std::filesystem::create_directory(path);
  place.write("data/lock", "99999");
  place.write("data/identity.aBcDeF", "form");
  EXPECT_TRUE(data_dir::open(path, owner));
}

TEST_F(DataDir, AnUnwritableOneIsRefused) {
  { ASSERT_TRUE(data_dir::open(path, owner)); }
  std::filesystem::permissions(place.path(), std::filesystem::perms{0755});
  std::filesystem::permissions(path, std::filesystem::perms{0555});
  std::filesystem::permissions(path + "/identity",
                               std::filesystem::perms{0444});
  const auto child = ::fork();
  if (child == 0) { // Root may write everywhere, so be nobody.
    if (::geteuid() == 0 && ::setuid(65534) != 0)
      ::_exit(2);
    const auto refused = refusal(data_dir::open(path, owner));
    const bool said = refused.code == ec::configuration
                      && refused.context.find("let this user write there")
                           != std::string::npos;
    ::_exit(said ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

const directory_identity sample{owner, store_id{0x0123456789abcdef},
                                at(1'700'000'000'000)};

// SPEC O5: the format of docs/formats/data_dir.md, byte for byte.
TEST(DirectoryIdentity, IsWhatTheGoldenFileSays) {
  EXPECT_EQ(
    to_text(sample),
    test::temp_dir::read(DFS_SOURCE_DIR "/tests/golden/data_dir_identity_1"));
  const auto read = parse_identity(to_text(sample));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, sample);
}

// SPEC O5: a newer format is refused, and by that reason.
TEST(DirectoryIdentity, ANewerFormatIsRefused) {
  auto text = to_text(sample);
  text.replace(text.find("format = 1"), 10, "format = 2");
  const auto refused = parse_identity(text);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::unsupported);
}

TEST(DirectoryIdentity, AnyDamageShows) {
  const auto text = to_text(sample);
  for (std::size_t i = 0; i < text.size() - 1; ++i) {
    auto damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(parse_identity(damaged)) << i;
    EXPECT_FALSE(parse_identity(text.substr(0, i))) << i;
  }
}

} // namespace
} // namespace dfs::settings
