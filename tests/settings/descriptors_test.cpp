#include "settings/descriptors.hpp"

#include "settings/load.hpp"

#include <gtest/gtest.h>

namespace dfs::settings {
namespace {

using msg::role;

constexpr msg::role_set set(role x) {
  return static_cast<msg::role_set>(x);
}

node_settings defaults() {
  const auto loaded = load({}, audience{});
  EXPECT_TRUE(loaded);
  return loaded->server;
}

TEST(Descriptors, EachPortAndEachLinkCount) {
  auto how = defaults();
  const auto before = descriptors_needed(how, set(role::introducer));
  how.control.links_max += 10;
  EXPECT_EQ(descriptors_needed(how, set(role::introducer)), before + 30);
  how.stream.connections_max += 7;
  how.stream.unverified_max += 1;
  EXPECT_EQ(descriptors_needed(how, set(role::introducer)), before + 30 + 9);
}

TEST(Descriptors, ADataPortHasItsOwn) {
  auto how = defaults();
  for (const auto x : {role::chunkserver, role::fileserver}) {
    const auto before = descriptors_needed(how, set(x));
    auto more = how;
    more.stream.connections_max += 100;
    EXPECT_EQ(descriptors_needed(more, set(x)), before + 200);
  }
}

// A thousand servers: each has a link, and for a while the one before.
TEST(Descriptors, DefaultsHaveRoomForAThousandServers) {
  const auto how = defaults();
  EXPECT_GE(how.control.links_max, 2u * 999);
  EXPECT_GE(how.control.unverified_max, 999u);
}

} // namespace
} // namespace dfs::settings
