#include "messages/queue_end.hpp"
#include "messages/queue_inspect.hpp"

#include "base/rng.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::msg {
namespace {

queue_session example_session() {
  queue_session x;
  for (std::uint8_t i = 0; i < 16; ++i)
    x.random[i] = static_cast<std::uint8_t>(i + 1);
  x.birth = queue_tick{300};
  return x;
}

// No field at its default: a forgotten one shows.
queue_request example_request() {
  return {example_session(),  7, 5, queue_verb::pop, true, queue_id{9}, "label",
          {true, -3, "bytes"}};
}

template <class T>
void expect_round_trip(const T& sent) {
  const auto got = wire::decode<T>(wire::encode(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, sent);
}

TEST(QueueInspect, KeepsEveryField) {
  expect_round_trip(queue_batch{3, {example_request(), {}}});
  expect_round_trip(queue_answer{example_session(),
                                 7,
                                 queue_verb::pop,
                                 queue_status::full,
                                 -9,
                                 {true, -3, "bytes"},
                                 {11, 12},
                                 true});
  queue_page page{2, 3, true, {}, {}, {}, {}, {}};
  page.heads.push_back({1, queue_tick{2}, queue_id{3}, 4, 5, 6, 7, 8});
  page.queues.push_back({queue_id{1}, "label", 2});
  page.items.push_back({queue_id{1}, 2, {true, -3, "bytes"}});
  page.sessions.push_back({example_session(), 2, queue_tick{3}});
  page.answers.push_back({example_session(),
                          2,
                          queue_verb::pop,
                          queue_status::full,
                          4,
                          {true, -3, "bytes"},
                          {11, 12}});
  expect_round_trip(page);
}

// They stand in logs on disks.
TEST(QueueInspect, HasTheBytesThatAreReleased) {
  std::string random;
  for (char i = 1; i <= 16; ++i)
    random += i;
  const auto session = random + "\xac\x02";
  const std::string item{"\x01\x05\x05"
                         "bytes"};
  EXPECT_EQ(wire::encode(queue_batch{1, {example_request()}}),
            std::string("\x01\x00\x01", 3) + session
              + "\x07\x05\x05\x01\x09\x05"
                "label"
              + item);
  EXPECT_EQ(static_cast<int>(queue_verb::create), 1);
  EXPECT_EQ(static_cast<int>(queue_verb::find), 2);
  EXPECT_EQ(static_cast<int>(queue_verb::destroy), 3);
  EXPECT_EQ(static_cast<int>(queue_verb::push), 4);
  EXPECT_EQ(static_cast<int>(queue_verb::top), 6);
  EXPECT_EQ(static_cast<int>(queue_verb::size), 7);
  EXPECT_EQ(static_cast<int>(queue_verb::tick), 8);
  EXPECT_EQ(static_cast<int>(queue_end_session), 9);
  EXPECT_EQ(static_cast<int>(queue_status::done), 1);
  EXPECT_EQ(static_cast<int>(queue_status::waiting), 10);
}

// A push of 16 bytes, of which many go into one datagram.
TEST(QueueInspect, IsShort) {
  auto x = example_request();
  x.verb = queue_verb::push;
  x.label.clear();
  x.item = {true, 0, std::string(16, 'x')};
  EXPECT_LE(wire::encode(x).size(), 46u);
}

TEST(QueueInspect, TakesAnyBytes) { // SPEC O3
  const auto good
    = wire::encode(queue_batch{1, {example_request(), example_request()}});
  rng random{5};
  for (int i = 0; i < 50'000; ++i) {
    auto bytes = good;
    bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    if (random.one_in(3))
      bytes.resize(random.below(bytes.size()));
    if (random.one_in(4))
      for (auto& byte : bytes)
        byte = static_cast<char>(random.below(256));
    const auto got = wire::decode<queue_batch>(bytes);
    if (got)
      EXPECT_TRUE(wire::decode<queue_batch>(wire::encode(*got)));
  }
}

} // namespace
} // namespace dfs::msg
