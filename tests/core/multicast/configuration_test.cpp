#include "core/multicast/configuration.hpp"
#include "core/multicast/multicast_parts.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

msg::configuration_id id(std::uint64_t epoch) {
  return {epoch, server_id{1}};
}

TEST(GroupConfiguration, NamesMembersByServerAndLife) { // SPEC Q5
  msg::group_configuration x;
  x.members = {{server_id{1}, store_id{1}, life_id{5}},
               {server_id{3}, store_id{3}, life_id{6}}};
  EXPECT_EQ(index_of(x, server_id{3}), 1u);
  EXPECT_EQ(index_of(x, server_id{3}, life_id{6}), 1u);
  EXPECT_EQ(index_of(x, server_id{3}, life_id{5}), std::nullopt);
  EXPECT_EQ(index_of(x, server_id{2}, life_id{5}), std::nullopt);
}

// Servers of different versions compare it.
TEST(GroupFingerprint, IsTheSameInEveryVersion) {
  multicast_config config;
  EXPECT_TRUE(config.durable); // Unless somebody says otherwise.
  config.servers = {server_id{1}, server_id{2}, server_id{3}};
  EXPECT_EQ(fingerprint_of(config), 2725401023413740327u);
  const auto before = fingerprint_of(config);
  config.servers.back() = server_id{4};
  EXPECT_NE(fingerprint_of(config), before);
}

TEST(LifePromises, LackWhatWasNotPromisedInThisLife) { // SPEC Q10
  life_promises x{id(5)};
  EXPECT_FALSE(x.lacks(id(4))); // That was before: it does not know.
  EXPECT_FALSE(x.lacks(id(5)));
  EXPECT_TRUE(x.lacks(id(6)));
  x.add(id(6));
  x.add(id(8));
  EXPECT_FALSE(x.lacks(id(6)));
  EXPECT_TRUE(x.lacks(id(7)));
  x.drop(id(7));
  EXPECT_FALSE(x.lacks(id(7)));
  EXPECT_FALSE(x.lacks(id(8)));
  EXPECT_TRUE(x.lacks(id(9)));
}

} // namespace
} // namespace dfs::core
