#include "actors/chunk_keeper.hpp"

#include "support/deterministic_system.hpp"
#include "support/fake_chunk_directory.hpp"
#include "support/fake_hands.hpp"
#include "support/fake_membership.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using test::fake_hands;

constexpr store_id store{1};
constexpr boot_id boot{2};

msg::member_record own() {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), 7401, 9};
  x.name = "chunk-1";
  return x;
}

struct fake_links_state {
  static inline const char* name = "fake-links";
  fake_links_state() = default;
  chunk_directory_actor directory;
};

// Knows a master's chunk directory, or none.
control_links_actor::behavior_type
fake_links(control_links_actor::stateful_pointer<fake_links_state>,
           const std::shared_ptr<chunk_directory_actor>& found) {
  return {
    [](const msg::link_heartbeat&) -> caf::result<msg::link_heartbeat_ack> {
      return to_caf(fail(ec::unsupported));
    },
    [](const msg::get_links&) { return msg::link_list{}; },
    [found](
      const msg::get_master_directory&) -> caf::result<chunk_directory_actor> {
      if (*found)
        return *found;
      return to_caf(fail(ec::unavailable));
    },
    [](const msg::get_version_directory&)
      -> caf::result<version_directory_actor> {
      return to_caf(fail(ec::unavailable));
    },
    [](const msg::member_changed&) {},
    [](const msg::directory_found&, const directory_actor&) {},
    [](const msg::directory_missing&) {},
    [](caf::tick_atom) {},
  };
}

struct ChunkKeeper : ::testing::Test, test::deterministic_system {
  std::shared_ptr<test::chunk_directory_script> script
    = std::make_shared<test::chunk_directory_script>();
  std::shared_ptr<chunk_directory_actor> found
    = std::make_shared<chunk_directory_actor>();
  std::shared_ptr<fake_hands> hands = std::make_shared<fake_hands>();
  health_board board;
  std::chrono::nanoseconds ahead{0}; ///< Of the wall clock.
  subsystem_ref<membership_actor> membership;
  subsystem_ref<control_links_actor> links;
  chunk_directory_actor master;
  chunk_keeper_options options;
  local_keeper_actor keeper;

  ChunkKeeper() {
    membership.set(
      sys.spawn(test::fake_membership, msg::member_list{own().id, {own()}}));
    links.set(sys.spawn(fake_links, found));
    options.self = {store, boot, "chunk-1", "east", own().id.address()};
    options.hands = hands;
    options.membership = membership;
    options.links = links;
    options.board = &board;
    options.clocks = [this] {
      const auto now = sys.clock().now().time_since_epoch();
      return core::clock_pair{boot_instant{1h + now}, 1'000h + now + ahead};
    };
    hands->state.volumes = {{1, 2, 3, false, "/data"}};
    hands->chunks = {fake_hands::state_of(chunk_id{1})};
  }

  ~ChunkKeeper() override {
    *found = nullptr;
    script->keeper = nullptr;
    for (const auto& x : {caf::actor_cast<caf::actor>(keeper),
                          caf::actor_cast<caf::actor>(master),
                          caf::actor_cast<caf::actor>(links.get()),
                          caf::actor_cast<caf::actor>(membership.get())})
      if (x)
        stop(x);
    links.clear();
    membership.clear();
  }

  void start_master() {
    master = sys.spawn(test::fake_chunk_directory, script);
    *found = master;
  }

  void start_keeper() {
    keeper = sys.spawn(chunk_keeper, options);
    options.inlet.connect(keeper);
    run();
  }

  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 50ms)
      advance(50ms);
  }

  [[nodiscard]] boot_instant now() {
    return options.clocks().boot;
  }

  [[nodiscard]] bool leased() {
    return now() < hands->lease_until;
  }

  [[nodiscard]] std::optional<msg::health_check> check() {
    for (const auto& x : board.report(sys.clock().now()).checks)
      if (x.name == "chunkserver")
        return x;
    return std::nullopt;
  }

  void start_both() {
    start_master();
    start_keeper();
    pass(1'000ms);
    ASSERT_TRUE(leased());
  }
};

} // namespace

// SPEC G3: registered, reported, and alive every half second.
TEST_F(ChunkKeeper, RegistersReportsAndBeats) {
  start_both();
  ASSERT_EQ(script->registered.size(), 1u);
  EXPECT_EQ(script->registered[0].store, store);
  EXPECT_EQ(script->registered[0].boot, boot);
  EXPECT_EQ(script->registered[0].member, own().id);
  EXPECT_EQ(script->keeper, caf::actor_cast<chunk_keeper_actor>(keeper));
  EXPECT_EQ(hands->persisted, std::vector{master_term{1}});
  ASSERT_EQ(script->reported.size(), 1u);
  EXPECT_EQ(script->reported[0].chunks, hands->chunks);
  EXPECT_TRUE(script->reported[0].last);
  const auto before = script->heartbeats.size();
  pass(5'000ms);
  EXPECT_GE(script->heartbeats.size(), before + 9);
  EXPECT_LE(script->heartbeats.size(), before + 11);
  EXPECT_EQ(script->heartbeats.back().volumes, hands->state.volumes);
  EXPECT_TRUE(leased());
  // Each was noted before it was sent, and the lease counts from there.
  ASSERT_EQ(hands->noted.size(), script->heartbeats.size());
  EXPECT_EQ(hands->noted.back().first, script->heartbeats.back().sequence);
  EXPECT_EQ(hands->lease_until,
            hands->noted.back().second + core::lease_use(3'000ms));
  EXPECT_TRUE(check() && check()->passed);
  EXPECT_TRUE(options.counters->registered);
}

TEST_F(ChunkKeeper, SaysWhatItWaitsFor) {
  start_keeper();
  pass(500ms);
  EXPECT_FALSE(leased());
  ASSERT_TRUE(check());
  EXPECT_FALSE(check()->passed);
  EXPECT_NE(check()->reason.find("no master"), std::string::npos);
}

TEST_F(ChunkKeeper, FindsAMasterThatComesLater) {
  start_keeper();
  pass(1'000ms);
  start_master();
  pass(1'000ms);
  EXPECT_TRUE(leased());
}

TEST_F(ChunkKeeper, RegistersWithTheNextLifeOfTheMaster) {
  start_both();
  stop(master);
  start_master();
  script->on_register = [](const msg::register_chunkserver&) {
    return msg::chunkserver_registered{master_term{2}, 500, 0, 60'000};
  };
  pass(500ms);
  EXPECT_EQ(script->registered.size(), 2u);
  EXPECT_EQ(script->registered[1].obeyed.term, master_term{1});
  EXPECT_EQ(hands->persisted.back(), master_term{2});
  EXPECT_EQ(script->reported.size(), 2u);
  EXPECT_TRUE(script->heartbeats.back().leased);
}

TEST_F(ChunkKeeper, StopsServingWhenNobodyRenewsItsLease) { // DESIGN 3
  start_both();
  script->silent = true;
  pass(2'000ms);
  EXPECT_TRUE(leased());
  pass(1'000ms);
  EXPECT_FALSE(leased());
  ASSERT_TRUE(check());
  EXPECT_FALSE(check()->passed);
  EXPECT_EQ(options.counters->leases_ended, 1u);
}

// The disk is no part of the path of a heartbeat.
TEST_F(ChunkKeeper, BeatsWhileTheDiskIsSlow) {
  start_both();
  hands->held = true; // Everything that needs a thread of this node.
  const auto before = script->heartbeats.size();
  pass(1'000ms);
  EXPECT_GE(script->heartbeats.size(), before + 1);
  hands->let_go();
  run();
}

TEST_F(ChunkKeeper, LetsItsLeaseRunOutWhenTheDataServerIsStuck) {
  start_both();
  hands->held = true;
  pass(5'000ms);
  EXPECT_FALSE(leased());
  ASSERT_TRUE(check());
  EXPECT_EQ(check()->reason, "the data server is stuck");
  hands->let_go();
  pass(1'000ms);
  EXPECT_TRUE(leased());
  EXPECT_TRUE(check()->passed);
}

TEST_F(ChunkKeeper, LetsItsLeaseRunOutWhenTheDisksAreStuck) {
  start_both();
  hands->state.impediment = "the disks get nothing done";
  const auto before = script->heartbeats.size();
  pass(4'000ms);
  EXPECT_EQ(script->heartbeats.size(), before);
  EXPECT_FALSE(leased());
  EXPECT_EQ(check()->reason, "the disks get nothing done");
  hands->state.impediment.clear();
  pass(1'000ms);
  EXPECT_TRUE(leased());
}

TEST_F(ChunkKeeper, EndsEverythingWhenTheClocksJump) { // DESIGN 3
  start_both();
  script->silent = true;
  ahead = 10s;
  advance(50ms);
  EXPECT_FALSE(leased());
  EXPECT_EQ(hands->clocks_forgotten, 1);
}

TEST_F(ChunkKeeper, AppliesRevocationsBeforeTheLease) {
  start_master();
  const auto old = fake_hands::state_of(chunk_id{9});
  script->on_heartbeat = [&](const msg::chunk_heartbeat& x) {
    msg::chunk_heartbeat_ack y;
    y.term = x.term;
    y.boot = x.boot;
    y.sequence = x.sequence;
    if (x.heard == 0)
      y.revoked = {old};
    y.node_lease_ms = 3'000;
    return y;
  };
  start_keeper();
  pass(100ms);
  ASSERT_FALSE(hands->revoked.empty()); // And again, until it is heard.
  EXPECT_EQ(hands->revoked.front(), old);
  EXPECT_TRUE(leased());
  EXPECT_GT(script->heartbeats.back().heard, 0u);
}

TEST_F(ChunkKeeper, HasLookedAtWhatReadersDoubt) { // SPEC G9
  start_master();
  script->on_heartbeat
    = [give = script->on_heartbeat](const msg::chunk_heartbeat& x) {
        auto answer = give(x);
        if (x.heard == 0)
          answer->doubted = {chunk_id{9}};
        return answer;
      };
  start_keeper();
  pass(100ms);
  ASSERT_FALSE(hands->verified.empty());
  EXPECT_EQ(hands->verified.front(), chunk_id{9});
}

TEST_F(ChunkKeeper, TellsWhatTheDataServerNotices) { // SPEC G3
  start_both();
  options.inlet.put(replica_arrived{fake_hands::state_of(chunk_id{2})});
  options.inlet.put(replica_lost{chunk_id{3}});
  options.inlet.put(replica_corrupt{chunk_id{4}});
  options.inlet.put(
    lease_given_up{chunk_id{5}, lease_epoch{6}, fail(ec::stale)});
  const auto before = script->heartbeats.size();
  pass(600ms);
  ASSERT_GT(script->heartbeats.size(), before);
  const auto told = script->heartbeats[before];
  EXPECT_EQ(told.arrived, std::vector{fake_hands::state_of(chunk_id{2})});
  EXPECT_EQ(told.lost, std::vector{chunk_id{3}});
  EXPECT_EQ(told.corrupt, std::vector{chunk_id{4}});
  pass(600ms);
  EXPECT_TRUE(script->heartbeats.back().lost.empty());
}

TEST_F(ChunkKeeper, CarriesOutOrdersWithoutWaitingForThem) {
  start_both();
  hands->held = true;
  const auto asked = sys.clock().now();
  EXPECT_EQ(
    ask<msg::chunk_copied>(
      keeper,
      msg::copy_chunk{master_term{1}, fake_hands::state_of(chunk_id{3}), {}, 0})
      .error(),
    caf::sec::request_timeout); // Not answered yet,
  EXPECT_EQ(sys.clock().now(), asked);
  hands->held = false;
  const auto fenced = ask<msg::chunk_fenced>(
    keeper,
    msg::fence_chunk{master_term{1}, chunk_id{2}, chunk_version{5}, true});
  ASSERT_TRUE(fenced); // and in nobody's way.
  EXPECT_EQ(fenced->state, fake_hands::state_of(chunk_id{2}));
  EXPECT_TRUE(hands->fences.at(0).fresh);
  EXPECT_EQ(hands->orders, (std::vector<std::string>{"copy", "fence"}));
  hands->let_go();
  run();
  EXPECT_EQ(options.counters->fences, 1u);
  EXPECT_EQ(options.counters->copies, 1u);
}

TEST_F(ChunkKeeper, AnswersEachOrder) {
  start_both();
  msg::take_lease take;
  take.grant.chunk = chunk_id{2};
  take.grant.term = master_term{1};
  take.grant.boot = boot;
  take.grant.heartbeat = hands->noted.back().first;
  take.grant.lease_ms = 60'000;
  EXPECT_TRUE(ask<msg::lease_taken>(keeper, take));
  EXPECT_LE(hands->taken_until, now() + core::lease_use(60'000ms));
  EXPECT_GT(hands->taken_until, now() + 50s);
  EXPECT_TRUE(ask<msg::lease_released>(
    keeper, msg::release_lease{master_term{1}, chunk_id{2}, lease_epoch{3}}));
  const auto deleted = ask<msg::chunks_deleted>(
    keeper,
    msg::delete_chunks{master_term{1}, {fake_hands::state_of(chunk_id{4})}});
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->gone, std::vector{chunk_id{4}});
  hands->refuses = fail(ec::io_error, "no disk");
  EXPECT_EQ(
    ask<msg::lease_released>(
      keeper, msg::release_lease{master_term{1}, chunk_id{2}, lease_epoch{3}})
      .error(),
    make_error(ec::io_error));
  EXPECT_EQ(options.counters->orders_refused, 0u);
}

TEST_F(ChunkKeeper, ObeysNoOlderMaster) { // DESIGN 3
  options.newest.term = master_term{1};
  script->on_register = [](const msg::register_chunkserver&) {
    return msg::chunkserver_registered{master_term{4}, 500, 0, 60'000};
  };
  start_both();
  const msg::delete_chunks old{master_term{3},
                               {fake_hands::state_of(chunk_id{1})}};
  EXPECT_EQ(ask<msg::chunks_deleted>(keeper, old).error(),
            make_error(ec::stale));
  EXPECT_TRUE(hands->orders.empty());
  msg::take_lease grant_to_another_life;
  grant_to_another_life.grant.term = master_term{4};
  EXPECT_EQ(ask<msg::lease_taken>(keeper, grant_to_another_life).error(),
            make_error(ec::stale));
  EXPECT_EQ(options.counters->orders_refused, 2u);
}

TEST_F(ChunkKeeper, ListsWhatItLeads) { // SPEC O1
  start_both();
  for (std::uint64_t i = 1; i <= 5; ++i)
    hands->leading.push_back(
      {chunk_id{i}, lease_epoch{i}, {}, i == 4, false, true});
  const auto first
    = ask<msg::lease_list>(keeper, msg::get_leases{chunk_id{}, 3});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->name, "chunk-1");
  EXPECT_TRUE(first->registered);
  EXPECT_EQ(first->term, master_term{1});
  EXPECT_GT(first->node_lease, 1'000ms);
  EXPECT_EQ(first->led.size(), 3u);
  EXPECT_TRUE(first->more);
  const auto rest
    = ask<msg::lease_list>(keeper, msg::get_leases{chunk_id{3}, 3});
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->led.size(), 2u);
  EXPECT_FALSE(rest->more);
}

TEST_F(ChunkKeeper, GivesEverythingBackWhenItGoes) { // SPEC S6
  start_both();
  hands->held = true;
  EXPECT_EQ(
    ask<msg::chunkserver_drained>(keeper, msg::drain_chunkserver{2s}).error(),
    caf::sec::request_timeout); // Something is under way.
  EXPECT_EQ(hands->drained, 2'000ms);
  EXPECT_TRUE(leased());
  EXPECT_TRUE(script->left.empty());
  hands->let_go();
  pass(200ms);
  ASSERT_EQ(script->left.size(), 1u);
  EXPECT_EQ(script->left[0], (msg::leave_chunkserver{store, boot}));
  EXPECT_FALSE(leased());
}

TEST_F(ChunkKeeper, AnswersWhenItHasLeft) {
  start_both();
  EXPECT_TRUE(
    ask<msg::chunkserver_drained>(keeper, msg::drain_chunkserver{2s}));
  EXPECT_EQ(script->left.size(), 1u);
}

TEST_F(ChunkKeeper, TakesTheLeaseWithItWhenItEnds) {
  start_both();
  stop(keeper);
  EXPECT_FALSE(leased());
}

// A later life of the actor, in one life of the process.
TEST_F(ChunkKeeper, NeverUsesASequenceTwice) { // H2
  start_both();
  const auto last = hands->noted.back().first;
  stop(keeper);
  start_keeper();
  pass(500ms);
  EXPECT_EQ(script->heartbeats.back().sequence, hands->noted.back().first);
  for (const auto& [sequence, sent] : hands->noted)
    EXPECT_TRUE(sequence <= last || sent > now() - 1s);
  EXPECT_GT(hands->noted.back().first, last);
}

} // namespace dfs::actors
