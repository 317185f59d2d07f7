#include "support/namespace_fixture.hpp"

#include "support/refusal.hpp"

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using test::refusal;

struct VersionedNames : namespace_fixture {
  result<msg::file_status> docs() {
    return ask<msg::file_status>(
      msg::make_directory{0, "/docs", false, msg::storage_class::versioned, 0});
  }

  result<msg::file_located> create(const std::string& path) {
    return ask<msg::file_located>(msg::create_versioned{0, path, true});
  }

  result<msg::file_located> locate(const std::string& path) {
    return ask<msg::file_located>(msg::locate_file{path});
  }

  void note(inode_id file, std::uint64_t newest, std::uint64_t bytes,
            msg::version_kind kind = msg::version_kind::content) {
    (void) begin<msg::notes_receipted>(
      noted(file, newest, bytes, kind)); // Receipted later.
  }

  static msg::versions_noted
  noted(inode_id file, std::uint64_t newest, std::uint64_t bytes,
        msg::version_kind kind = msg::version_kind::content) {
    return {{{file, version_number{newest}, kind, bytes, 5}}, {}};
  }

  void tick() {
    self->send(keeper, caf::tick_atom_v);
    run();
  }
};

TEST_F(VersionedNames, AreMadeAndFound) { // SPEC V9
  EXPECT_EQ(docs()->where, msg::storage_class::versioned);
  const auto made = create("/docs/f");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_NE(made->group.set.group, group_id{});
  EXPECT_EQ(made->status.path, "/docs/f");
  const auto found = locate("/docs/f");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->status.inode, made->status.inode);
  EXPECT_EQ(found->group, made->group);
  EXPECT_GE(found->looked_up_at, made->looked_up_at);
  EXPECT_EQ(*located, 2);
  EXPECT_EQ(refusal(status("/docs/f")), ec::not_found);
  note(made->status.inode, 1, 10);
  EXPECT_EQ(status("/docs/f")->length, 10u);
}

TEST_F(VersionedNames, AreAnsweredWhenTheyAreDurable) { // SPEC G2, V9
  ASSERT_TRUE(docs());
  stop_sync.hold(*store);
  const auto made
    = begin<msg::file_located>(msg::create_versioned{7, "/docs/f", false});
  const auto seen = begin<msg::file_located>(msg::locate_file{"/docs/f"});
  const auto again
    = begin<msg::file_located>(msg::create_versioned{7, "/docs/f", false});
  const auto other
    = begin<msg::file_located>(msg::create_versioned{8, "/docs/f", false});
  EXPECT_FALSE(made.answered());
  EXPECT_FALSE(seen.answered());
  EXPECT_FALSE(again.answered());
  EXPECT_FALSE(other.answered());
  EXPECT_EQ(*located, 0);
  stop_sync.release();
  const auto inode = finish(made)->status.inode;
  EXPECT_EQ(finish(seen)->status.inode, inode);
  EXPECT_EQ(finish(again)->status.inode, inode);
  EXPECT_EQ(finish(other)->status.inode, inode);
  restart();
  const auto late
    = ask<msg::file_located>(msg::create_versioned{7, "/docs/f", false});
  EXPECT_EQ(late->status.inode, inode);
  EXPECT_GT(late->looked_up_at, finish(seen)->looked_up_at);
}

TEST_F(VersionedNames, CostALookUpOnceTheyAreThere) {
  ASSERT_TRUE(docs());
  ASSERT_TRUE(create("/docs/f"));
  stop_sync.hold(*store);
  const auto again
    = begin<msg::file_located>(msg::create_versioned{0, "/docs/f", false});
  EXPECT_TRUE(again.answered());
}

TEST_F(VersionedNames, RefuseOtherClasses) { // SPEC V9
  ASSERT_TRUE(docs());
  ASSERT_TRUE(ask<msg::file_status>(msg::create_file{0, "/f"}));
  EXPECT_EQ(refusal(locate("/f")), ec::unsupported);
  EXPECT_EQ(refusal(create("/f")), ec::unsupported);
  EXPECT_EQ(refusal(locate("/")), ec::is_directory);
  EXPECT_EQ(refusal(locate("/docs/f")), ec::not_found);
  const auto made = create("/docs/f");
  ASSERT_TRUE(made);
  EXPECT_EQ(refusal(ask<msg::file_status>(msg::create_file{0, "/docs/f"})),
            ec::unsupported);
  EXPECT_EQ(refusal(ask<msg::file_status>(file("/docs/f", {written(5, 10)}))),
            ec::unsupported);
  EXPECT_TRUE(script->told.empty()) << "no chunk was adopted for it";
  EXPECT_EQ(refusal(ask<msg::chunk_leased>(
              msg::add_chunk{"/docs/f", made->status.inode, {}, {}})),
            ec::unsupported);
  note(made->status.inode, 1, 10);
  EXPECT_EQ(refusal(ask<msg::file_layout>(msg::open_file{"/docs/f", 0})),
            ec::unsupported);
}

TEST_F(VersionedNames, NeedAVersionDirectory) {
  ASSERT_TRUE(docs());
  ASSERT_TRUE(create("/docs/f"));
  stop(versions);
  versions = version_directory_actor{};
  EXPECT_EQ(refusal(create("/docs/f")), ec::unavailable);
  EXPECT_EQ(refusal(create("/docs/g")), ec::unavailable);
  EXPECT_EQ(refusal(locate("/docs/f")), ec::unavailable);
  EXPECT_EQ(refusal(locate("/docs/g")), ec::not_found) << "nothing was made";
  serves_versions = false;
  restart();
  EXPECT_EQ(refusal(locate("/docs/f")), ec::unsupported);
  EXPECT_EQ(refusal(create("/docs/g")), ec::unsupported);
  versions = spawn_versions();
}

TEST_F(VersionedNames, AreHiddenDurably) { // SPEC V9, S6
  ASSERT_TRUE(docs());
  const auto inode = create("/docs/f")->status.inode;
  stop_sync.hold(*store);
  note(inode, 1, 10);
  const auto seen = begin<msg::file_status>(msg::get_status{"/docs/f"});
  EXPECT_FALSE(seen.answered()) << "a crash may hide it again";
  stop_sync.release();
  EXPECT_EQ(finish(seen)->version, version_number{1});
  restart(); // No tick between.
  EXPECT_EQ(status("/docs/f")->length, 10u);
  note(inode, 2, 20);
  EXPECT_EQ(status("/docs/f")->length, 20u) << "at once";
  advance(2s); // Lazily durable.
  restart();
  EXPECT_EQ(status("/docs/f")->length, 20u);
  note(inode, 3, 0, msg::version_kind::deleted);
  restart();
  EXPECT_EQ(refusal(status("/docs/f")), ec::not_found);
  EXPECT_EQ(locate("/docs/f")->status.inode, inode);
}

TEST_F(VersionedNames, EndDurably) { // SPEC V5
  ASSERT_TRUE(docs());
  const auto made = create("/docs/f");
  const auto inode = made->status.inode;
  note(inode, 1, 0, msg::version_kind::closed);
  stop_sync.hold(*store);
  const auto gone
    = begin<msg::file_unlinked>(msg::unlink_file{group_id{2}, inode});
  EXPECT_FALSE(gone.answered());
  stop_sync.release();
  const auto at = finish(gone)->at;
  EXPECT_GT(at, made->looked_up_at);
  EXPECT_EQ(finish(gone)->group, group_id{2});
  restart();
  EXPECT_EQ(refusal(locate("/docs/f")), ec::not_found);
  const auto again
    = ask<msg::file_unlinked>(msg::unlink_file{group_id{2}, inode});
  EXPECT_GE(again->at, at);
  EXPECT_EQ(again->file, inode);
  const auto fresh = create("/docs/f");
  EXPECT_NE(fresh->status.inode, inode);
  EXPECT_GE(fresh->looked_up_at, at);
  EXPECT_EQ(refusal(ask<msg::file_unlinked>(
              msg::unlink_file{group_id{2}, inode_id{1}})),
            ec::invalid_argument);
}

TEST_F(VersionedNames, LeaveWordWhenTheyArePurged) { // SPEC V9
  ASSERT_TRUE(docs());
  const auto inode = create("/docs/f")->status.inode;
  note(inode, 1, 10);
  ASSERT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, "/docs", true}));
  ASSERT_TRUE(ask<msg::entry_removed>(msg::purge_trash{0, 0, true}));
  const auto key
    = core::numbered_key(core::tree_keys::released_versions, inode.value());
  EXPECT_TRUE(test::eventually([&] {
    advance(2s);
    return static_cast<bool>(*store->get(key));
  }));
  // Their group is told until it has forgotten them, by the next master, too.
  const auto is_told = [&] {
    advance(1s);
    return *purged == std::set{inode};
  };
  EXPECT_TRUE(test::eventually(is_told));
  restart();
  purged->clear();
  EXPECT_TRUE(test::eventually(is_told));
  ASSERT_TRUE(ask<msg::file_unlinked>(msg::unlink_file{group_id{1}, inode}));
  EXPECT_FALSE(*store->get(key));
  purged->clear();
  advance(3s);
  EXPECT_TRUE(purged->empty());
}

TEST_F(VersionedNames, AreToldOfAgainWhileMuchElseGoes) { // SPEC V9
  ASSERT_TRUE(docs());
  const auto file = create("/docs/f")->status.inode;
  note(file, 1, 0, msg::version_kind::deleted);
  for (const char* top : {"/x", "/y", "/z"}) { // Some slices.
    std::string path = top;
    while (path.size() < 4'000)
      path += "/a";
    ASSERT_TRUE(ask<msg::file_status>(msg::make_directory{0, path, true}));
    ASSERT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, top, true}));
  }
  ASSERT_TRUE(ask<msg::entry_removed>(msg::purge_trash{0, 0, true}));
  EXPECT_EQ(ask<msg::purges_found>(msg::find_purges{})->files, 1u);
  const auto is_told = [&] {
    run();
    return *purged == std::set{file};
  };
  for (int second = 0; second < 3; ++second) {
    purged->clear();
    wall += 1s;
    tick();
    EXPECT_TRUE(test::eventually(is_told)) << "in second " << second;
  }
}

// -- leases of names: core/versions/name_lease.hpp ----------------------------

struct LeasedNames : VersionedNames {
  inode_id file;

  void SetUp() override {
    ASSERT_TRUE(docs());
    const auto made = create("/docs/f");
    ASSERT_TRUE(made);
    EXPECT_GT(made->names.ms, 0u);
    file = made->status.inode;
    note(file, 1, 10);
    boot_step = {};
    boot += 1h;
    const auto found = locate("/docs/f");
    ASSERT_TRUE(found);
    ASSERT_GT(found->names.ms, 0u);
    EXPECT_LE(found->names.changed_at, found->looked_up_at);
  }

  /// Leases are over, and the actor is told so.
  void let_pass() {
    boot += 110ms;
    advance(110ms);
  }
};

TEST_F(LeasedNames, AreTakenWhenTheLeaseIsOver) { // SPEC V4; NL1
  const auto moved = begin<msg::file_status>(
    msg::rename_entry{0, "/docs/f", "/docs/g", false});
  const auto removed
    = begin<msg::entry_removed>(msg::remove_entry{0, "/docs", true});
  advance(110ms); // The actor's clock was fast: it looks again.
  EXPECT_FALSE(moved.answered());
  EXPECT_EQ(locate("/docs/f")->status.inode, file);
  EXPECT_EQ(locate("/docs/f")->names.ms, 0u);
  let_pass();
  const auto there = finish(moved);
  ASSERT_TRUE(there) << there.error().context;
  EXPECT_EQ(there->inode, file);
  EXPECT_EQ(finish(removed)->files, 1u);
}

TEST_F(LeasedNames, SayWhenNamesChangedLast) {
  const auto before = locate("/docs/f")->looked_up_at;
  const auto moved = begin<msg::file_status>(
    msg::rename_entry{0, "/docs/f", "/docs/g", false});
  let_pass();
  ASSERT_TRUE(finish(moved));
  const auto found = locate("/docs/g");
  EXPECT_GT(found->names.changed_at, before);
  EXPECT_EQ(found->names.changed_at, found->looked_up_at);
  EXPECT_EQ(found->names.ms, 0u);
  // The next one need not wait: nobody got a lease in between.
  const auto back = begin<msg::file_status>(
    msg::rename_entry{0, "/docs/g", "/docs/f", false});
  EXPECT_EQ(finish(back)->inode, file);
  boot += 1s;
  EXPECT_GT(locate("/docs/f")->names.ms, 0u);
}

TEST_F(LeasedNames, WithTheirDirectoryToo) {
  const auto moved
    = begin<msg::file_status>(msg::rename_entry{0, "/docs", "/papers", false});
  EXPECT_FALSE(moved.answered());
  let_pass();
  EXPECT_TRUE(finish(moved));
}

TEST_F(LeasedNames, OfADeletedFileGiveWayWhenTheLeaseIsOver) {
  note(file, 2, 0, msg::version_kind::deleted);
  const auto made
    = begin<msg::file_status>(msg::make_directory{0, "/docs/f", false});
  EXPECT_FALSE(made.answered());
  let_pass();
  EXPECT_TRUE(finish(made));
}

// The name was to give way, and was put again meanwhile.
TEST_F(LeasedNames, AreGivenAgainWhenTheChangeThatWaitedIsRefused) {
  note(file, 2, 0, msg::version_kind::deleted);
  const auto made
    = begin<msg::file_status>(msg::make_directory{0, "/docs/f", false});
  EXPECT_FALSE(made.answered());
  note(file, 3, 10);
  let_pass();
  EXPECT_EQ(refusal(finish(made)), ec::exists);
  EXPECT_GT(locate("/docs/f")->names.ms, 0u);
}

TEST_F(LeasedNames, KeepNothingElseWaiting) {
  EXPECT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/docs/d", false}));
  EXPECT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/chunked", false}));
  EXPECT_TRUE(ask<msg::file_status>(msg::create_file{0, "/chunked/f"}));
  EXPECT_TRUE(ask<msg::file_status>(
    msg::rename_entry{0, "/chunked/f", "/chunked/g", false}));
  EXPECT_TRUE(
    ask<msg::entry_removed>(msg::remove_entry{0, "/chunked/g", false}));
  EXPECT_TRUE(create("/docs/other"));
}

TEST_F(LeasedNames, AreLeftOutsideTheTrashUntilTheLeaseIsOver) {
  let_pass();
  const auto removed
    = ask<msg::entry_removed>(msg::remove_entry{0, "/docs/f", false});
  ASSERT_TRUE(removed);
  boot += 2s;
  ASSERT_GT(create("/docs/g")->names.ms, 0u);
  const auto restored
    = begin<msg::file_status>(msg::restore_trash{0, removed->trash_id, {}, {}});
  EXPECT_FALSE(restored.answered());
  let_pass();
  EXPECT_EQ(finish(restored)->inode, file);
}

TEST_F(VersionedNames, AreNotMadeOnAFullDisk) { // SPEC G16
  ASSERT_TRUE(docs());
  const auto inode = create("/docs/f")->status.inode;
  free_bytes_min = ~std::uint64_t{0} - 1;
  restart();
  advance(2s);
  EXPECT_EQ(refusal(create("/docs/g")), ec::full);
  EXPECT_TRUE(create("/docs/f"));
  EXPECT_TRUE(ask<msg::file_unlinked>(msg::unlink_file{group_id{1}, inode}));
}

// A receipt is for ever: who has it never tells again.
TEST_F(VersionedNames, ReceiptsOfNotesFollowTheirRows) { // SPEC S9
  ASSERT_TRUE(docs());
  const auto file = create("/docs/f")->status.inode;
  stop_sync.hold(*store);
  const auto born = begin<msg::notes_receipted>(noted(file, 1, 10));
  EXPECT_FALSE(born.answered());
  stop_sync.release();
  EXPECT_TRUE(finish(born));

  // A length waits for what is written next; so does its receipt.
  const auto longer = begin<msg::notes_receipted>(noted(file, 2, 20));
  EXPECT_EQ(status("/docs/f")->length, 20u);
  const auto again = begin<msg::notes_receipted>(noted(file, 2, 20));
  EXPECT_FALSE(longer.answered());
  EXPECT_FALSE(again.answered()) << "its row is not there either";
  tick();
  EXPECT_TRUE(finish(longer));
  EXPECT_TRUE(finish(again));
  restart();
  EXPECT_EQ(status("/docs/f")->length, 20u);
  // Nothing is to be written for what is known, or of no file.
  EXPECT_TRUE(ask<msg::notes_receipted>(noted(file, 1, 10)));
  EXPECT_TRUE(ask<msg::notes_receipted>(noted(inode_id{999}, 1, 10)));
  EXPECT_EQ(status("/docs/f")->length, 20u);
}

TEST_F(VersionedNames, OfOlderMetadataGiveNoReceipts) { // SPEC G12, S9
  ASSERT_TRUE(docs());
  const auto file = create("/docs/f")->status.inode;
  stop_sync.hold(*store);
  const auto before = begin<msg::notes_receipted>(noted(file, 1, 10));
  fitness->lose("another master has newer metadata");
  const auto after = begin<msg::notes_receipted>(noted(file, 2, 20));
  stop_sync.release();
  EXPECT_EQ(refusal(finish(before)), ec::stale);
  EXPECT_EQ(refusal(finish(after)), ec::stale);
}

TEST_F(VersionedNames, ManyNotesAreWrittenAtOnce) {
  ASSERT_TRUE(docs());
  std::vector<inode_id> files;
  for (int i = 0; i < 1'000; ++i)
    files.push_back(create("/docs/" + std::to_string(i))->status.inode);
  msg::versions_noted first;
  msg::versions_noted second;
  for (const auto file : files) {
    first.files.push_back(noted(file, 1, 10).files.front());
    second.files.push_back(noted(file, 2, 20).files.front());
  }
  EXPECT_TRUE(ask<msg::notes_receipted>(first));
  EXPECT_TRUE(ask<msg::notes_receipted>(second)) << "no tick was needed";
}

TEST_F(VersionedNames, RememberUpToWhichBallotGroupsAreTold) { // SPEC S9
  const msg::told_group told{group_id{3}, group_ballot{200}};
  EXPECT_TRUE(ask<msg::notes_receipted>(msg::versions_noted{{}, {told}}));
  const msg::told_group former{group_id{3}, group_ballot{100}};
  EXPECT_TRUE(ask<msg::notes_receipted>(msg::versions_noted{{}, {former}}));
  restart();
  const auto found
    = ask<msg::told_found>(msg::find_told{{group_id{3}, group_id{4}}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->groups, (std::vector<msg::told_group>{
                             told, {group_id{4}, group_ballot{}}}));
}

// A file that is newer than a backup: its note is all that the master has of
// it.
TEST_F(VersionedNames, ThatWereLostAreFoundByTheirNotes) { // SPEC G2, S9
  ASSERT_TRUE(docs());
  ASSERT_TRUE(store->backup(place / "backups"));
  const auto lost = create("/docs/lost")->status.inode;
  note(lost, 1, 10);
  tick();
  end();
  ASSERT_TRUE(
    storage::restore_backup(place / "backups", place / "metadata", 0, true));
  start();
  EXPECT_EQ(refusal(locate("/docs/lost")), ec::not_found);
  stop_sync.hold(*store);
  const auto told = begin<msg::notes_receipted>(noted(lost, 1, 10));
  EXPECT_FALSE(told.answered());
  stop_sync.release();
  EXPECT_TRUE(finish(told));
  restart();
  // They do not wait for chunkservers.
  script->refusal = fail(ec::too_few_servers, "store-3 has not told");
  const msg::adopt_orphans adopt{"/lost+found", {}};
  const auto made = ask<msg::orphans_adopted>(adopt);
  ASSERT_TRUE(made) << made.error().context;
  ASSERT_EQ(made->files.size(), 1u);
  EXPECT_FALSE(made->more);
  EXPECT_EQ(made->chunks_wait_for, "store-3 has not told");
  script->refusal.reset();
  restart();
  const auto found = locate(made->files[0].path);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->status.inode, lost);
  EXPECT_EQ(status(made->files[0].path)->length, 10u);
  const auto again = ask<msg::orphans_adopted>(adopt);
  EXPECT_TRUE(again->files.empty());
  EXPECT_EQ(again->chunks_wait_for, "");
}

// The backup has no row with its number, but a later term than that.
TEST_F(VersionedNames, ThatEndedBeforeTheBackupAreNotFound) { // SPEC G2
  ASSERT_TRUE(docs());
  const auto gone = create("/docs/gone")->status.inode;
  ASSERT_TRUE(ask<msg::file_unlinked>(msg::unlink_file{group_id{1}, gone}));
  restart();
  ASSERT_TRUE(store->backup(place / "backups"));
  end();
  ASSERT_TRUE(
    storage::restore_backup(place / "backups", place / "metadata", 0, true));
  start();
  EXPECT_TRUE(ask<msg::notes_receipted>(noted(gone, 1, 10)));
  const auto made
    = ask<msg::orphans_adopted>(msg::adopt_orphans{"/lost+found", {}});
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(made->files.empty()) << "purged data came back";
}

} // namespace
} // namespace dfs::actors
