#include "wire/frame.hpp"

#include "base/rng.hpp"
#include "support/hex.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace dfs::wire {
namespace {

using test::hex;

using frames = std::vector<std::pair<frame_header, std::string>>;

frame_header sample() {
  return {.kind = frame_kind::request,
          .method = 0x0102,
          .status = 0,
          .payload_size = 0,
          .deadline_ms = 0x03040506,
          .id = request_id{0x0708090a0b0c0d0e}};
}

result<nothing>
feed(frame_decoder& decoder, std::string_view bytes, frames& into) {
  return decoder.take(bytes, [&](const auto& header, auto payload) {
    into.emplace_back(header, payload);
  });
}

// SPEC O5: what version 1 wrote, every later version reads.
TEST(Frame, HasTheBytesOfTheGoldenSample) {
  std::string bytes;
  append_request(bytes, sample(), {"token", "message"});
  EXPECT_EQ(hex(bytes), "64460101" // magic, version, kind
                        "0201"
                        "00"
                        "00"               // method, status, reserved
                        "0d000000"         // payload size
                        "06050403"         // deadline
                        "0e0d0c0b0a090807" // request id
                        "00000000"         // reserved
                        "545bd020"         // checksum
                        "05"
                        "746f6b656e"
                        "6d657373616765");
  frame_decoder decoder{request_payload_max};
  frames found;
  ASSERT_TRUE(feed(decoder, bytes, found));
  ASSERT_EQ(found.size(), 1u);
  auto expected = sample();
  expected.payload_size = 13;
  EXPECT_EQ(found[0].first, expected);
  const auto parts = split_request(found[0].second);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->token, "token");
  EXPECT_EQ(parts->message, "message");
}

// Goal: the same frames, however the stream is cut. Method: random frames, cut
// at random places.
TEST(Frame, IsFoundInAnyFragmentation) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    std::string bytes;
    frames sent;
    for (int i = 0; i < 8; ++i) {
      auto header = sample();
      header.id = request_id{random.below(1'000)};
      header.kind = static_cast<frame_kind>(1 + random.below(6));
      std::string payload(random.below(random.one_in(4) ? 20'000 : 40),
                          static_cast<char>(random.below(256)));
      header.payload_size = static_cast<std::uint32_t>(payload.size());
      append_frame(bytes, header, payload);
      sent.emplace_back(header, std::move(payload));
    }
    frame_decoder decoder{request_payload_max};
    frames found;
    const auto piece_max = 1 + random.below(random.one_in(2) ? 50 : 30'000);
    for (std::string_view left = bytes; !left.empty();) {
      const auto size
        = std::min<std::size_t>(1 + random.below(piece_max), left.size());
      ASSERT_TRUE(feed(decoder, left.substr(0, size), found));
      left.remove_prefix(size);
    }
    EXPECT_EQ(found, sent);
    EXPECT_EQ(decoder.held(), 0u);
  }
}

TEST(FrameDecoder, RefusesHugeLengthsBeforeItTakesMemory) { // I1
  for (const std::uint32_t size :
       {request_payload_max + 1, 0x7fffffffu, 0xffffffffu}) {
    std::string bytes;
    append_frame(bytes, sample(), "x");
    for (int i = 0; i < 4; ++i)
      bytes[8 + i] = static_cast<char>(size >> (8 * i));
    frame_decoder decoder{request_payload_max};
    frames found;
    const auto outcome = feed(decoder, bytes.substr(0, 32), found);
    ASSERT_FALSE(outcome) << size;
    EXPECT_EQ(outcome.error().code, ec::malformed);
    EXPECT_EQ(decoder.held(), 0u);
  }
}

TEST(FrameDecoder, HoldsNoMoreThanWhatHasArrived) { // I1
  std::string bytes;
  append_frame(bytes, sample(), std::string(request_payload_max, 'x'));
  frame_decoder decoder{request_payload_max};
  frames found;
  ASSERT_TRUE(feed(decoder, bytes.substr(0, 40), found));
  EXPECT_EQ(decoder.held(), 40u);
  ASSERT_TRUE(feed(decoder, bytes.substr(40), found));
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(decoder.held(), 0u);
}

TEST(FrameDecoder, RefusesEveryFlippedBitForGood) { // I2, I3
  std::string good;
  append_frame(good, sample(), "payload");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    frame_decoder decoder{request_payload_max};
    frames found;
    // A longer length makes the decoder wait for the rest.
    const auto outcome = feed(decoder, bytes, found);
    EXPECT_TRUE(found.empty()) << bit;
    if (outcome) {
      EXPECT_GT(decoder.held(), 0u) << bit;
      continue;
    }
    EXPECT_FALSE(feed(decoder, good, found)) << bit;
    EXPECT_TRUE(found.empty()) << bit;
  }
}

TEST(FrameDecoder, NamesTheVersionItDoesNotKnow) { // SPEC O5
  std::string bytes;
  append_frame(bytes, sample(), {});
  bytes[2] = 9;
  frame_decoder decoder{request_payload_max};
  frames found;
  const auto outcome = feed(decoder, bytes, found);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ec::unsupported);
}

// Goal: no input harms. Method: noise, and good frames with noise in them.
TEST(FrameDecoder, SurvivesNoise) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    std::string bytes;
    if (random.one_in(2))
      append_frame(bytes, sample(), std::string(random.below(100), 'x'));
    for (auto left = random.below(200); left > 0; --left)
      bytes.insert(
        bytes.begin()
          + static_cast<std::ptrdiff_t>(random.below(bytes.size() + 1)),
        static_cast<char>(random.below(256)));
    frame_decoder decoder{request_payload_max};
    frames found;
    for (std::string_view left = bytes; !left.empty();) {
      const auto size
        = std::min<std::size_t>(1 + random.below(64), left.size());
      if (!feed(decoder, left.substr(0, size), found))
        break;
      left.remove_prefix(size);
    }
    EXPECT_LE(decoder.held(), bytes.size());
    EXPECT_LE(found.size(), 1u);
  }
}

TEST(RequestPayload, RefusesATokenThatIsLongerThanIt) {
  EXPECT_FALSE(split_request(""));
  EXPECT_FALSE(split_request("\x05toke"));
  EXPECT_TRUE(split_request(std::string_view{"\0", 1}));
}

} // namespace
} // namespace dfs::wire
