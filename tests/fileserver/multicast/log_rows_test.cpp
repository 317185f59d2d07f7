#include "fileserver/multicast/log_rows.hpp"

#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::fileserver {
namespace {

log_record_row row_of(std::uint16_t format) {
  log_record_row row;
  row.format = format;
  row.era = 3;
  row.keep = 40;
  row.final = 38;
  row.record.promised = {9, server_id{2}};
  row.record.lineage = {8, server_id{3}};
  row.record.history = {{{8, server_id{3}}, 17}};
  row.record.forgetful = true;
  if (format >= 3) {
    row.record.rules = {core::primary_rule::highest_id, 3, {server_id{4}}};
    row.record.next_rules = {core::primary_rule::majority, 2, {server_id{5}}};
  }
  return row;
}

TEST(LogRows, ARecordComesBack) {
  const auto row = row_of(log_row_format);
  const auto read = wire::decode<log_record_row>(wire::encode(row));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->keep, 40u);
  EXPECT_EQ(read->record, row.record);
}

// Logs of format 1 are read: nothing was forgotten then.
TEST(LogRows, AnOlderRecordComesBack) {
  auto row = row_of(1);
  const auto read = wire::decode<log_record_row>(wire::encode(row));
  ASSERT_TRUE(read);
  row.record.forgetful = false;
  EXPECT_EQ(read->record, row.record);
}

// Of format 2: it goes by what is configured.
TEST(LogRows, ARecordWithoutRulesComesBack) {
  const auto row = row_of(2);
  const auto read = wire::decode<log_record_row>(wire::encode(row));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->record, row.record);
}

} // namespace
} // namespace dfs::fileserver
