#include "support/history/payload.hpp"

#include <gmock/gmock.h>

namespace dfs::history {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string cell(std::uint64_t value, std::size_t bytes = 4096) {
  std::string out;
  append_cell(out, "/f#0", 0, value, bytes);
  return out;
}

TEST(Payload, ACellTellsItsValue) {
  EXPECT_EQ(cell_value(cell(7), "/f#0", 0), 7u);
  EXPECT_EQ(cell_value(std::string(4096, '\0'), "/f#0", 0), nothing_written);
}

TEST(Payload, AMixedMisplacedOrFlippedCellIsNone) { // SPEC G9
  const auto good = cell(7);
  EXPECT_EQ(cell_value(good, "/f#1", 0), std::nullopt);
  EXPECT_EQ(cell_value(good, "/f#0", 1), std::nullopt);
  const auto other = cell(8);
  for (std::size_t cut = 16; cut < good.size(); cut += 16)
    EXPECT_EQ(cell_value(good.substr(0, cut) + other.substr(cut), "/f#0", 0),
              std::nullopt);
  EXPECT_EQ(cell_value(good.substr(16) + good.substr(0, 16), "/f#0", 0),
            std::nullopt);
  for (std::size_t at = 0; at < good.size(); at += 5) {
    auto flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_EQ(cell_value(flipped, "/f#0", 0), std::nullopt) << at;
  }
  EXPECT_EQ(cell_value(good.substr(0, 4095), "/f#0", 0), std::nullopt);
  EXPECT_EQ(cell_value("", "/f#0", 0), std::nullopt);
}

replica_content found(const std::string& bytes) {
  replica_content content;
  content.begin = 1'000;
  find_records(bytes, content);
  return content;
}

TEST(Payload, RecordsAreFoundInARow) {
  const auto bytes = make_record(1, 24) + make_record(2, 777);
  const auto content = found(bytes);
  EXPECT_THAT(content.flaws, IsEmpty());
  EXPECT_THAT(content.records, ElementsAre(found_record{1, 1'000, 24},
                                           found_record{2, 1'024, 777}));
}

TEST(Payload, WhatIsTornIsAFlaw) { // SPEC G7
  const auto a = make_record(1, 100);
  const auto b = make_record(2, 200);
  for (std::size_t cut = 1; cut < a.size(); ++cut) {
    const auto bytes = a.substr(0, cut) + b;
    const auto content = found(bytes);
    EXPECT_THAT(content.flaws, ElementsAre(HasSubstr("no whole record")));
    EXPECT_THAT(content.records,
                ElementsAre(found_record{2, 1'000 + cut, 200}));
  }
  for (std::size_t at = 0; at < a.size(); ++at) {
    auto flipped = a;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    EXPECT_THAT(found(flipped).records, IsEmpty()) << at;
  }
  EXPECT_THAT(found(a + "%").flaws, ElementsAre(HasSubstr("1 bytes at 1100")));
}

} // namespace

} // namespace dfs::history
