#include "actors/support/gate_bridge.hpp"

#include "support/control_node.hpp"
#include "support/eventually.hpp"
#include "support/test_pki.hpp"

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using namespace dfs::test;
using msg::link_state;

const auto loopback = *ip_address::parse("127.0.0.1");

msg::member_record member(const std::string& name, msg::role role,
                          std::uint16_t port, std::uint64_t start_ms = 1) {
  msg::member_record x;
  x.id = {loopback, static_cast<std::uint16_t>(port == 0 ? 1 : port), start_ms};
  x.name = name;
  x.roles = static_cast<msg::role_set>(role);
  x.control_port = port;
  return x;
}

using found = std::pair<directory_actor, ec>; ///< The code if it is null.

// One search of a peer's directory, by message, waited for.
found find(control_node& from, std::uint16_t port, const std::string& name) {
  auto answer = std::make_shared<std::promise<found>>();
  auto result = answer->get_future();
  auto waiting = [](directory_listener_actor::pointer self,
                    const std::shared_ptr<std::promise<found>>& told)
    -> directory_listener_actor::behavior_type {
    return {
      [self, told](const msg::directory_found&, const directory_actor& x) {
        told->set_value({x, ec{}});
        self->quit();
      },
      [self, told](const msg::directory_missing& x) {
        told->set_value({directory_actor{}, static_cast<ec>(x.code)});
        self->quit();
      }};
  };
  const auto listener = from.system().spawn(waiting, std::move(answer));
  from.bridge.find({link_epoch{1}, {loopback, port}, name, 10s}, listener);
  return result.get();
}

struct GateBridge : ::testing::Test {
  temporary_directory dir;
  test_pki pki{dir.path() / "pki"};
  credential_files master_files = pki.server("master-1", "master");
  credential_files chunk_files = pki.server("chunk-1", "chunkserver");

  // Asks a directory who it is; the keeper's handle comes with it.
  static std::optional<std::pair<msg::introduction, link_keeper_actor>>
  introduce(control_node& from, const directory_actor& door) {
    caf::scoped_actor self{from.system()};
    std::optional<std::pair<msg::introduction, link_keeper_actor>> got;
    self
      ->request(
        door, 5s,
        msg::introduce{
          {}, boot_id{1}, msg::control_protocol, msg::control_protocol_min})
      .receive(
        [&](const msg::introduction& x, const link_keeper_actor& keeper) {
          got = std::pair{x, keeper};
        },
        [&](const caf::error& x) { ADD_FAILURE() << from.system().render(x); });
    return got;
  }

  static link_state state_of(control_node& node) {
    const auto all
      = node.ask<msg::link_list>(node.links.get(), msg::get_links{});
    return all && !all->links.empty() ? all->links[0].state : link_state::idle;
  }
};

} // namespace

// SPEC S2: typed messages and handles, over TLS.
TEST_F(GateBridge, CarriesTypedMessagesAndAHandleBetweenNodes) {
  control_node master{master_files};
  control_node chunk{chunk_files};
  const auto self = member("master-1", msg::role::master, 0);
  const auto port = master.serve({self.id, {self}}, boot_id{7});
  const auto [door, code] = find(chunk, port, "master-1");
  ASSERT_TRUE(door) << to_string(code);
  const auto who = introduce(chunk, door);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->first.self, self);
  EXPECT_EQ(who->first.boot, boot_id{7});
  // The handle of a third actor works, and errors keep their code.
  const auto beat = chunk.ask<msg::link_heartbeat_ack>(
    who->second, msg::link_heartbeat{self.id, boot_id{1}, link_epoch{1}, 1});
  EXPECT_EQ(beat.error(), make_error(ec::denied)); // Not our name.
  const auto chunk_role = static_cast<msg::role_set>(msg::role::chunkserver);
  const auto master_role = static_cast<msg::role_set>(msg::role::master);
  EXPECT_EQ(master.bridge.identity_of(chunk.system().node()),
            (peer_identity{"chunk-1", chunk_role}));
  EXPECT_EQ(chunk.bridge.identity_of(master.system().node()),
            (peer_identity{"master-1", master_role}));
}

TEST_F(GateBridge, FindsTheNodeItExpectsOrSaysWhyNot) {
  control_node master{master_files};
  control_node chunk{chunk_files};
  const auto port = master.serve({}, boot_id{7});
  EXPECT_EQ(find(chunk, port, "master-2").second, ec::unauthenticated);
  master.stop();
  EXPECT_EQ(find(chunk, port, "master-1").second, ec::unavailable);
}

// An answer "redundant" of CAF: a second search on a standing connection.
TEST_F(GateBridge, FindsADirectoryTwice) {
  control_node master{master_files};
  control_node chunk{chunk_files};
  const auto self = member("master-1", msg::role::master, 0);
  const auto port = master.serve({self.id, {self}}, boot_id{7});
  const auto first = find(chunk, port, "master-1");
  const auto second = find(chunk, port, "master-1");
  ASSERT_TRUE(first.first && second.first);
  EXPECT_EQ(first.first, second.first);
  EXPECT_TRUE(introduce(chunk, second.first));
}

TEST_F(GateBridge, KeepsAServerLinkedToItsMaster) { // C1 to C8, for real
  auto master = std::make_unique<control_node>(master_files);
  auto self = member("master-1", msg::role::master, 0);
  const auto own = member("chunk-1", msg::role::chunkserver, 2);
  const auto port = master->serve({self.id, {self, own}}, boot_id{7});
  self.control_port = port;
  control_node chunk{chunk_files};
  chunk.serve({own.id, {self, own}}, boot_id{8});
  EXPECT_TRUE(eventually([&] { return state_of(chunk) == link_state::up; }));
  EXPECT_TRUE(eventually([&] { return state_of(*master) == link_state::up; }));
  // Killed, as far as the other side can see, and back on the same port.
  master.reset();
  EXPECT_TRUE(eventually([&] { return state_of(chunk) != link_state::up; }));
  master = std::make_unique<control_node>(master_files);
  ASSERT_EQ(master->serve({self.id, {self, own}}, boot_id{9}, port), port);
  EXPECT_TRUE(eventually([&] { return state_of(chunk) == link_state::up; }));
}

TEST_F(GateBridge, CutsALinkSoThatHandlesGoDown) {
  control_node master{master_files};
  control_node chunk{chunk_files};
  const auto port = master.serve({}, boot_id{7});
  const auto door = find(chunk, port, "master-1").first;
  ASSERT_TRUE(door);
  caf::scoped_actor self{chunk.system()};
  self->monitor(door);
  chunk.bridge.cut("master-1");
  bool down = false;
  self->receive([&](const caf::down_msg& x) { down = x.source == door; },
                caf::after(10s) >> [] {});
  EXPECT_TRUE(down);
}

// SPEC O4: a member that has gone wrong cannot end an actor.
TEST_F(GateBridge, LetsNoExitMessageThrough) {
  control_node master{master_files};
  control_node chunk{chunk_files,
                     {.frames = {.types = [] {
                        auto all = control_types();
                        all.insert("@exit"); // Its own filter is off.
                        return all;
                      }()}}};
  const auto self = member("master-1", msg::role::master, 0);
  const auto port = master.serve({self.id, {self}}, boot_id{7});
  const auto door = find(chunk, port, "master-1").first;
  ASSERT_TRUE(door);
  caf::anon_send_exit(door, caf::exit_reason::kill);
  EXPECT_TRUE(
    eventually([&] { return master.bridge.counters().frames_dropped > 0; }));
  EXPECT_TRUE(introduce(chunk, door));
}

TEST_F(GateBridge, ShutsDownInOrderWithLinksInUse) {
  control_node master{master_files};
  const auto self = member("master-1", msg::role::master, 0);
  const auto port = master.serve({self.id, {self}}, boot_id{7});
  for (int round = 0; round < 3; ++round) {
    control_node chunk{chunk_files};
    const auto door = find(chunk, port, "master-1").first;
    ASSERT_TRUE(door);
    EXPECT_TRUE(introduce(chunk, door));
  }
  EXPECT_TRUE(eventually([&] { return master.bridge.counters().links == 0; }));
}

} // namespace dfs::actors
