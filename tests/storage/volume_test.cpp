#include "base/crc32c.hpp"
#include "storage/chunk_store.hpp"
#include "storage/volume_identity.hpp"
#include "support/golden.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::refusal;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Whose disk it is: an emptied, swapped or foreign one is noticed.

namespace {

const store_owner owner{"00112233445566ff", store_id{0x0123456789abcdef}};

struct Volume : ::testing::Test {
  test::temp_dir directory;
  std::string path = directory / "disk";
  std::vector<known_volume> known;

  result<std::unique_ptr<chunk_store>> open(const store_owner& who = owner) {
    store_options options;
    options.segment_bytes = 64 * 1024;
    options.known = known;
    return chunk_store::open(posix_files(), path, who, options);
  }

  std::string why_not(const store_owner& who = owner) {
    const auto opened = open(who);
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error().context;
  }

  store_id make() {
    const auto made = open();
    EXPECT_TRUE(made) << made.error().context;
    return (*made)->id();
  }
};

TEST_F(Volume, KeepsItsIdAndIsHeldByOne) { // DESIGN 3
  const auto id = make();
  EXPECT_NE(id, store_id{});
  auto first = open();
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->id(), id);
  const auto second = open();
  EXPECT_EQ(refusal(second), ec::in_use);
  EXPECT_THAT(second.error().context,
              AllOf(HasSubstr(path), HasSubstr(std::to_string(::getpid()))));
  *first = nullptr;
  EXPECT_TRUE(open());
}

TEST_F(Volume, OfAnotherNodeOrClusterIsRefused) {
  make();
  const auto files = directory.count();
  EXPECT_THAT(why_not({"ff00000000000000", owner.node}),
              AllOf(HasSubstr(path),
                    HasSubstr("belongs to cluster "
                              "00112233445566ff"),
                    HasSubstr("ff00000000000000")));
  EXPECT_THAT(why_not({owner.cluster, store_id{2}}),
              AllOf(HasSubstr(path), HasSubstr("0123456789abcdef"),
                    HasSubstr("0000000000000002")));
  EXPECT_EQ(directory.count(), files);
  EXPECT_TRUE(open());
}

TEST_F(Volume, ThatWasEmptiedIsNotMadeAnew) {
  known = {{make(), path}};
  EXPECT_TRUE(open());
  std::filesystem::remove_all(path);
  for (const bool mounted : {false, true}) {
    if (mounted) // An empty mount point, with what mkfs leaves there.
      std::filesystem::create_directories(path + "/lost+found");
    const auto names = directory.count();
    EXPECT_THAT(
      why_not(),
      AllOf(HasSubstr(path), HasSubstr("is empty"),
            HasSubstr(fmt::format("{:016x}", known.front().id.value()))));
    EXPECT_EQ(directory.count(), names);
    EXPECT_EQ(refusal(open()), ec::not_found) << "and not: foreign";
  }
  // A new disk at a new place is welcome.
  path = directory / "other";
  EXPECT_TRUE(open());
}

TEST_F(Volume, ADirectoryWithOtherThingsIsRefused) {
  std::filesystem::create_directory(path);
  directory.write("disk/photo.jpg", "x");
  EXPECT_THAT(why_not(), HasSubstr("is not empty and no volume"));
  EXPECT_EQ(directory.count(), 2u);
}

TEST_F(Volume, ADamagedOrNewerIdentityIsRefused) { // SPEC O5
  make();
  const auto place = path + "/identity";
  const auto text = test::temp_dir::read(place);
  directory.write("disk/identity", "x" + text);
  EXPECT_THAT(why_not(), HasSubstr("is damaged"));
  EXPECT_EQ(refusal(open()), ec::malformed);
  auto newer = text.substr(0, text.rfind("crc32c"));
  newer.replace(newer.find("= 1"), 3, "= 2");
  newer += fmt::format("crc32c = {:08x}\n", crc32c(newer));
  directory.write("disk/identity", newer);
  EXPECT_THAT(why_not(), HasSubstr("has format 2, this program reads up to 1"));
  directory.write("disk/identity", text);
  EXPECT_TRUE(open());
}

TEST_F(Volume, ThatCannotBeWrittenToSaysSo) {
  path = "/proc/nobody/disk";
  EXPECT_THAT(why_not(), HasSubstr("/proc/nobody/disk"));
}

TEST(VolumeIdentity, HasTheReleasedFormat) {
  const volume_identity identity{owner, store_id{0xfedcba9876543210}};
  EXPECT_EQ(to_text(identity), test::golden("chunk_store_identity_1"));
  const auto parsed
    = parse_volume_identity(test::golden("chunk_store_identity_1"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, identity);
}

} // namespace
