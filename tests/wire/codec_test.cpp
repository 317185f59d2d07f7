#include "wire/codec.hpp"

#include "messages/member.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dfs::wire {
namespace {

msg::member_record sample() {
  return {{*ip_address::parse("10.0.0.5"), 7401, 1'700'000'000'000},
          "chunkserver-1",
          4,
          store_id{std::numeric_limits<std::uint64_t>::max()},
          7400,
          7402,
          7403,
          7404,
          "zone-a",
          "0.1.0"};
}

TEST(Codec, GivesBackWhatItTook) {
  const auto bytes = encode(sample());
  const auto back = decode<msg::member_record>(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, sample());
}

TEST(Codec, KeepsSignedAndWideNumbers) {
  for (std::int64_t x : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63},
                         std::numeric_limits<std::int64_t>::min(),
                         std::numeric_limits<std::int64_t>::max()})
    EXPECT_EQ(*decode<std::int64_t>(encode(x)), x);
  EXPECT_FALSE(decode<std::int32_t>(encode(std::int64_t{1} << 40)));
  EXPECT_FALSE(decode<std::uint32_t>(encode(std::uint64_t{1} << 32)));
}

TEST(Codec, RefusesEveryTruncationAndTrailingBytes) {
  const auto bytes = encode(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode<msg::member_record>(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode<msg::member_record>(bytes + '\0'));
}

TEST(Codec, TakesNoMemoryForACountThatCannotBe) {
  std::string bytes;
  encoder{bytes}.varint(std::uint64_t{1} << 40);
  EXPECT_FALSE(decode<std::vector<std::uint64_t>>(bytes));
  EXPECT_FALSE(decode<std::string>(bytes));
  EXPECT_FALSE(decode<std::uint64_t>(std::string(11, '\xff')));
}

} // namespace
} // namespace dfs::wire
