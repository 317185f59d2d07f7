#include "settings/queue_servers.hpp"

#include "settings/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dfs::settings {
namespace {

constexpr auto fileserver
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::fileserver));

// What `config check` says of a file server with these flags; empty: nothing.
std::string faults(std::vector<std::string> flags) {
  flags.insert(flags.begin(),
               {"--node.data_dir=/srv/a", "--node.name=fs-1",
                "--node.bind=10.0.0.1", "--node.advertise=10.0.0.1",
                "--security.bundle=/srv/b",
                "--group.introducers=10.0.0.9:7401"});
  const auto loaded = load({{}, {}, flags}, fileserver);
  return loaded ? std::string{} : loaded.error().context;
}

const std::string three = "--queue.servers=1=fs-1@10.0.0.1:7407,"
                          "2=fs-2@10.0.0.2:7407,3=fs-3@10.0.0.3:7407";

TEST(QueueServers, AreReadById) {
  queue_section x;
  x.servers = {"30=fs-3@[::1]:7407", "1=fs-1@10.0.0.1:7408"};
  const auto all = queue_servers_of(x);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].id, server_id{1});
  EXPECT_EQ(all[0].name, "fs-1");
  EXPECT_EQ(to_string(all[0].where), "10.0.0.1:7408");
  EXPECT_EQ(all[1].id, server_id{30});
  for (const auto bad :
       {"", "fs-1@10.0.0.1:1", "0=a@10.0.0.1:1", "65536=a@10.0.0.1:1",
        "1=@10.0.0.1:1", "1=A@10.0.0.1:1", "1=a@10.0.0.1", "1=a@0.0.0.0:1",
        "1=a@10.0.0.1:0", "-1=a@10.0.0.1:1"})
    EXPECT_FALSE(parse_queue_server(bad)) << bad;
}

TEST(QueueServers, GiveTheGroupItsRule) {
  queue_section x;
  x.servers = {"2=b@10.0.0.2:1", "1=a@10.0.0.1:1"};
  x.primary = "highest-id-literal";
  x.durability = "memory";
  const auto config = multicast_config_of(x);
  EXPECT_THAT(config.servers, testing::ElementsAre(server_id{1}, server_id{2}));
  EXPECT_EQ(config.rule, core::primary_rule::highest_id_literal);
  EXPECT_FALSE(config.durable);
}

// SPEC Q2
TEST(QueueServers, IdsThatCannotBeAreRefused) {
  EXPECT_EQ(faults({}), "");
  EXPECT_EQ(faults({"--queue.server_id=1", three}), "");
  EXPECT_THAT(faults({"--queue.server_id=4", three}),
              testing::HasSubstr("queue.servers has no server 4"));
  EXPECT_THAT(faults({"--queue.server_id=1"}),
              testing::HasSubstr("queue.servers has no server 1"));
  EXPECT_THAT(faults({"--queue.server_id=2", three}),
              testing::HasSubstr("server 2 of queue.servers is fs-2"));
  EXPECT_THAT(faults({"--queue.server_id=1",
                      "--queue.servers=1=fs-1@10.0.0.1:1,1=fs-2@10.0.0.2:1"}),
              testing::HasSubstr("fs-1 and fs-2 have the same id"));
  EXPECT_THAT(faults({"--queue.server_id=1",
                      "--queue.servers=1=fs-1@10.0.0.1:1,2=fs-1@10.0.0.2:1"}),
              testing::HasSubstr("have the same name"));
  EXPECT_THAT(
    faults({"--queue.server_id=1", "--queue.servers=1=fs-1@10.0.0.1:7401"}),
    testing::HasSubstr("group.port"));
}

} // namespace
} // namespace dfs::settings
