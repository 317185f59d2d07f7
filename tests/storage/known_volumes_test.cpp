#include "storage/known_volumes.hpp"

#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace dfs::storage {
namespace {

using test::refusal;

const std::vector<known_volume> two{{store_id{0x0123456789abcdef}, "/srv/a b"},
                                    {store_id{7}, "/srv/c"}};

TEST(KnownVolumes, AreReadAsTheyWereWritten) {
  test::temp_dir directory;
  auto& io = posix_files();
  const auto path = directory.path();
  ASSERT_TRUE(read_known_volumes(io, path));
  EXPECT_TRUE(read_known_volumes(io, path)->empty());
  ASSERT_TRUE(write_known_volumes(io, path, two));
  EXPECT_EQ(*read_known_volumes(io, path), two);
}

TEST(KnownVolumes, KeepTheirFormat) { // SPEC O5
  EXPECT_EQ(to_text(two), "format = 1\n"
                          "0123456789abcdef /srv/a b\n"
                          "0000000000000007 /srv/c\n"
                          "crc32c = 8df2341e\n");
}

TEST(KnownVolumes, AreNeverReadFromDamagedBytes) {
  const auto good = to_text(two);
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_known_volumes(bad)) << i;
    EXPECT_FALSE(parse_known_volumes(good.substr(0, i))) << i;
  }
}

TEST(KnownVolumes, OfANewerFormatAreRefused) { // SPEC O5
  EXPECT_EQ(refusal(parse_known_volumes("format = 2\n")), ec::unsupported);
}

TEST(KnownVolumes, SayWhereTheyAreDamaged) {
  test::temp_dir directory;
  std::ofstream{directory / "volumes"} << "format = 1\n";
  const auto read = read_known_volumes(posix_files(), directory.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ec::configuration);
  EXPECT_NE(read.error().context.find("/volumes"), std::string::npos);
}

} // namespace
} // namespace dfs::storage
