#include "actors/version_directory.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/to_caf.hpp"
#include "core/chunks/chunk_row.hpp"
#include "support/deterministic_system.hpp"
#include "support/scripted_roll.hpp"
#include "support/temp_dir.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

class scripted_prober : public port_prober {
public:
  void probe(const endpoint&, callback answered) override {
    answered(answer);
  }

  port_answer answer = port_answer::silent;
};

// A file server without files: does as it is told, at once.
struct obedient_server {
  msg::register_fileserver card;
  version_keeper_actor keeper;
  std::map<group_id, msg::group_standing> groups;
  std::uint64_t sequence = 0;
  std::size_t orders = 0;
};

msg::group_news obey(obedient_server& x, const msg::group_orders& orders) {
  msg::group_news news;
  news.store = x.card.store;
  news.boot = x.card.boot;
  news.term = orders.term;
  ++x.orders;
  for (const auto& y : orders.seal) {
    x.groups[y.group].sealed = true;
    news.sealed.push_back({y.group, y.epoch, y.by});
  }
  for (const auto& y : orders.install) {
    x.groups[y.set.group].installed = y.set.epoch;
    news.installed.push_back({y.set.group, y.set.epoch});
  }
  for (const auto& y : orders.activate) {
    x.groups[y.group] = core::active_in(y.group, y.epoch);
    news.activated.push_back({y.group, y.epoch});
  }
  for (const auto& y : orders.lead) {
    x.groups[y.set.group].leads = y.ballot;
    news.led.push_back({y.set.group, y.ballot});
  }
  return news;
}

version_keeper_actor::behavior_type
fake_keeper(version_keeper_actor::pointer self, obedient_server* server,
            const version_directory_actor& directory) {
  return {
    [=](const msg::group_orders& x) {
      self->send(directory, obey(*server, x));
    },
    [](caf::update_atom) {},
    [](caf::tick_atom) {},
  };
}

struct VersionDirectoryActor : ::testing::Test, test::deterministic_system {
  test::temp_dir dir;
  std::unique_ptr<storage::metadata_store> store
    = *storage::metadata_store::open(dir / "metadata",
                                     {.cluster = 1, .sync = false});
  scripted_prober prober;
  test::scripted_roll peers;
  std::vector<msg::noted_version> notes;
  /// Of the namespace what is spoken with here.
  caf::actor names = sys.spawn(
    [](caf::event_based_actor*, std::vector<msg::noted_version>* noted) {
      return caf::behavior{
        [](const msg::unlink_file& x) {
          return msg::file_unlinked{x.group, x.file, 77};
        },
        [noted](const msg::versions_noted& x) {
          noted->insert(noted->end(), x.files.begin(), x.files.end());
          return msg::notes_receipted{};
        },
        [](const msg::find_told& x) {
          return msg::told_found{{{x.groups.at(0), group_ballot{7}}}};
        },
      };
    },
    &notes);
  std::uint64_t groups = 8;
  std::map<std::string, msg::quorum_rule> by_path;
  core::quorum_classes quorums;                ///< As loaded last.
  version_directory_actor directory = start(); // Uses all above.
  std::array<obedient_server, 4> all;

  ~VersionDirectoryActor() override {
    stop(directory);
    stop(names);
    for (auto& x : all)
      if (x.keeper)
        stop(x.keeper);
    for (auto& x : all)
      x.keeper = version_keeper_actor{};
    directory = version_directory_actor{};
    names = caf::actor{};
    store.reset();
  }

  version_directory_actor start() {
    version_directory_options options;
    options.store = store.get();
    options.term = *store->next_term();
    options.config.rules[0] = {3, 2, 2};
    options.config.groups = groups;
    options.quorums = by_path;
    options.prober = &prober;
    options.roll = peers.roll;
    options.names
      = [this] { return caf::actor_cast<namespace_keeper_actor>(names); };
    const auto loaded = load_version_directory(options, sys.clock().now());
    EXPECT_TRUE(loaded) << loaded.error().context;
    options.machine = loaded->machine;
    quorums = loaded->quorums;
    return sys.spawn(version_directory, options);
  }

  void enrol(std::size_t n) {
    auto& x = all[n];
    x.card.store = store_id{n + 1};
    x.card.boot = boot_id{n + 101};
    x.card.name = "files-" + std::to_string(n);
    x.card.data = *endpoint::parse("10.0.0." + std::to_string(n + 1) + ":7406");
    x.card.member = {x.card.data.ip, 7401, 1};
    peers.admit(x.card, msg::role::fileserver);
    if (!x.keeper)
      x.keeper = sys.spawn(fake_keeper, &x, directory);
    x.sequence = 0;
    sys.spawn(
      [to = directory](caf::event_based_actor* asker,
                       const msg::register_fileserver& card,
                       const version_keeper_actor& keeper) {
        asker->request(to, caf::infinite, card, keeper)
          .then([](const msg::fileserver_registered&) {});
      },
      x.card, x.keeper);
    run();
  }

  void beat(obedient_server& x) {
    const auto term = ask<msg::writer_numbered>(directory, msg::number_writer{})
                        ->writer.value()
                      >> 40;
    msg::fileserver_beat beat;
    beat.store = x.card.store;
    beat.boot = x.card.boot;
    beat.term = master_term{term};
    beat.sequence = ++x.sequence;
    for (const auto& [group, stands] : x.groups)
      beat.groups.push_back(stands);
    beat.all_told = true;
    EXPECT_TRUE(ask<msg::fileserver_beat_ack>(directory, beat));
  }

  // Rows are made durable by another thread.
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 100ms) {
      if (time % 500ms == 0ms)
        for (auto& x : all)
          if (x.keeper)
            beat(x);
      advance(100ms);
      ASSERT_TRUE(store->commit_now({}));
      run();
    }
  }

  msg::fileserver_list list() {
    return *ask<msg::fileserver_list>(directory, msg::list_fileservers{});
  }
};

TEST_F(VersionDirectoryActor, GivesSetsThatSurviveItsRestart) {
  auto answer = ask<msg::file_located>(directory, msg::file_located{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(from_caf(answer.error()).code, ec::too_few_servers);
  for (std::size_t n = 0; n < 4; ++n)
    enrol(n);
  pass(4'000ms);
  EXPECT_EQ(list().groups_healthy, 8u);
  const auto place = ask<msg::group_location>(
    directory, msg::locate_group{group_id{5}, {}, {}});
  ASSERT_TRUE(place);
  EXPECT_EQ(place->servers.size(), 3u);
  EXPECT_NE(place->primary, store_id{});
  answer = ask<msg::file_located>(directory, msg::file_located{});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->group.set.rule, (msg::quorum_rule{3, 2, 2}));

  stop(directory);
  for (auto& x : all) {
    stop(x.keeper);
    x.keeper = version_keeper_actor{};
  }
  groups = 9; // The number with which it began counts.
  directory = start();
  EXPECT_EQ(list().groups, 8u);
  EXPECT_EQ(list().servers.size(), 4u) << "it remembers who there is";
  for (std::size_t n = 0; n < 4; ++n)
    enrol(n);
  pass(2'000ms);
  EXPECT_EQ(list().groups_healthy, 8u);
  const auto again = ask<msg::group_location>(
    directory, msg::locate_group{group_id{5}, {}, {}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->set, place->set);
  EXPECT_EQ(again->primary, place->primary) << "who leads goes on";
}

TEST_F(VersionDirectoryActor, RepairsAtOnceWhenAPortRefuses) { // SPEC V6
  for (std::size_t n = 0; n < 4; ++n)
    enrol(n);
  pass(4'000ms);
  ASSERT_EQ(list().groups_healthy, 8u);
  // The link alone proves nothing.
  stop(all[0].keeper);
  all[0].keeper = version_keeper_actor{};
  pass(300ms);
  EXPECT_EQ(list().servers[0].phase, msg::fileserver_phase::up);
  prober.answer = port_answer::refused;
  pass(300ms);
  EXPECT_EQ(list().servers[0].phase, msg::fileserver_phase::failed);
  pass(2'000ms);
  const auto after = list();
  EXPECT_EQ(after.groups_healthy, 8u);
  EXPECT_EQ(after.servers[0].groups, 0u);
  EXPECT_TRUE(after.repairs.empty());
}

TEST_F(VersionDirectoryActor, PassesOnWhatThePrimarySaysOfFiles) {
  const group_id group{1};
  for (std::size_t n = 0; n < 4; ++n)
    enrol(n);
  pass(4'000ms);
  const auto place
    = ask<msg::group_location>(directory, msg::locate_group{group, {}, {}});
  ASSERT_TRUE(place);
  auto& primary = all.at(place->primary.value() - 1);
  const auto tell = [&](const obedient_server& from, group_ballot ballot) {
    const auto before = primary.orders;
    msg::group_news news;
    news.store = from.card.store;
    news.boot = from.card.boot;
    news.unlink = {{group, inode_id{5}, ballot}};
    self->send(directory, news);
    run();
    return primary.orders - before;
  };
  const auto ballot = primary.groups.at(group).leads;
  EXPECT_EQ(tell(primary, ballot), 1u) << "the name is gone";
  EXPECT_EQ(tell(primary, group_ballot{ballot.value() - 1}), 0u);
  const auto& other = all.at(place->primary.value() % all.size());
  EXPECT_EQ(tell(other, ballot), 0u) << "it does not lead";
}

TEST_F(VersionDirectoryActor, PassesNotesOnAndReceiptsBack) { // SPEC S9
  msg::note_versions x{
    all[0].card.store,
    all[0].card.boot,
    {{inode_id{5}, version_number{2}, msg::version_kind::content, 3, 4}},
    {}};
  EXPECT_EQ(from_caf(ask<msg::notes_receipted>(directory, x).error()).code,
            ec::not_found);
  enrol(0);
  x.store = all[0].card.store;
  x.boot = boot_id{1};
  EXPECT_EQ(from_caf(ask<msg::notes_receipted>(directory, x).error()).code,
            ec::not_found);
  x.boot = all[0].card.boot;
  EXPECT_TRUE(ask<msg::notes_receipted>(directory, x));
  EXPECT_EQ(notes, x.files);
  const auto told
    = ask<msg::told_found>(directory, msg::find_told{{group_id{9}}});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->groups.at(0).below, group_ballot{7});
}

TEST_F(VersionDirectoryActor, RefusesRowsThatMakeNoSense) {
  stop(directory);
  ASSERT_TRUE(store->commit_now({{core::numbered_key("g", 3), "nonsense"}}));
  version_directory_options options;
  options.store = store.get();
  options.term = *store->next_term();
  options.config.rules[0] = {3, 2, 2};
  const auto loaded = load_version_directory(options, sys.clock().now());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ec::integrity);
}

TEST_F(VersionDirectoryActor, PathsKeepTheirNumbers) { // SPEC V2
  const auto again = [this] {
    stop(directory);
    directory = start();
  };
  by_path = {{"/b", {5, 3, 3}}};
  again();
  const auto b = quorums.of_path("/b/f");
  EXPECT_NE(b, 0);
  by_path = {{"/a", {3, 3, 1}}, {"/b", {4, 3, 2}}};
  again();
  EXPECT_EQ(quorums.of_path("/b/f"), b);
  EXPECT_NE(quorums.of_path("/a/f"), b);
  by_path.clear();
  again();
  EXPECT_EQ(quorums.of_path("/b/f"), 0);
  EXPECT_EQ(quorums.rules({3, 2, 2}).size(), 3u);
}

} // namespace
} // namespace dfs::actors
