#include "storage/log/log_record.hpp"

#include "base/crc32c.hpp"
#include "storage/log/segment_log.hpp"
#include "support/golden.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dfs;
using namespace dfs::storage;

// The released bytes of every kind of record: a segment made once, read for
// ever after (SPEC O5).

namespace {

constexpr store_id volume{0xfedcba9876543210};

struct spoken {
  record_kind kind;
  chunk_id chunk;
  std::string meta;
  std::string data;
};

std::vector<spoken> everything() {
  const std::vector<append_entry> appends{{writer_id{77}, 5, 10, 20},
                                          {writer_id{78}, 6, 30, 0}};
  const mutation_meta change{chunk_version{2},
                             mutation_serial{3},
                             mutation_kind::append,
                             300,
                             5,
                             writer_id{77},
                             5,
                             9,
                             {0x01020304, 0x0a0b0c0d}};
  const state_meta state{chunk_version{4},
                         mutation_serial{300},
                         67'108'864,
                         70'000,
                         9,
                         {0xdeadbeef, 0xcafe},
                         appends};
  const chunk_id chunk{0x0102030405060708};
  return {
    {record_kind::created, chunk, wire::encode(created_meta{chunk_version{1}}),
     ""},
    {record_kind::packed, chunk,
     wire::encode(packed_meta{
       chunk_version{1}, mutation_serial{1}, {{writer_id{77}, 5, 0, 5}}}),
     "hello"},
    {record_kind::journalled, chunk, wire::encode(change), "bytes"},
    {record_kind::direct, chunk, wire::encode(change), ""},
    {record_kind::versioned, chunk,
     wire::encode(versioned_meta{chunk_version{300}}), ""},
    {record_kind::removed, chunk, "", ""},
    {record_kind::state, chunk, wire::encode(state), "all of it"},
    {record_kind::quarantined, chunk, wire::encode(quarantined_meta{9, true}),
     ""},
    {record_kind::checkpoint,
     {},
     wire::encode(checkpoint_meta{position_at(1, 400)}),
     ""},
    {record_kind::mark, {}, "", ""},
    {record_kind::segments, {}, wire::encode(segments_meta{{1, 2, 300}}), ""},
    {record_kind::purged, chunk, "", ""},
    {record_kind::tally,
     {},
     wire::encode(tally_meta{position_at(1, 64),
                             position_at(1, 70'000),
                             {chunk, chunk_id{~0ull}},
                             {7, 1}}),
     ""},
    {record_kind::written, chunk,
     wire::encode(written_meta{
       state,
       {{{writer_id{79}, 3, mutation_serial{299}}}, mutation_serial{9}}}),
     ""},
    {record_kind::sealed, {}, "", ""},
  };
}

/// Reads a segment back.
struct listener : log_visitor {
  void on_record(const record_header& header, std::string_view meta,
                 std::string_view data) override {
    headers.push_back(header);
    records.push_back(
      {header.kind, header.chunk, std::string{meta}, std::string{data}});
  }
  void on_hole(const log_hole& hole) override {
    ADD_FAILURE() << hole.what;
  }
  std::vector<record_header> headers;
  std::vector<spoken> records;
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    text += fmt::format("{:02x}{}", static_cast<unsigned char>(bytes[i]),
                        i % 32 == 31 ? "\n" : "");
  return text + "\n";
}

std::string bytes_of(std::string_view text) {
  std::string bytes;
  std::string digits;
  for (const auto c : text) {
    if (c == '\n')
      continue;
    digits += c;
    if (digits.size() == 2) {
      bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
      digits.clear();
    }
  }
  return bytes;
}

TEST(LogRecords, HaveTheReleasedFormat) { // SPEC O5
  test::temp_dir directory;
  {
    segment_log log{posix_files(), directory.path(), volume, 1u << 20};
    listener nothing_yet;
    ASSERT_TRUE(log.scan(nothing_yet));
    for (const auto& x : everything()) {
      const std::string_view data{x.data};
      log.append({x.kind,
                  x.chunk,
                  position_at(1, 64),
                  x.meta,
                  {&data, 1},
                  crc32c(data)});
    }
    ASSERT_TRUE(log.write_out());
  }
  EXPECT_EQ(hex(test::temp_dir::read(directory / "00000001.log")),
            test::golden("chunk_store_segment_1.hex"));
}

TEST(LogRecords, OfTheReleasedFormatAreRead) { // SPEC O5
  test::temp_dir directory;
  directory.write("00000001.log",
                  bytes_of(test::golden("chunk_store_segment_1.hex")));
  segment_log log{posix_files(), directory.path(), volume, 1u << 20};
  listener heard;
  ASSERT_TRUE(log.scan(heard));
  const auto all = everything();
  ASSERT_EQ(heard.records.size(), all.size() + 1); // `segments` is the first.
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& found = heard.records[i + 1];
    EXPECT_EQ(found.kind, all[i].kind);
    EXPECT_EQ(found.chunk, all[i].chunk);
    EXPECT_EQ(found.meta, all[i].meta);
    EXPECT_EQ(found.data, all[i].data);
    EXPECT_EQ(heard.headers[i + 1].previous, position_at(1, 64));
    EXPECT_EQ(heard.headers[i + 1].neighbour, heard.headers[i].position);
    EXPECT_EQ(heard.headers[i + 1].neighbour_chunk, heard.headers[i].chunk);
  }
}

TEST(LogRecords, OfAnotherVolumeOrPlaceAreNone) {
  record_header header;
  header.kind = record_kind::removed;
  header.position = position_at(3, 4'096);
  header.chunk = chunk_id{5};
  std::string bytes(record_header_bytes, '\0');
  encode_header(header, volume, bytes.data());
  EXPECT_TRUE(decode_header(bytes, volume, header.position));
  EXPECT_FALSE(decode_header(bytes, store_id{1}, header.position));
  EXPECT_FALSE(decode_header(bytes, volume, position_at(4, 4'096)));
  stamp_header(bytes.data(), position_at(3, 99), volume);
  const auto stamped = decode_header(bytes, volume, header.position);
  ASSERT_TRUE(stamped);
  EXPECT_EQ(stamped->synced, position_at(3, 99));
}

TEST(LogRecords, AreRefusedWithAnyBitChanged) {
  record_header header;
  header.kind = record_kind::packed;
  header.position = position_at(1, 64);
  header.data_bytes = 1'000;
  std::string bytes(record_header_bytes, '\0');
  encode_header(header, volume, bytes.data());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_header(changed, volume, header.position)) << bit;
  }
}

} // namespace
