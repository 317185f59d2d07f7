#include "actors/version_keeper.hpp"

#include "actors/support/to_caf.hpp"
#include "actors/version_directory.hpp"
#include "messages/register.hpp"
#include "support/eventually.hpp"
#include "support/fake_membership.hpp"
#include "support/scripted_roll.hpp"
#include "support/temp_dir.hpp"

#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

// A file server and its master, when the keeper alone begins anew.

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

constexpr auto cluster = "0123456789abcdef";

struct message_config : caf::actor_system_config {
  message_config() {
    msg::register_messages(*this);
  }
};

struct silent_prober : port_prober {
  void probe(const endpoint&, callback answered) override {
    answered(port_answer::silent);
  }
};

// Knows a master's version directory.
control_links_actor::behavior_type
fake_links(control_links_actor::pointer,
           const subsystem_ref<version_directory_actor>& found) {
  return {
    [](const msg::link_heartbeat&) -> caf::result<msg::link_heartbeat_ack> {
      return to_caf(fail(ec::unsupported));
    },
    [](const msg::get_links&) { return msg::link_list{}; },
    [](const msg::get_master_directory&) -> caf::result<chunk_directory_actor> {
      return to_caf(fail(ec::unavailable));
    },
    [found](const msg::get_version_directory&) { return found.get(); },
    [](const msg::member_changed&) {},
    [](const msg::directory_found&, const directory_actor&) {},
    [](const msg::directory_missing&) {},
    [](caf::tick_atom) {},
  };
}

struct VersionKeeper : ::testing::Test {
  test::temp_dir dir;
  std::unique_ptr<storage::metadata_store> metadata
    = *storage::metadata_store::open(dir / "metadata",
                                     {.cluster = 1, .sync = false});
  std::unique_ptr<storage::version_store> store;
  std::unique_ptr<fileserver::version_service> service;
  silent_prober prober;
  test::scripted_roll peers;
  message_config config;
  caf::actor_system sys{config};
  subsystem_ref<membership_actor> membership;
  subsystem_ref<control_links_actor> links;
  subsystem_ref<version_directory_actor> master;
  version_keeper_options options;
  version_keeper_actor keeper;

  void SetUp() override {
    auto opened
      = storage::version_store::open(storage::posix_files(), {dir / "volume"},
                                     dir / "rows", {cluster, store_id{7}}, {});
    ASSERT_TRUE(opened) << opened.error().context;
    store = *std::move(opened);
    fileserver::version_service_options how;
    how.cluster = cluster;
    how.name = "fs-1";
    how.store = store_id{7};
    how.boot = boot_id{1};
    how.keys = std::make_shared<wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a')));
    auto started = fileserver::version_service::start(
      *endpoint::parse("127.0.0.1:0"), *store, std::move(how));
    ASSERT_TRUE(started) << started.error().context;
    service = *std::move(started);
    start_master();
    start_keeper();
  }

  ~VersionKeeper() override {
    end(keeper);
    end(links.get());
    end(membership.get());
    end(master.get());
    membership.clear();
    links.clear();
    master.clear();
    service.reset();
  }

  template <class Handle>
  void end(Handle x) {
    if (!x)
      return;
    caf::scoped_actor self{sys};
    caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    self->wait_for(x);
  }

  void start_master() {
    version_directory_options how;
    how.store = metadata.get();
    how.term = *metadata->next_term();
    how.config.rules[0] = {3, 2, 2};
    how.config.groups = 1;
    how.config.heartbeat = 50ms;
    how.prober = &prober;
    how.roll = peers.roll;
    how.machine = load_version_directory(how, sys.clock().now())->machine;
    master.set(sys.spawn(version_directory, how));
  }

  void start_keeper() {
    msg::register_fileserver card;
    card.store = store_id{7};
    card.member = {*ip_address::parse("127.0.0.1"), 7401, 9};
    card.name = "fs-1";
    peers.admit(card, msg::role::fileserver);
    membership.set(
      sys.spawn(test::fake_membership,
                msg::member_list{card.member, peers.members.members}));
    links.set(sys.spawn(fake_links, master));
    options.store = card.store;
    options.boot = boot_id{1};
    options.name = card.name;
    options.data = service->address();
    options.service = service.get();
    options.volumes = [] { return std::vector<msg::volume_status>{}; };
    options.remember = [inlet = options.inlet](const msg::master_mark& x) {
      inlet.put_remembered(x, true);
    };
    options.membership = membership;
    options.links = links;
    spawn_keeper();
  }

  void spawn_keeper() {
    keeper = sys.spawn(version_keeper, options);
    options.inlet.connect(keeper);
  }

  bool answers(std::uint64_t more) {
    const auto& beats = options.counters->beats_answered;
    return test::eventually(
      [&, before = beats.load()] { return beats >= before + more; });
  }
};

// SPEC S10, S9: what the master has heard of it in its former life is no newer
// than what it says now.
TEST_F(VersionKeeper, IsHeardAgainWhenItAloneBeginsAnew) {
  ASSERT_TRUE(answers(20));
  const auto failed = options.counters->beats_failed.load();
  end(keeper);
  spawn_keeper();
  ASSERT_TRUE(answers(3));
  EXPECT_EQ(options.counters->beats_failed, failed);
}

} // namespace
} // namespace dfs::actors
