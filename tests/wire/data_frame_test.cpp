#include "wire/data_frame.hpp"

#include "base/crc32c.hpp"
#include "base/rng.hpp"
#include "support/hex.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::wire {
namespace {

using test::hex;

data_header sample() {
  return {.kind = data_kind::request,
          .method = 0x0102,
          .status = 3,
          .message_size = 7,
          .data_size = 0x00040506,
          .id = request_id{0x0708090a0b0c0d0e}};
}

// SPEC O5: what version 1 wrote, every later version reads.
TEST(DataFrame, HasTheBytesOfTheGoldenSample) {
  std::string bytes;
  append_data_head(bytes, sample(), "message");
  EXPECT_EQ(hex(bytes), "64440101" // magic, version, kind
                        "0201"
                        "03"
                        "00"               // method, status, reserved
                        "07000000"         // message size
                        "06050400"         // data size
                        "0e0d0c0b0a090807" // id
                        "00000000"         // reserved
                        "01b1fbe6"         // checksum
                        "6d657373616765");
  const auto header = parse_data_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, sample());
  EXPECT_TRUE(check_data_head(bytes));
}

TEST(DataFrame, EveryFlippedBitOfItsHeadIsFound) { // SPEC O4
  std::string good;
  append_data_head(good, sample(), "message");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(!parse_data_header(bad) || !check_data_head(bad)) << bit;
  }
}

TEST(DataFrame, SizesAreJudgedByTheHeaderAlone) { // SPEC O4
  const auto with = [](std::uint32_t message, std::uint32_t data) {
    std::string bytes;
    append_data_head(bytes, sample(), {});
    for (int i = 0; i < 4; ++i) {
      bytes[8 + i] = static_cast<char>(message >> 8 * i);
      bytes[12 + i] = static_cast<char>(data >> 8 * i);
    }
    return parse_data_header(bytes);
  };
  EXPECT_TRUE(with(data_message_max, data_bytes_max));
  EXPECT_FALSE(with(data_message_max + 1, 0));
  EXPECT_FALSE(with(0, data_bytes_max + 1));
  EXPECT_FALSE(with(~0u, ~0u));
}

TEST(DataFrame, OtherVersionsAreToldFromGarbage) { // SPEC O5
  std::string bytes;
  append_data_head(bytes, sample(), {});
  auto newer = bytes;
  newer[2] = 2;
  EXPECT_EQ(parse_data_header(newer).error().code, ec::unsupported);
  auto strange = bytes;
  strange[3] = 6;
  EXPECT_EQ(parse_data_header(strange).error().code, ec::malformed);
  EXPECT_EQ(parse_data_header(std::string(32, 'x')).error().code,
            ec::malformed);
}

TEST(DataFrame, RandomBytesAreNoFrames) { // SPEC O4
  rng random{3};
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(data_header_size, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random.below(256));
    if (random.one_in(2))
      bytes.replace(0, 4, std::string{"dD\x01\x01", 4});
    if (const auto header = parse_data_header(bytes)) {
      EXPECT_LE(header->message_size, data_message_max);
      EXPECT_LE(header->data_size, data_bytes_max);
    }
  }
}

TEST(DataPieces, AreCutWhereBlocksEnd) { // SPEC G9
  const std::string bytes(200'000, 'b');
  EXPECT_EQ(piece_count(0, 0), 0u);
  EXPECT_EQ(piece_count(0, 65'536), 1u);
  EXPECT_EQ(piece_count(1, 65'536), 2u);
  EXPECT_EQ(piece_count(65'535, 2), 2u);
  EXPECT_EQ(piece_count(65'536, 65'536), 1u);
  const auto crcs = piece_crcs(65'000, bytes);
  ASSERT_EQ(crcs.size(), piece_count(65'000, bytes.size()));
  ASSERT_EQ(crcs.size(), 5u);
  EXPECT_EQ(crcs[0], crc32c(bytes.substr(0, 536)));
  EXPECT_EQ(crcs[1], crc32c(bytes.substr(0, 65'536)));
  EXPECT_EQ(crcs[4], crc32c(bytes.substr(0, 200'000 - 536 - 3 * 65'536)));
}

TEST(DataPieces, FindEveryFault) { // SPEC G9
  std::string bytes(150'000, 'b');
  auto crcs = piece_crcs(10, bytes);
  EXPECT_TRUE(pieces_match(10, bytes, crcs));
  EXPECT_FALSE(pieces_match(11, bytes, crcs));
  EXPECT_FALSE(pieces_match(10, bytes + "b", crcs));
  for (const std::size_t at : {0u, 65'525u, 65'526u, 149'999u}) {
    bytes[at] = 'c';
    EXPECT_FALSE(pieces_match(10, bytes, crcs)) << at;
    bytes[at] = 'b';
  }
  crcs.push_back(0);
  EXPECT_FALSE(pieces_match(10, bytes, crcs));
  EXPECT_TRUE(pieces_match(10, {}, {}));
}

} // namespace
} // namespace dfs::wire
