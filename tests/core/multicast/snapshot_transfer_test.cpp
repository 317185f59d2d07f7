#include "core/multicast/snapshot_transfer.hpp"

#include <gtest/gtest.h>

#include <string>

// A whole state on its way to who is behind.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr instant now{1s};

struct SnapshotTransfer : testing::Test {
  snapshot_source source;
  msg::snapshot_offered offer;

  std::string hold(std::size_t bytes) {
    std::string state;
    for (std::size_t i = 0; i < bytes; ++i)
      state += static_cast<char>('a' + i % 23);
    source.hold(5, 9, state, now);
    offer = source.offer({});
    return state;
  }
};

TEST_F(SnapshotTransfer, EndsWhenAllPagesAreThere) { // SPEC Q10
  for (const auto bytes :
       {std::size_t{1}, snapshot_page_bytes - 1, snapshot_page_bytes,
        snapshot_page_bytes + 1, 100 * snapshot_page_bytes}) {
    const auto state = hold(bytes);
    snapshot_fetch fetch{server_id{2}, offer, now};
    while (const auto asked = fetch.ask(now))
      for (const auto& page : source.pages(*asked, now))
        EXPECT_TRUE(fetch.on_page(page, now));
    EXPECT_TRUE(fetch.complete()) << bytes;
    EXPECT_EQ(fetch.take(), state);
  }
}

TEST_F(SnapshotTransfer, AsksForManyPagesAtOnce) {
  hold(40 * snapshot_page_bytes);
  snapshot_fetch fetch{server_id{2}, offer, now};
  const auto asked = fetch.ask(now);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->pages.size(), 32u);
}

TEST_F(SnapshotTransfer, TakesNoPageOfAnotherLength) {
  hold(2 * snapshot_page_bytes);
  snapshot_fetch fetch{server_id{2}, offer, now};
  for (auto page : source.pages(*fetch.ask(now), now)) {
    page.bytes.pop_back();
    EXPECT_FALSE(fetch.on_page(page, now));
  }
  EXPECT_FALSE(fetch.complete());
}

TEST_F(SnapshotTransfer, AsksForThePagesThatThereAre) {
  hold(2 * snapshot_page_bytes);
  snapshot_fetch fetch{server_id{2}, offer, now};
  EXPECT_EQ(fetch.ask(now)->pages, (std::vector<std::uint32_t>{0, 1}));
}

// 64 are under way, whichever of them are lost.
TEST_F(SnapshotTransfer, AsksAgainForWhatIsLost) {
  hold(200 * snapshot_page_bytes);
  snapshot_fetch fetch{server_id{2}, offer, now};
  EXPECT_EQ(fetch.ask(now)->pages.front(), 0u);
  EXPECT_EQ(fetch.ask(now)->pages.front(), 32u);
  EXPECT_FALSE(fetch.ask(now));
  EXPECT_TRUE(
    fetch.on_page({5, 1, std::string(snapshot_page_bytes, 'x')}, now));
  EXPECT_EQ(fetch.ask(now)->pages, (std::vector<std::uint32_t>{64}));
  EXPECT_FALSE(fetch.ask(now + 29ms));
  const auto again = fetch.ask(now + 30ms);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pages.size(), 32u);
  EXPECT_EQ(again->pages[0], 0u);
  EXPECT_EQ(again->pages[1], 2u);
}

TEST_F(SnapshotTransfer, GivesWhatItHasOfWhatIsAskedFor) {
  hold(3 * snapshot_page_bytes);
  const auto some = source.pages({5, {7, 3, 2}}, now);
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].page, 2u);
  EXPECT_EQ(source.pages({5, std::vector<std::uint32_t>(40)}, now).size(), 32u);
  EXPECT_TRUE(source.pages({6, {0}}, now).empty());
}

TEST_F(SnapshotTransfer, IsKeptFor10s) {
  hold(1);
  source.expire(now + 10s);
  EXPECT_TRUE(source.holds());
  source.expire(now + 10s + 1ns);
  EXPECT_FALSE(source.holds());
  EXPECT_TRUE(source.pages({5, {0}}, now).empty());
  EXPECT_TRUE(source.pages({0, {0}}, now).empty());
}

} // namespace
} // namespace dfs::core
