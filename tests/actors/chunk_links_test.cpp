#include "support/control_node.hpp"
#include "support/eventually.hpp"
#include "support/fake_chunk_directory.hpp"
#include "support/test_pki.hpp"

#include <caf/all.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// docs/protocols/gate.md C9: how a chunkserver finds the chunk directory, and
// that all they say to each other passes a real gate: TLS, frame filter, CAF's
// serialisation.

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using namespace dfs::test;

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

msg::chunk_state state_of(std::uint64_t chunk) {
  return {chunk_id{chunk},
          {chunk_version{2}, mutation_serial{3}, 1'000'000, 999'000}};
}

// Answers each order with what the order said, so that a field that was lost
// on the way shows.
chunk_keeper_actor::behavior_type
mirror_keeper(chunk_keeper_actor::pointer, caf::unit_t) {
  return {
    [](const msg::fence_chunk& x) -> caf::result<msg::chunk_fenced> {
      if (x.version == chunk_version{})
        return to_caf(fail(ec::stale, "an older version"));
      return msg::chunk_fenced{state_of(x.chunk.value())};
    },
    [](const msg::take_lease& x) {
      return msg::lease_taken{x.others.at(0), {x.grant.chain.at(0).store}};
    },
    [](const msg::release_lease& x) {
      return msg::lease_released{state_of(x.chunk.value()), true};
    },
    [](const msg::copy_chunk& x) { return msg::chunk_copied{x.wanted}; },
    [](const msg::delete_chunks& x) {
      msg::chunks_deleted answer;
      for (const auto& chunk : x.chunks)
        answer.gone.push_back(chunk.chunk);
      return answer;
    },
    [](caf::tick_atom) {},
  };
}

// A master with a chunk directory and a chunkserver linked to it.
struct ChunkLinks : ::testing::Test {
  temporary_directory dir;
  test_pki pki{dir.path() / "pki"};
  credential_files master_files = pki.server("master-1", "master");
  credential_files chunk_files = pki.server("chunk-1", "chunkserver");
  std::shared_ptr<chunk_directory_script> script
    = std::make_shared<chunk_directory_script>();
  subsystem_ref<chunk_directory_actor> chunks;
  msg::member_record self = member("master-1", msg::role::master, 0);
  msg::member_record own = member("chunk-1", msg::role::chunkserver, 2);
  std::unique_ptr<control_node> master;
  std::unique_ptr<control_node> chunk;
  chunk_keeper_actor keeper;

  void start_master(std::uint16_t port = 0) {
    master = std::make_unique<control_node>(master_files);
    chunks.set(master->system().spawn(fake_chunk_directory, script));
    master->chunks = chunks;
    self.control_port = master->serve({self.id, {self, own}}, boot_id{7}, port);
    ASSERT_NE(self.control_port, 0);
  }

  void start_chunkserver() {
    chunk = std::make_unique<control_node>(chunk_files);
    chunk->serve({own.id, {self, own}}, boot_id{8});
  }

  void stop_master() {
    script->with([](auto& x) { x.keeper = nullptr; });
    caf::anon_send_exit(chunks.get(), caf::exit_reason::user_shutdown);
    chunks.clear();
    master.reset();
  }

  void TearDown() override {
    // An actor whose handle has travelled lives until it is told to end.
    script->with([](auto& x) { x.keeper = nullptr; });
    if (keeper)
      caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
    keeper = nullptr;
    chunk.reset();
    if (master)
      stop_master();
  }

  static caf::expected<chunk_directory_actor> look(control_node& from) {
    return from.ask<chunk_directory_actor>(from.links.get(),
                                           msg::get_master_directory{});
  }

  chunk_directory_actor found() {
    chunk_directory_actor there;
    EXPECT_TRUE(eventually([&] {
      auto answer = look(*chunk);
      if (answer)
        there = *answer;
      return answer.engaged();
    }));
    return there;
  }
};

} // namespace

// SPEC S2, G3: everything a keeper and the master say passes the gate, and
// nothing else of it is dropped.
TEST_F(ChunkLinks, CarryRegistrationReportsAndHeartbeats) {
  start_master();
  start_chunkserver();
  const auto there = found();
  ASSERT_TRUE(there);
  keeper = chunk->system().spawn(mirror_keeper, caf::unit);
  msg::register_chunkserver here;
  here.store = store_id{5};
  here.boot = boot_id{6};
  here.member = own.id;
  here.name = "chunk-1";
  here.zone = "east";
  here.data = {loopback, 7403};
  here.volumes = {{1, 2, 3, true, "/data"}};
  here.obeyed.term = master_term{4};
  const auto registered
    = chunk->ask<msg::chunkserver_registered>(there, here, keeper);
  ASSERT_TRUE(registered) << chunk->system().render(registered.error());
  EXPECT_EQ(*registered, (msg::chunkserver_registered{master_term{1}, 500,
                                                      1 << 20, 60'000}));

  msg::report_chunks page{store_id{5}, boot_id{6}, 2, true, 0, {}, {}};
  for (std::uint64_t i = 0; i < msg::chunk_page_max; ++i)
    page.chunks.push_back(state_of(i + (std::uint64_t{1} << 63)));
  const auto reported = chunk->ask<msg::chunks_reported>(there, page);
  ASSERT_TRUE(reported);
  EXPECT_EQ(reported->page, 2u);

  msg::chunk_heartbeat beat;
  beat.store = store_id{5};
  beat.boot = boot_id{6};
  beat.term = master_term{1};
  beat.sequence = 9;
  beat.led = {{chunk_id{1}, lease_epoch{2}, state_of(1).extent, true}};
  beat.corrupt = {chunk_id{3}};
  beat.lost = {chunk_id{4}};
  beat.arrived = {state_of(5)};
  const auto ack = chunk->ask<msg::chunk_heartbeat_ack>(there, beat);
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->sequence, 9u);

  EXPECT_TRUE(chunk->ask<msg::chunkserver_left>(
    there, msg::leave_chunkserver{store_id{5}, boot_id{6}}));
  script->with([&](auto& x) {
    ASSERT_EQ(x.registered.size(), 1u);
    EXPECT_EQ(x.registered[0], here);
    ASSERT_EQ(x.reported.size(), 1u);
    EXPECT_EQ(x.reported[0], page);
    ASSERT_EQ(x.heartbeats.size(), 1u);
    EXPECT_EQ(x.heartbeats[0], beat);
    ASSERT_EQ(x.left.size(), 1u);
  });
  EXPECT_EQ(master->bridge.counters().frames_dropped, 0u);
  EXPECT_EQ(chunk->bridge.counters().frames_dropped, 0u);
}

TEST_F(ChunkLinks, CarryTheMastersOrders) {
  start_master();
  start_chunkserver();
  const auto there = found();
  ASSERT_TRUE(there);
  keeper = chunk->system().spawn(mirror_keeper, caf::unit);
  ASSERT_TRUE(chunk->ask<msg::chunkserver_registered>(
    there, msg::register_chunkserver{}, keeper));
  const auto remote = script->with([](auto& x) { return x.keeper; });
  ASSERT_TRUE(remote);

  const auto fenced = master->ask<msg::chunk_fenced>(
    remote, msg::fence_chunk{master_term{1}, chunk_id{2}, chunk_version{3}});
  ASSERT_TRUE(fenced);
  EXPECT_EQ(fenced->state, state_of(2));
  const auto stale = master->ask<msg::chunk_fenced>(
    remote, msg::fence_chunk{master_term{1}, chunk_id{2}, chunk_version{}});
  EXPECT_EQ(stale.error(), make_error(ec::stale)); // With its words, too.
  EXPECT_NE(master->system().render(stale.error()).find("older version"),
            std::string::npos);

  msg::take_lease take;
  take.grant.chunk = chunk_id{2};
  take.grant.chain = {{store_id{8}, {loopback, 7403}}};
  take.grant.seal = std::string(32, 'x');
  take.others = {state_of(7)};
  const auto taken = master->ask<msg::lease_taken>(remote, take);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, (msg::lease_taken{state_of(7), {store_id{8}}}));

  const auto released = master->ask<msg::lease_released>(
    remote, msg::release_lease{master_term{1}, chunk_id{2}, lease_epoch{3}});
  ASSERT_TRUE(released);
  EXPECT_EQ(released->state, state_of(2));

  const auto copied = master->ask<msg::chunk_copied>(
    remote, msg::copy_chunk{
              master_term{1}, state_of(9), {{store_id{8}, own.id.address()}}});
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->state, state_of(9));

  const auto deleted = master->ask<msg::chunks_deleted>(
    remote, msg::delete_chunks{master_term{1}, {state_of(4), state_of(5)}});
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->gone, (std::vector{chunk_id{4}, chunk_id{5}}));
  EXPECT_EQ(master->bridge.counters().frames_dropped, 0u);
  EXPECT_EQ(chunk->bridge.counters().frames_dropped, 0u);
}

// A link that is lost takes the handle with it; a master that is back is found.
TEST_F(ChunkLinks, TellOfALostMasterAndFindItAgain) {
  start_master();
  start_chunkserver();
  const auto first = found();
  ASSERT_TRUE(first);
  caf::scoped_actor watcher{chunk->system()};
  watcher->monitor(first);
  const auto port = self.control_port;
  stop_master();
  bool down = false;
  watcher->receive([&](const caf::down_msg& x) { down = x.source == first; },
                   caf::after(10s) >> [] {});
  EXPECT_TRUE(down);
  EXPECT_TRUE(eventually(
    [&] { return look(*chunk).error() == make_error(ec::unavailable); }));
  start_master(port);
  const auto second = found();
  ASSERT_TRUE(second);
  EXPECT_TRUE(
    chunk->ask<msg::chunk_heartbeat_ack>(second, msg::chunk_heartbeat{}));
}

TEST_F(ChunkLinks, SayWhyThereIsNoChunkDirectory) {
  // A member that is called master and has none (yet).
  master = std::make_unique<control_node>(master_files);
  self.control_port = master->serve({self.id, {self, own}}, boot_id{7});
  start_chunkserver();
  EXPECT_EQ(look(*chunk).error(), make_error(ec::unavailable));
  ASSERT_TRUE(eventually([&] {
    const auto all
      = chunk->ask<msg::link_list>(chunk->links.get(), msg::get_links{});
    return all && !all->links.empty()
           && all->links[0].state == msg::link_state::up;
  }));
  const auto why = look(*chunk);
  EXPECT_EQ(why.error(), make_error(ec::unavailable));
  EXPECT_NE(chunk->system().render(why.error()).find("no chunk directory"),
            std::string::npos);
  master.reset();
}

TEST_F(ChunkLinks, GiveTheMastersOwnDirectoryWithinItsProcess) {
  start_master();
  const auto here = look(*master);
  ASSERT_TRUE(here);
  EXPECT_EQ(*here, chunks.get());
}

} // namespace dfs::actors
