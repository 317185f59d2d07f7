#include "core/multicast/payloads.hpp"

#include "core/multicast/snapshot_transfer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most = 100'000;

msg::message_body piece(std::uint64_t q, msg::body_kind kind, std::string bytes,
                        std::uint64_t life = 1) {
  return {{server_id{1}, life_id{life}, q}, kind, std::move(bytes)};
}

TEST(Payloads, ComeOutAsTheyWentIn) {
  std::string body;
  for (const auto* x : {"a", "", "long"})
    pack(body, x);
  EXPECT_EQ(unpack(body), (std::vector<std::string_view>{"a", "", "long"}));
  EXPECT_TRUE(unpack(body.substr(0, 2)).empty()); // Broken: nothing.
}

TEST(Payloads, LargeOnesAreWholeAtTheirLastPiece) {
  std::string payload(5'000, '?');
  for (std::size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>('a' + i % 26);
  order_position at;
  std::uint64_t q = 0;
  std::vector<std::string> whole;
  for (auto& [kind, bytes] : split(payload, 1'302)) {
    EXPECT_LE(bytes.size(), 1'302u);
    EXPECT_TRUE(whole.empty());
    // What is delivered so far survives as bytes.
    at = *decode_position(encode(at));
    ++q;
    whole = deliver_next(at, piece(q, kind, bytes), q, most);
  }
  EXPECT_EQ(whole, (std::vector<std::string>{payload}));
  EXPECT_TRUE(at.partials.empty());
  EXPECT_EQ(at.k, q);
}

TEST(Payloads, TheRestOfADeadSendersIsDropped) { // SPEC Q4
  using kind = msg::body_kind;
  order_position at;
  EXPECT_TRUE(deliver_next(at, piece(1, kind::first, "x"), 1, most).empty());
  EXPECT_TRUE(deliver_next(at, piece(1, kind::last, "y", 2), 2, most).empty());
  EXPECT_TRUE(deliver_next(at, piece(2, kind::first, "a", 2), 3, most).empty());
  EXPECT_EQ(deliver_next(at, piece(3, kind::last, "b", 2), 4, most),
            (std::vector<std::string>{"ab"}));
}

TEST(Payloads, PositionsAreNotTakenFromNoise) {
  order_position x;
  x.k = 9;
  x.marks[server_id{3}] = {life_id{4}, 5};
  x.partials[server_id{3}] = {life_id{4}, "bytes"};
  const auto bytes = encode(x);
  EXPECT_EQ(*decode_position(bytes), x);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    EXPECT_FALSE(decode_position(bytes.substr(0, i)));
  EXPECT_FALSE(decode_position(bytes + "x"));
}

TEST(Payloads, MayBeEmpty) {
  std::string body;
  pack(body, "");
  EXPECT_EQ(unpack(body), (std::vector<std::string_view>{""}));
}

TEST(Payloads, ThatAreTooLargeForOneAreHalved) {
  const auto pieces = split("abcde", 10);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].second + pieces[1].second, "abcde");
}

// As large as may be, and one byte more.
TEST(Payloads, AreDroppedIfTheyAreTooLarge) { // SPEC Q2
  const auto deliver = [](std::size_t most) {
    order_position at;
    std::vector<std::string> whole;
    std::uint64_t q = 0;
    for (const auto& [kind, bytes] : split("abcdef", 2)) {
      whole = deliver_next(at, {{server_id{1}, life_id{1}, ++q}, kind, bytes},
                           0, most);
    }
    EXPECT_TRUE(at.partials.empty());
    return whole;
  };
  EXPECT_EQ(deliver(6), (std::vector<std::string>{"abcdef"}));
  EXPECT_TRUE(deliver(5).empty());
}

class Snapshot : public testing::Test {
protected:
  Snapshot() : bytes(100'123, ' ') {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(i * i % 251);
    source.hold(5, 77, bytes, instant{});
  }

  std::string bytes;
  snapshot_source source;
};

TEST_F(Snapshot, ArrivesWhateverIsLost) { // SPEC Q5
  snapshot_fetch fetch{server_id{2}, source.offer({}), instant{}};
  int n = 0;
  for (auto now = instant{}; !fetch.complete() && now < instant{10s};
       now += 5ms)
    if (const auto asked = fetch.ask(now))
      for (const auto& page : source.pages(*asked, now))
        if (++n % 3 != 0) {
          EXPECT_TRUE(fetch.on_page(page, now));
          EXPECT_FALSE(fetch.on_page(page, now)); // Doubled.
        }
  ASSERT_TRUE(fetch.complete());
  EXPECT_EQ(fetch.take(), bytes);
}

TEST_F(Snapshot, IsRefusedWhenItIsAnotherOne) {
  auto offer = source.offer({});
  ++offer.hash;
  snapshot_fetch fetch{server_id{2}, offer, instant{}};
  auto now = instant{};
  while (!fetch.complete()) {
    if (const auto asked = fetch.ask(now))
      for (const auto& page : source.pages(*asked, now))
        (void) fetch.on_page(page, now);
    now += 50ms;
  }
  EXPECT_FALSE(fetch.take());
}

TEST_F(Snapshot, IsGivenUpWhenNothingComes) {
  snapshot_fetch fetch{server_id{2}, source.offer({}), instant{}};
  EXPECT_FALSE(fetch.stale(instant{2s}));
  EXPECT_TRUE(fetch.stale(instant{2'001ms}));
  source.expire(instant{11s});
  EXPECT_FALSE(source.holds());
}

} // namespace
} // namespace dfs::core
