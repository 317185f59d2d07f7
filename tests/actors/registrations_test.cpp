#include "actors/chunk_directory.hpp"
#include "actors/directory.hpp"
#include "actors/support/from_caf.hpp"
#include "actors/support/to_caf.hpp"
#include "actors/version_directory.hpp"
#include "support/deterministic_system.hpp"
#include "support/fake_chunk_keeper.hpp"
#include "support/scripted_roll.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

// Whose word about a store the master takes (docs/protocols/gate.md, C11, C12).

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

version_keeper_actor::behavior_type
deaf_keeper(version_keeper_actor::pointer, caf::unit_t) {
  return {
    [](const msg::group_orders&) {},
    [](caf::update_atom) {},
    [](caf::tick_atom) {},
  };
}

struct silent_prober : port_prober {
  void probe(const endpoint&, callback answered) override {
    answered(port_answer::silent);
  }
};

struct Registrations : ::testing::Test, test::deterministic_system {
  test::temp_dir dir;
  std::unique_ptr<storage::metadata_store> store
    = *storage::metadata_store::open(dir / "metadata",
                                     {.cluster = 1, .sync = false});
  std::shared_ptr<const wire::key_ring> keys = std::make_shared<wire::key_ring>(
    *wire::key_ring::parse("1 " + std::string(64, 'a')));
  silent_prober prober;
  test::scripted_roll peers;
  master_term term = *store->next_term();
  std::shared_ptr<told_conflicts> conflicts;
  chunk_directory_actor chunks = start_chunks();
  version_directory_actor versions = start_versions();
  std::shared_ptr<test::chunk_keeper_script> script
    = std::make_shared<test::chunk_keeper_script>();
  std::vector<chunk_keeper_actor> chunk_keepers;
  std::vector<version_keeper_actor> version_keepers;

  ~Registrations() override {
    stop(chunks);
    stop(versions);
    for (auto& x : chunk_keepers)
      stop(x);
    for (auto& x : version_keepers)
      stop(x);
    chunks = chunk_directory_actor{};
    versions = version_directory_actor{};
    store.reset();
  }

  chunk_directory_actor start_chunks() {
    chunk_directory_options options;
    options.store = store.get();
    options.term = term;
    options.keys = [this] { return keys; };
    options.prober = &prober;
    options.roll = peers.roll;
    options.machine = *load_chunk_directory(options, sys.clock().now());
    return sys.spawn(chunk_directory, options);
  }

  version_directory_actor start_versions() {
    version_directory_options options;
    options.store = store.get();
    options.term = term;
    options.config.rules[0] = {3, 2, 2};
    options.config.groups = 1;
    options.prober = &prober;
    options.roll = peers.roll;
    conflicts = options.conflicts;
    options.machine
      = load_version_directory(options, sys.clock().now())->machine;
    return sys.spawn(version_directory, options);
  }

  template <class Card>
  static Card
  card(std::uint64_t life, const std::string& name, const std::string& ip) {
    Card x;
    x.store = store_id{7};
    x.boot = boot_id{life};
    x.member = {*ip_address::parse(ip), 7401, life};
    x.name = x.zone = name;
    x.data = {x.member.ip, 7405};
    return x;
  }

  template <class Reply, class Directory, class Card, class Keeper>
  ec enrol(const Directory& to, const Card& x, const Keeper& keeper) {
    auto code = std::make_shared<ec>(ec::timed_out);
    sys.spawn(
      [=](caf::event_based_actor* asker, const Card& says) {
        asker->request(to, caf::infinite, says, keeper)
          .then([=](const Reply&) { *code = ec{}; },
                [=](const caf::error& why) { *code = from_caf(why).code; });
      },
      x);
    run();
    return *code;
  }

  ec enrol(const msg::register_chunkserver& x) {
    return enrol(x, chunk_keepers.emplace_back(
                      sys.spawn(test::fake_chunk_keeper, script)));
  }
  ec enrol(const msg::register_chunkserver& x,
           const chunk_keeper_actor& keeper) {
    return enrol<msg::chunkserver_registered>(chunks, x, keeper);
  }
  ec enrol(const msg::register_fileserver& x) {
    return enrol<msg::fileserver_registered>(
      versions, x,
      version_keepers.emplace_back(sys.spawn(deaf_keeper, caf::unit)));
  }

  ec beat(const msg::register_chunkserver& x, std::uint64_t sequence) {
    msg::chunk_heartbeat beat;
    beat.store = x.store;
    beat.boot = x.boot;
    beat.term = term;
    beat.sequence = sequence;
    const auto answer = ask<msg::chunk_heartbeat_ack>(chunks, beat);
    return answer ? ec{} : from_caf(answer.error()).code;
  }

  std::size_t conflicts_told() {
    const auto all
      = ask<msg::cluster_status>(chunks, msg::get_cluster_status{});
    std::size_t count = 0;
    for (const auto& x : all->findings)
      count += x.code == "STORE_TWICE" ? 1 : 0;
    return count;
  }
};

} // namespace

// A server that says it is another one, of chunks and of versions.
TEST_F(Registrations, AreBoundToTheCertificate) { // SPEC S10, O4
  const auto a = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  peers.admit(a, msg::role::chunkserver);
  ASSERT_EQ(enrol(a), ec{});
  auto b = card<msg::register_chunkserver>(2, "b", "10.0.0.2");
  b.store = store_id{8};
  peers.admit(b, msg::role::chunkserver);
  auto lie = b;
  lie.store = a.store;
  EXPECT_EQ(enrol(lie), ec::denied) << "a store that is not its own";
  lie = a;
  lie.boot = b.boot;
  EXPECT_EQ(enrol(lie), ec::denied) << "the name of another server";
  lie.name = b.name;
  EXPECT_EQ(enrol(lie), ec::denied) << "the address of another server";
  EXPECT_EQ(beat(a, 1), ec{}) << "it serves on";
  peers.proved.reset();
  EXPECT_EQ(enrol(b), ec::denied) << "its connection is gone";

  const auto f = card<msg::register_fileserver>(3, "f", "10.0.0.3");
  peers.admit(f, msg::role::fileserver);
  peers.proved->roles = static_cast<msg::role_set>(msg::role::chunkserver);
  EXPECT_EQ(enrol(f), ec::denied) << "not a role of its certificate";
  peers.proved->name = "b";
  EXPECT_EQ(enrol(f), ec::denied);
  peers.admit(f, msg::role::fileserver);
  EXPECT_EQ(enrol(f), ec{});
}

// CAF gives a handle of nobody for one that it can not find.
TEST_F(Registrations, WithAKeeperOfNobodyAreRefused) { // SPEC S10
  const auto chunks_of = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  peers.admit(chunks_of, msg::role::chunkserver);
  EXPECT_EQ(enrol(chunks_of, chunk_keeper_actor{}), ec::denied);
  const auto files_of = card<msg::register_fileserver>(1, "a", "10.0.0.1");
  peers.admit(files_of, msg::role::fileserver);
  EXPECT_EQ(enrol<msg::fileserver_registered>(versions, files_of,
                                              version_keeper_actor{}),
            ec::denied);
}

TEST_F(Registrations, NeedAMember) { // SPEC O4
  const auto a = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  peers.admit(a, msg::role::chunkserver);
  peers.roll->reset({});
  EXPECT_EQ(enrol(a), ec::not_member);
  peers.roll->reset(peers.members);
  EXPECT_EQ(enrol(a), ec{});
  // Datagrams are lost, its connection is not: it registers anew.
  peers.roll->reset({});
  EXPECT_EQ(enrol(a), ec{});
}

TEST_F(Registrations, OfACopiedDirectoryAreRefused) { // SPEC S10, G4
  const auto original = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  const auto copy = card<msg::register_chunkserver>(2, "a", "10.0.0.2");
  peers.admit(original, msg::role::chunkserver);
  peers.admit(copy, msg::role::chunkserver);
  ASSERT_EQ(enrol(original), ec{});
  EXPECT_EQ(enrol(copy), ec::in_use);
  EXPECT_EQ(beat(copy, 1), ec::stale);
  EXPECT_EQ(beat(original, 1), ec{});
  EXPECT_EQ(conflicts_told(), 1u);
  stop(chunk_keepers.at(0)); // Its link is gone.
  advance(4s);
  EXPECT_EQ(enrol(copy), ec{});
  EXPECT_EQ(beat(copy, 2), ec{});
  EXPECT_EQ(conflicts_told(), 0u);
}

TEST_F(Registrations, OfACopiedFileServerAreRefused) { // SPEC S10, O7
  const auto original = card<msg::register_fileserver>(1, "a", "10.0.0.1");
  const auto copy = card<msg::register_fileserver>(2, "a", "10.0.0.2");
  peers.admit(original, msg::role::fileserver);
  peers.admit(copy, msg::role::fileserver);
  ASSERT_EQ(enrol(original), ec{});
  EXPECT_EQ(enrol(copy), ec::in_use);
  msg::fileserver_beat beat;
  beat.store = original.store;
  beat.boot = original.boot;
  beat.term = term;
  beat.sequence = 1;
  EXPECT_TRUE(ask<msg::fileserver_beat_ack>(versions, beat));
  for (int i = 0; i < 11; ++i)
    advance(100ms);
  EXPECT_EQ(conflicts->get().size(), 1u);
  stop(version_keepers.at(0));
  for (int i = 0; i < 16; ++i)
    advance(100ms);
  EXPECT_EQ(enrol(copy), ec{});
}

// A keeper registers again and again for years.
TEST_F(Registrations, LeaveOneMonitorEach) { // SPEC S10
  const auto a = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  peers.admit(a, msg::role::chunkserver);
  ASSERT_EQ(enrol(a), ec{});
  const auto keeper = chunk_keepers.at(0);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(enrol(a, keeper), ec{});
  auto* mailbox = dynamic_cast<caf::scheduled_actor*>(
    caf::actor_cast<caf::abstract_actor*>(chunks));
  ASSERT_NE(mailbox, nullptr);
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
  ASSERT_TRUE(scheduler.prioritize(keeper));
  scheduler.run_once();
  EXPECT_EQ(mailbox->mailbox().count(), 1u) << "notices of its end";
  run();
  EXPECT_EQ(beat(a, 1), ec::not_found) << "its link is gone";
}

// The handles are worth something: SPEC O4.
TEST_F(Registrations, HandlesAreForMembersWhoseRoleNeedsThem) {
  directory_options options;
  options.boot = boot_id{1};
  options.chunks = [this] { return chunks; };
  options.versions = [this] { return versions; };
  options.roll = peers.roll;
  const auto door = sys.spawn(directory, options);
  const auto code_of = [](const auto& answer) {
    return answer ? ec{} : from_caf(answer.error()).code;
  };
  const auto finds_chunks = [&] {
    return code_of(
      ask<chunk_directory_actor>(door, msg::find_chunk_directory{}));
  };
  const auto finds_versions = [&] {
    return code_of(
      ask<version_directory_actor>(door, msg::find_version_directory{}));
  };
  EXPECT_EQ(finds_chunks(), ec::denied) << "no certificate";
  const auto a = card<msg::register_chunkserver>(1, "a", "10.0.0.1");
  peers.admit(a, msg::role::chunkserver);
  EXPECT_EQ(finds_chunks(), ec{});
  EXPECT_EQ(finds_versions(), ec::denied);
  peers.proved->roles = static_cast<msg::role_set>(msg::role::chunkserver)
                        | static_cast<msg::role_set>(msg::role::fileserver);
  EXPECT_EQ(finds_versions(), ec::denied) << "it is no member as that";
  peers.proved->name = "stranger";
  EXPECT_EQ(finds_chunks(), ec::not_member);
  peers.admit(card<msg::register_fileserver>(2, "f", "10.0.0.2"),
              msg::role::fileserver);
  EXPECT_EQ(finds_versions(), ec{});
  // The group has lost sight of it, its connection works (C10).
  const auto change = [&](msg::member_change what) {
    peers.roll->apply({what, peers.members.members.back(), ""});
  };
  change(msg::member_change::failed);
  EXPECT_EQ(finds_versions(), ec{});
  change(msg::member_change::left);
  EXPECT_EQ(finds_versions(), ec::not_member);
  stop(door);
}

// SPEC M1: it left, came back at another address, and the goodbye comes last.
TEST_F(Registrations, AGoodbyeConcernsNoLaterLifeOfThatName) {
  const auto before = card<msg::register_fileserver>(1, "f", "10.0.0.1");
  peers.admit(before, msg::role::fileserver);
  const auto gone = peers.members.members.back();
  peers.admit(card<msg::register_fileserver>(2, "f", "10.0.0.2"),
              msg::role::fileserver);
  const auto asker = caf::actor_cast<caf::strong_actor_ptr>(versions);
  const auto may = [&] {
    return static_cast<bool>(peers.roll->admit(asker, msg::role::fileserver));
  };
  peers.roll->apply({msg::member_change::left, gone, ""});
  EXPECT_TRUE(may());
  peers.roll->apply(
    {msg::member_change::left, peers.members.members.back(), ""});
  EXPECT_FALSE(may());
}

} // namespace dfs::actors
