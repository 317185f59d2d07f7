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

} // namespace
} // namespace dfs::core
