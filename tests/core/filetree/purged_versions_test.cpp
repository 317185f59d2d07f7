#include "core/filetree/versioned_names.hpp"

#include <gtest/gtest.h>

// The end of versioned files: deleted, purged, closed.

namespace dfs::core {
namespace {

using dfs::test::refusal;
using msg::version_kind;

using PurgedVersions = test::versioned_names;

TEST_F(PurgedVersions, GoThroughTheTrash) { // SPEC V9, G12
  const auto one = file("/docs/one");
  const auto two = file("/docs/sub/two");
  EXPECT_EQ(change(msg::remove_entry{0, "/docs", true})->files, 2u);
  EXPECT_EQ(tree->state().trashed_files, 2u);
  // Their versions are still told of.
  note(two, 2, 0, version_kind::deleted);
  EXPECT_EQ(tree->state().trashed_files, 1u);
  note(one, 2, 50);
  EXPECT_EQ(tree->trash({}).answer->entries[0].bytes, 50u);
  restart();
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs", ""}));
  EXPECT_EQ(tree->status("/docs/one").answer->length, 50u);
  EXPECT_EQ(look("/docs/sub/two"), ec::not_found);
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/one"}));
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs", true}));
  EXPECT_TRUE(unnamed.empty());
  purge();
  EXPECT_EQ(unnamed, (std::set<inode_id>{one, two}));
  for (const auto inode : unnamed) {
    EXPECT_TRUE(
      rows.contains(numbered_key(tree_keys::released_versions, inode.value())));
    EXPECT_FALSE(
      rows.contains(numbered_key(tree_keys::versions, inode.value())));
  }
  // Their group has heard of it.
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, one}));
  EXPECT_FALSE(
    rows.contains(numbered_key(tree_keys::released_versions, one.value())));
}

TEST_F(PurgedVersions, AreInTheTrashWhenTheyAreDeleted) { // SPEC V9, G12
  const auto one = file("/docs/one");
  const auto two = file("/docs/sub/two");
  file("/docs/three");
  note(one, 2, 0, version_kind::deleted);
  note(two, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/three"}));
  const auto ids = [&] {
    std::vector<std::uint64_t> all;
    msg::list_trash page{0, 1};
    for (;;) {
      const auto got = *tree->trash(page).answer;
      for (const auto& x : got.entries)
        all.push_back(page.after = x.trash_id);
      if (!got.more)
        return all;
    }
  };
  const auto all = *tree->trash({}).answer;
  ASSERT_EQ(all.entries.size(), 3u);
  EXPECT_EQ(all.entries[1].path, "/docs/sub/two");
  EXPECT_EQ(all.entries[1].purged - all.entries[1].removed,
            config.version_trash_life);
  EXPECT_EQ(ids(),
            (std::vector{all.entries[0].trash_id, two.value(), one.value()}));
  EXPECT_EQ(refusal(change(msg::restore_trash{0, one.value(), "", ""})),
            ec::unsupported);
  EXPECT_EQ(refusal(change(msg::restore_trash{0, 0, "/docs/one", ""})),
            ec::unsupported);
  EXPECT_EQ(change(msg::purge_trash{0, one.value()})->files, 1u);
  EXPECT_EQ(refusal(change(msg::purge_trash{0, one.value()})), ec::not_found);
  EXPECT_EQ(tree->locate("/docs/one").answer->status.inode, one)
    << "a put may be done, and not noted yet";
  EXPECT_EQ(ids().size(), 2u);
  restart();
  EXPECT_EQ(change(msg::purge_trash{0, 0, true})->files, 2u);
  EXPECT_TRUE(ids().empty());
  purge();
  EXPECT_EQ(unnamed.size(), 3u);
  EXPECT_EQ(tree->released_versions({}, 9).size(), 3u);
  EXPECT_EQ(tree->released_versions(one, 1),
            (std::vector{msg::purged_file{two, 0, version_number{2}}}));
  restart();
  EXPECT_EQ(tree->released_versions({}, 9).size(), 3u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, one}));
  EXPECT_EQ(tree->released_versions({}, 9).size(), 2u);
}

TEST_F(PurgedVersions, EndWhenTheirGroupSaysSo) { // SPEC V5
  const auto closed = file("/docs/f");
  file("/docs/g");
  const auto looked_up = tree->locate("/docs/f").answer->looked_up_at;
  const auto gone = apply(msg::unlink_file{group_id{3}, closed});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->group, group_id{3});
  EXPECT_EQ(gone->file, closed);
  EXPECT_GT(gone->at, looked_up) << "whoever looked it up before is late";
  EXPECT_EQ(refusal(tree->locate("/docs/f").answer), ec::not_found);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  EXPECT_TRUE(unnamed.empty()) << "its group knows";
  const auto again = apply(msg::unlink_file{group_id{3}, closed});
  EXPECT_GE(again->at, gone->at);
  const auto fresh = create("/docs/f")->inode;
  EXPECT_NE(fresh, closed);
  EXPECT_GE(tree->locate("/docs/f").answer->looked_up_at, gone->at);
  EXPECT_EQ(refusal(apply(msg::unlink_file{group_id{3}, inode_id{1}})),
            ec::invalid_argument);
}

// A put to it is refused for good, and its group may not be whole for long.
TEST_F(PurgedVersions, GiveTheirNameFreeWhenTheyAreClosed) { // SPEC V5
  const auto one = file("/docs/one");
  const auto two = file("/docs/two");
  note(one, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::purge_trash{0, one.value()}));
  const auto looked_up = tree->locate("/docs/one").answer->looked_up_at;
  note(one, 3, 0, version_kind::closed);
  note(two, 1, 0, version_kind::closed); // After a rollback of its group.
  EXPECT_EQ(refusal(tree->locate("/docs/one").answer), ec::not_found);
  EXPECT_EQ(look("/docs/two"), ec::not_found);
  EXPECT_TRUE(names("/docs").empty());
  EXPECT_NE(create("/docs/one")->inode, one);
  restart();
  EXPECT_EQ(tree->released_versions({}, 9).size(), 1u);
  EXPECT_GT(apply(msg::unlink_file{group_id{1}, one})->at, looked_up);
  EXPECT_TRUE(tree->released_versions({}, 9).empty());
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, two}));
}

TEST_F(PurgedVersions, AreUnderWayUntilTheirGroupHasClosedThem) { // SPEC V9
  const auto waiting
    = [&](std::uint64_t id = 0) { return tree->purges({id}).answer->files; };
  const auto one = file("/docs/one");
  const auto two = file("/docs/two");
  const auto three = file("/docs/three");
  EXPECT_EQ(waiting(one.value()), 0u);
  for (const auto inode : {one, two, three})
    note(inode, 2, 0, version_kind::deleted);
  EXPECT_EQ(waiting(one.value()), 0u);
  EXPECT_TRUE(change(msg::purge_trash{0, one.value()}));
  EXPECT_EQ(waiting(one.value()), 1u);
  EXPECT_EQ(waiting(two.value()), 0u);
  EXPECT_EQ(waiting(), 1u);
  EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
  EXPECT_EQ(waiting(), 3u);
  restart();
  EXPECT_EQ(waiting(), 3u);
  note(one, 3, 0, version_kind::closed);
  EXPECT_EQ(waiting(one.value()), 0u);
  note(two, 3, 30); // Somebody put it again.
  EXPECT_EQ(waiting(), 1u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, three}));
  EXPECT_EQ(waiting(), 0u);
}

// The group went on without its last versions (`admin force-group`).
TEST_F(PurgedVersions, KeepTheirPathWhenTheyAreClosed) { // SPEC S1
  const auto one = file("/docs/one");
  const auto two = file("/docs/sub/two");
  for (const auto inode : {one, two})
    note(inode, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::purge_trash{0, one.value()}));
  EXPECT_TRUE(change(msg::purge_trash{0, two.value()}));
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/sub"}));
  for (const auto inode : {one, two})
    note(inode, 3, 0, version_kind::closed);
  restart();
  EXPECT_EQ(refusal(tree->locate("/docs/one").answer), ec::not_found);
  for (const auto inode : {one, two})
    note(inode, 4, 40);
  const auto all = *tree->trash({}).answer;
  ASSERT_GE(all.entries.size(), 2u);
  EXPECT_EQ(all.entries[0].path, "/docs/sub/two");
  EXPECT_EQ(all.entries[1].path, "/docs/one");
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs/one", ""}));
}

// Without a deletion beside it (docs/formats/metadata.md) all of it goes.
TEST_F(PurgedVersions,
       OfWhichNoDeletionIsKnownEndWhenTheyAreClosed) { // SPEC V9
  const auto one = file("/docs/one");
  note(one, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::purge_trash{0, one.value()}));
  rows.erase(numbered_key(tree_keys::released_deletions, one.value()));
  restart();
  note(one, 3, 0, version_kind::closed);
  EXPECT_EQ(refusal(tree->locate("/docs/one").answer), ec::not_found);
  EXPECT_EQ(tree->released_versions({}, 9),
            (std::vector{msg::purged_file{one, 0, version_number{}}}));
  restart();
  note(one, 4, 40);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
}

// A put was done before the purge; its note comes after it.
TEST_F(PurgedVersions, AreKeptIfTheyHaveANewerContent) { // SPEC S1, V9
  const auto one = file("/docs/one");
  const auto two = file("/docs/two");
  for (const auto inode : {one, two})
    note(inode, 2, 0, version_kind::deleted);
  purge();
  EXPECT_EQ(create("/docs/one")->inode, one) << "the file that was put to";
  restart();
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  EXPECT_EQ(tree->released_versions({}, 9),
            (std::vector{msg::purged_file{one, 0, version_number{2}},
                         msg::purged_file{two, 0, version_number{2}}}));
  note(one, 3, 30);
  note(two, 4, 0, version_kind::deleted); // Put and deleted, and not purged.
  EXPECT_EQ(tree->status("/docs/one").answer->length, 30u);
  EXPECT_TRUE(tree->released_versions({}, 9).empty());
  restart();
  EXPECT_EQ(tree->status("/docs/one").answer->length, 30u);
  EXPECT_TRUE(tree->released_versions({}, 9).empty());
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 1u);
  unnamed.clear();
  purge();
  EXPECT_EQ(unnamed, std::set{two});
}

// A deleted file gave way to a directory, and that was purged.
TEST_F(PurgedVersions, ComeBackToTheTrashIfTheyHaveANewerContent) { // SPEC S1
  const auto one = file("/docs/a/one");
  const auto two = file("/docs/two");
  for (const auto inode : {one, two})
    note(inode, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/a"})) << "it is empty";
  EXPECT_TRUE(mkdir("/docs/two"));
  purge();
  restart();
  EXPECT_EQ(tree->released_versions({}, 9).size(), 2u);
  note(one, 3, 0, version_kind::deleted); // This was purged with it.
  EXPECT_EQ(tree->released_versions({}, 1),
            (std::vector{msg::purged_file{one, 0, version_number{3}}}));
  note(one, 4, 40);
  note(two, 3, 0, version_kind::closed);
  note(one, 4, 40);
  restart();
  EXPECT_EQ(tree->released_versions({}, 9),
            (std::vector{msg::purged_file{two, 0, version_number{2}}}));
  const auto listed = *tree->trash({}).answer;
  ASSERT_EQ(listed.entries.size(), 1u);
  EXPECT_EQ(listed.entries[0].path, "/docs/a/one");
  EXPECT_EQ(tree->state().trashed_files, 1u);
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs/a/one", ""}));
  EXPECT_EQ(tree->status("/docs/a/one").answer->inode, one);
  EXPECT_EQ(tree->status("/docs/a/one").answer->length, 40u);
}

// A put to a new name is done while its directory is removed and purged.
TEST_F(PurgedVersions,
       ComeBackIfTheyHadNoVersionWhenTheyWerePurged) { // SPEC S1
  const auto one = create("/docs/a/one")->inode;
  const auto two = create("/docs/a/two")->inode;
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/a", true}));
  EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
  note(one, 1, 10);
  while (apply(collect_garbage{1})->more) {
  }
  restart();
  EXPECT_EQ(tree->released_versions({}, 9),
            (std::vector{msg::purged_file{two, 0, version_number{1}}}))
    << "no content is closed";
  note(two, 1, 20);
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 2u);
  EXPECT_TRUE(tree->released_versions({}, 9).empty());
}

// The note comes between the purge and its slices.
TEST_F(PurgedVersions, AreRescuedWhileTheirTreeIsTakenApart) { // SPEC S1
  const auto one = file("/docs/a/one");
  const auto two = file("/docs/two");
  for (const auto inode : {one, two})
    note(inode, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/a"}));
  EXPECT_TRUE(mkdir("/docs/two"));
  EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
  for (const auto inode : {one, two})
    note(inode, 3, 30);
  EXPECT_EQ(tree->state().trashed_files, 2u);
  restart();
  while (apply(collect_garbage{1})->more) {
  }
  const auto listed = *tree->trash({}).answer;
  ASSERT_EQ(listed.entries.size(), 2u);
  EXPECT_EQ(listed.entries[0].path, "/docs/two");
  EXPECT_EQ(listed.entries[1].path, "/docs/a/one");
  EXPECT_TRUE(unnamed.empty());
}

TEST_F(PurgedVersions, EndInTheTrash) {
  const auto one = file("/docs/one");
  const auto two = file("/docs/sub/two");
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/one"}));
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/sub", true}));
  EXPECT_EQ(tree->state().trashed_files, 2u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, one}));
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 1u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, two}));
  EXPECT_EQ(tree->state().trashed_files, 0u);
  purge();
  EXPECT_TRUE(unnamed.empty());
}

} // namespace
} // namespace dfs::core
