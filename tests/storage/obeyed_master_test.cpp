#include "storage/obeyed_master.hpp"

#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace dfs::storage {
namespace {

using test::refusal;

constexpr msg::master_mark
mark(std::uint64_t term, std::uint64_t life, std::uint64_t sequence) {
  return {master_term{term}, life, sequence};
}

msg::master_mark read(const test::temp_dir& directory) {
  const auto found = obeyed_master::open(posix_files(), directory.path());
  EXPECT_TRUE(found);
  return found ? (*found)->newest() : msg::master_mark{};
}

TEST(ObeyedMaster, IsReadAsItWasWritten) { // SPEC G12
  test::temp_dir directory;
  EXPECT_EQ(read(directory), msg::master_mark{});
  obeyed_master kept{posix_files(), directory.path(), {}};
  ASSERT_TRUE(kept.raise(mark(7, 0xab, 3)));
  EXPECT_EQ(read(directory), mark(7, 0xab, 3));
  ASSERT_TRUE(kept.raise(mark(~0ull, ~0ull, ~0ull)));
  EXPECT_EQ(read(directory), mark(~0ull, ~0ull, ~0ull));
}

TEST(ObeyedMaster, NeverGoesBack) { // SPEC G12
  test::temp_dir directory;
  obeyed_master kept{posix_files(), directory.path(), {}};
  ASSERT_TRUE(kept.raise(mark(7, 0xab, 3)));
  for (const auto& older :
       {mark(7, 0xab, 2), mark(6, 0xcd, 9), mark(7, 0xcd, 9)}) {
    EXPECT_TRUE(kept.raise(older));
    EXPECT_EQ(kept.newest(), mark(7, 0xab, 3));
    EXPECT_EQ(read(directory), mark(7, 0xab, 3));
  }
}

TEST(ObeyedMaster, ReadsTheFormatThatKnewTermsOnly) {
  EXPECT_EQ(*parse_obeyed_master("format = 1\nterm = 7\ncrc32c = ddd84533\n"),
            mark(7, 0, 0));
  EXPECT_EQ(refusal(parse_obeyed_master("format = 3\nterm = 7\n")),
            ec::unsupported);
}

TEST(ObeyedMaster, IsRefusedWhenItIsDamaged) {
  const auto good = obeyed_master_text(mark(7, 0xab, 3));
  EXPECT_TRUE(parse_obeyed_master(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_obeyed_master(bad)) << i;
    EXPECT_FALSE(parse_obeyed_master(good.substr(0, i))) << i;
  }
  test::temp_dir directory;
  std::ofstream{directory.path() + "/master_term"} << good << "more";
  EXPECT_EQ(refusal(obeyed_master::open(posix_files(), directory.path())),
            ec::configuration);
}

} // namespace
} // namespace dfs::storage
