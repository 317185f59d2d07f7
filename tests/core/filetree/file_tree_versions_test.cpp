#include "core/filetree/versioned_names.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using dfs::test::refusal;
using msg::storage_class;
using msg::version_kind;
using test::describe;
using test::written;

using VersionedNames = test::versioned_names;

TEST_F(VersionedNames, DirectoriesHaveAClass) { // SPEC V9
  EXPECT_EQ(tree->status("/docs").answer->where, storage_class::versioned);
  EXPECT_EQ(tree->status("/raw").answer->where, storage_class::chunked);
  EXPECT_EQ(mkdir("/docs/a/b", {}, true)->where, storage_class::versioned);
  EXPECT_EQ(tree->status("/docs/a").answer->where, storage_class::versioned);
  EXPECT_EQ(mkdir("/docs/raw", storage_class::chunked)->where,
            storage_class::chunked);
  EXPECT_TRUE(change(msg::create_file{0, "/docs/raw/f"}));
  const auto listed = *tree->list({"/", {}, 0, false, {}}).answer;
  ASSERT_EQ(listed.entries.size(), 2u);
  EXPECT_EQ(listed.entries[0].where, storage_class::versioned);
  EXPECT_EQ(listed.entries[1].where, storage_class::chunked);
  restart();
  EXPECT_EQ(tree->status("/docs/a").answer->where, storage_class::versioned);
}

TEST_F(VersionedNames, ADirectoryKeepsItsClass) { // SPEC V9
  EXPECT_TRUE(mkdir("/docs", storage_class::versioned, true));
  EXPECT_TRUE(mkdir("/docs", storage_class::as_above, true));
  EXPECT_EQ(refusal(mkdir("/docs", storage_class::chunked, true)), ec::exists);
  EXPECT_TRUE(change(msg::create_file{0, "/raw/f"}));
  EXPECT_EQ(refusal(mkdir("/raw", storage_class::versioned, true)), ec::exists);
  EXPECT_EQ(refusal(mkdir("/", storage_class::versioned, true)), ec::exists);
  EXPECT_EQ(tree->status("/raw").answer->where, storage_class::chunked);
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/docs/two", false,
                                               storage_class::as_above, 2})),
            ec::unsupported);
  // Moved, it takes it along.
  EXPECT_TRUE(change(msg::rename_entry{0, "/docs", "/raw/docs"}));
  EXPECT_EQ(tree->status("/raw/docs").answer->where, storage_class::versioned);
}

TEST_F(VersionedNames, AreMadeOnce) { // SPEC V9
  const msg::create_versioned x{77, "/docs/new/f", true};
  const auto made = apply(x);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->kind, msg::entry_kind::file);
  EXPECT_EQ(made->where, storage_class::versioned);
  EXPECT_EQ(made->version, version_number{});
  EXPECT_EQ(tree->status("/docs/new").answer->where, storage_class::versioned);
  const auto before = tree->applied();
  EXPECT_EQ(apply(x)->inode, made->inode);
  EXPECT_EQ(tree->applied(), before);
  EXPECT_EQ(create("/docs/new/f")->inode, made->inode) << "another request";
  restart();
  EXPECT_EQ(apply(x)->inode, made->inode);
  EXPECT_EQ(tree->locate("/docs/new/f").answer->status.inode, made->inode);
}

// A position of now would have the group take a put to a file that it forgot.
TEST_F(VersionedNames, AreNotMadeAgainByTheSameRequest) { // SPEC V9
  const msg::create_versioned x{77, "/docs/f", true};
  const auto made = apply(x)->inode;
  note(made, 1, 10);
  EXPECT_TRUE(change(msg::rename_entry{0, "/docs/f", "/docs/g"}));
  EXPECT_EQ(apply(x)->path, "/docs/g");
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, made}));
  EXPECT_EQ(dfs::test::refusal(apply(x)), ec::not_found);
  restart();
  EXPECT_EQ(dfs::test::refusal(apply(x)), ec::not_found);
  EXPECT_NE(create("/docs/f")->inode, made) << "another request";
}

TEST_F(VersionedNames, RefusePathsOfOtherClasses) { // SPEC V9
  EXPECT_TRUE(change(msg::create_file{0, "/raw/f"}));
  for (const char* path : {"/raw/f", "/raw/g", "/g", "/raw/new/g"}) {
    EXPECT_EQ(refusal(tree->locate(path).answer), ec::unsupported) << path;
    EXPECT_EQ(refusal(create(path)), ec::unsupported) << path;
  }
  EXPECT_EQ(tree->locate("/raw/f").answer.error().context,
            "/raw/f is of class chunked, not versioned");
  for (const char* path : {"/", "/docs", "/raw"}) {
    EXPECT_EQ(refusal(tree->locate(path).answer), ec::is_directory) << path;
    EXPECT_EQ(refusal(create(path)), ec::is_directory) << path;
  }
  EXPECT_EQ(refusal(tree->locate("/docs/f").answer), ec::not_found);
  EXPECT_EQ(refusal(tree->locate("/docs/no/f").answer), ec::not_found);
  EXPECT_EQ(refusal(tree->locate("docs").answer), ec::invalid_argument);
  EXPECT_EQ(refusal(change(msg::create_versioned{0, "/docs/no/f", false})),
            ec::not_found);
  file("/docs/f");
  EXPECT_EQ(refusal(tree->locate("/docs/f/g").answer), ec::not_directory);
  EXPECT_EQ(refusal(create("/docs/f/g")), ec::not_directory);
  EXPECT_EQ(refusal(tree->locate("/raw/f/g").answer), ec::not_directory);
}

TEST_F(VersionedNames, HaveNoChunks) { // SPEC V9
  const auto inode = file("/docs/f");
  for (const char* path : {"/docs/f", "/docs/g"}) {
    EXPECT_EQ(refusal(change(msg::create_file{0, path})), ec::unsupported);
    EXPECT_EQ(refusal(change(
                msg::commit_file{0, path, true, true, {written(1, 1)}, 0})),
              ec::unsupported);
    EXPECT_EQ(
      refusal(change(msg::begin_upload{0, path, true, true, 0, "source"})),
      ec::unsupported);
  }
  EXPECT_EQ(refusal(change(msg::commit_file{0, "/docs", true, true, {}, 0})),
            ec::is_directory);
  EXPECT_EQ(refusal(tree->layout({"/docs/f", 0}).answer), ec::unsupported);
  EXPECT_EQ(refusal(tree->growing(inode, {}).answer), ec::unsupported);
  EXPECT_EQ(refusal(apply(append_chunk{inode, {}, {}, chunk_id{1}, {}, {}})),
            ec::unsupported);
  // An upload may find another directory in the end.
  const auto upload
    = change(msg::begin_upload{0, "/raw/x/u", false, true, 0, ""});
  ASSERT_TRUE(upload);
  EXPECT_TRUE(change(msg::remove_entry{0, "/raw", true}));
  EXPECT_TRUE(mkdir("/raw", storage_class::versioned));
  EXPECT_EQ(refusal(change(msg::finish_upload{0, upload->upload})),
            ec::unsupported);
}

TEST_F(VersionedNames, AreHiddenWithoutAVersion) { // SPEC V9
  const auto inode = create("/docs/f")->inode;
  EXPECT_EQ(look("/docs/f"), ec::not_found);
  EXPECT_EQ(look("/docs/f/g"), ec::not_found);
  EXPECT_TRUE(names("/docs").empty());
  EXPECT_EQ(usage("/docs").files, 0u);
  EXPECT_EQ(tree->status("/docs").answer->entries, 0u);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/docs/f", "/docs/g"})),
            ec::not_found);
  EXPECT_EQ(refusal(change(msg::remove_entry{0, "/docs/f"})), ec::not_found);
  EXPECT_EQ(tree->locate("/docs/f").answer->status.inode, inode);
  note(inode, 1, 10);
  EXPECT_EQ(names("/docs"), std::vector<std::string>{"f"});
  const auto seen = *tree->status("/docs/f").answer;
  EXPECT_EQ(seen.version, version_number{1});
  EXPECT_EQ(seen.length, 10u);
  EXPECT_EQ(seen.modified, 5ms);
  EXPECT_EQ(usage("/").bytes, 10u);
  EXPECT_EQ(usage("/").files, 1u);
  EXPECT_EQ(tree->status("/docs").answer->entries, 1u);
}

TEST_F(VersionedNames, AreHiddenWhileTheyAreDeleted) { // SPEC V9
  const auto inode = file("/docs/f");
  file("/docs/g", 3);
  note(inode, 2, 0, version_kind::deleted);
  EXPECT_EQ(look("/docs/f"), ec::not_found);
  EXPECT_EQ(names("/docs"), std::vector<std::string>{"g"});
  EXPECT_EQ(usage("/docs").bytes, 3u);
  restart();
  EXPECT_EQ(look("/docs/f"), ec::not_found);
  // It can be brought back, or put again.
  EXPECT_EQ(tree->locate("/docs/f").answer->status.inode, inode);
  EXPECT_EQ(create("/docs/f")->inode, inode);
  note(inode, 3, 7);
  EXPECT_EQ(tree->status("/docs/f").answer->length, 7u);
}

TEST_F(VersionedNames, BelieveTheHighestVersion) { // I7
  const auto inode = file("/docs/f");
  note(inode, 3, 30);
  note(inode, 2, 20);
  note(inode, 3, 33, version_kind::deleted);
  EXPECT_EQ(tree->status("/docs/f").answer->length, 30u);
  note(inode_id{99}, 9, 9); // Nobody knows it.
  note(inode_id{1}, 9, 9);  // The root.
  EXPECT_EQ(tree->status("/docs/f").answer->version, version_number{3});
}

TEST_F(VersionedNames, WriteLengthsLater) {
  const auto inode = create("/docs/f")->inode;
  tree_changes out;
  const auto noted = [&](std::uint64_t newest, std::uint64_t bytes) {
    return msg::versions_noted{
      {{inode, version_number{newest}, version_kind::content, bytes, 1}}, {}};
  };
  ASSERT_TRUE(tree->apply(noted(1, 10), now, out));
  EXPECT_EQ(out.rows.size(), 1u) << "a name has come";
  ASSERT_TRUE(tree->apply(noted(2, 20), now, out));
  EXPECT_EQ(out.rows.size(), 1u);
  tree->take_grown(out);
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(std::get<version_row>(out.rows[1].value).bytes, 20u);
  take(out);
}

// Who may be answered when: a name that came or went is on the disk.
TEST_F(VersionedNames, AReadingDependsOnWhatHidesThem) {
  const auto inode = create("/docs/f")->inode;
  note(inode, 1, 10);
  const auto came = tree->applied();
  EXPECT_EQ(tree->status("/docs/f").seen, came);
  EXPECT_EQ(tree->list({"/docs", {}, 0, true, {}}).seen, came);
  note(inode, 2, 20);
  EXPECT_EQ(tree->status("/docs/f").seen, came) << "a length is information";
  note(inode, 3, 0, version_kind::deleted);
  EXPECT_EQ(tree->status("/docs/f").seen, tree->applied());
  EXPECT_EQ(tree->list({"/docs", {}, 0, true, {}}).seen, tree->applied());
}

TEST_F(VersionedNames, PositionsRiseOverLives) {
  const auto inode = file("/docs/f");
  const auto first = tree->locate("/docs/f").answer->looked_up_at;
  EXPECT_EQ(first, term << 40 | tree->applied());
  note(inode, 2, 1);
  const auto second = tree->locate("/docs/f").answer->looked_up_at;
  EXPECT_GT(second, first);
  restart();
  EXPECT_GT(tree->locate("/docs/f").answer->looked_up_at, second);
}

TEST_F(VersionedNames, MoveWithinTheirClass) { // SPEC V9
  const auto inode = file("/docs/f");
  EXPECT_TRUE(mkdir("/docs/sub"));
  EXPECT_EQ(change(msg::rename_entry{0, "/docs/f", "/docs/sub/g"})->inode,
            inode);
  EXPECT_EQ(tree->status("/docs/sub/g").answer->version, version_number{1});
  EXPECT_EQ(
    refusal(change(msg::rename_entry{0, "/docs/sub/g", "/raw/g", true})),
    ec::unsupported);
  EXPECT_TRUE(change(msg::create_file{0, "/raw/h"}));
  EXPECT_EQ(
    refusal(change(msg::rename_entry{0, "/raw/h", "/docs/sub/g", true})),
    ec::unsupported);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/raw/h", "/docs/h"})),
            ec::unsupported);
  // What is replaced can be brought back.
  const auto other = file("/docs/other", 4);
  EXPECT_TRUE(change(msg::rename_entry{0, "/docs/sub/g", "/docs/other", true}));
  EXPECT_EQ(tree->status("/docs/other").answer->inode, inode);
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs/other", "/docs/back"}));
  EXPECT_EQ(tree->status("/docs/back").answer->inode, other);
  EXPECT_EQ(tree->status("/docs/back").answer->length, 4u);
}

TEST_F(VersionedNames, ComeBackToTheirClass) { // SPEC V9, I6
  const auto inode = file("/docs/f");
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/f"}));
  EXPECT_EQ(refusal(change(msg::restore_trash{0, 0, "/docs/f", "/raw/f"})),
            ec::unsupported);
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs", true}));
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs/f", ""}));
  EXPECT_EQ(tree->status("/docs").answer->where, storage_class::versioned);
  EXPECT_EQ(tree->status("/docs/f").answer->inode, inode);
}

TEST_F(VersionedNames, DeletedOnesGiveWay) { // SPEC V9
  const auto inode = file("/docs/f");
  const auto other = file("/docs/g");
  note(inode, 2, 0, version_kind::deleted);
  EXPECT_TRUE(change(msg::rename_entry{0, "/docs/g", "/docs/f"}));
  EXPECT_EQ(tree->status("/docs/f").answer->inode, other);
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 1u) << "not lost";
  note(other, 2, 0, version_kind::deleted);
  EXPECT_TRUE(mkdir("/docs/f"));
  EXPECT_TRUE(change(msg::remove_entry{0, "/docs/f"}));
  // A put may be on its way to this one.
  EXPECT_TRUE(create("/docs/h"));
  file("/docs/i");
  EXPECT_EQ(refusal(mkdir("/docs/h")), ec::exists);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/docs/i", "/docs/h"})),
            ec::exists);
  EXPECT_TRUE(change(msg::rename_entry{0, "/docs/i", "/docs/h", true}));
}

TEST_F(VersionedNames, DirectoriesOfDeletedOnesAreEmpty) { // SPEC V9
  const auto inode = file("/docs/f");
  EXPECT_EQ(refusal(change(msg::remove_entry{0, "/docs"})), ec::not_empty);
  note(inode, 2, 0, version_kind::deleted);
  const auto fresh = create("/docs/g")->inode;
  EXPECT_EQ(refusal(change(msg::remove_entry{0, "/docs"})), ec::not_empty)
    << "a put may be on its way";
  note(fresh, 1, 0, version_kind::deleted);
  EXPECT_EQ(change(msg::remove_entry{0, "/docs"})->files, 0u);
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/docs", ""}));
  EXPECT_EQ(tree->locate("/docs/f").answer->status.inode, inode);
}

TEST_F(VersionedNames, DoNotLoadWhatCannotBe) {
  const auto load_one = [&](const node_row& node, const version_row& row) {
    file_tree other{config};
    const auto loaded = other.load_node(inode_id{1}, "f", node);
    return loaded ? refusal(other.load_version(node.inode, row))
                  : refusal(loaded);
  };
  node_row node;
  node.inode = inode_id{7};
  node.where = storage_class::versioned;
  const version_row good{version_number{1}, false, 5, 5};
  EXPECT_EQ(load_one(node, good), std::nullopt);
  EXPECT_EQ(load_one(node, {version_number{}, false, 5, 5}), ec::integrity);
  EXPECT_EQ(load_one(node, {version_number{1}, true, 5, 5}), ec::integrity);
  node.where = storage_class::chunked;
  EXPECT_EQ(load_one(node, good), ec::integrity);
  node.where = storage_class::content;
  EXPECT_EQ(load_one(node, good), ec::integrity);
  node.where = storage_class::versioned;
  node.chunks = 1;
  node.pieces = {{chunk_id{1}, 1}};
  EXPECT_EQ(load_one(node, good), ec::integrity);
}

// A file keeps the N, W and R of where it was made; its group does, too.
TEST_F(VersionedNames, FilesAreOfTheClassOfTheirPath) { // SPEC V2
  config.quorums
    = *quorum_classes::assign({}, {{"/docs/wide", msg::quorum_rule{5, 3, 3}}});
  const auto wide = config.quorums.of_path("/docs/wide");
  restart();
  const auto inode = file("/docs/wide/f");
  EXPECT_EQ(tree->class_of_file(inode), wide);
  EXPECT_EQ(tree->class_of_file(file("/docs/f")), 0);
  EXPECT_EQ(tree->locate("/docs/wide/f").answer->of_class, wide);
  ASSERT_TRUE(change(msg::rename_entry{0, "/docs/wide/f", "/docs/moved"}));
  flush();
  EXPECT_EQ(loaded()->locate("/docs/moved").answer->of_class, wide);
  EXPECT_EQ(tree->status("/docs/moved").answer->replication, 0);
  ASSERT_TRUE(change(msg::remove_entry{0, "/docs/moved"}));
  purge();
  const auto row
    = rows.at(numbered_key(tree_keys::released_versions, inode.value()));
  EXPECT_EQ(std::get<released_row>(row).of_class, wide);
}

// What `fsck` holds against the groups: lists hide what they should not, too.
TEST_F(VersionedNames, AreNamedWithWhatListsShow) { // SPEC S9
  ASSERT_TRUE(mkdir("/names", storage_class::versioned));
  ASSERT_TRUE(mkdir("/names/below"));
  const auto a = file("/names/a");
  const auto b = file("/names/b");
  note(b, 2, 0, version_kind::deleted, 7);
  ASSERT_TRUE(create("/names/c"));
  const auto all = tree->versioned_names({"/names", {}, 0}).answer;
  ASSERT_TRUE(all);
  ASSERT_EQ(all->entries.size(), 3u);
  EXPECT_EQ(all->entries[0],
            (msg::versioned_entry{"a", a, version_number{1}, false, 10, 5}));
  EXPECT_EQ(all->entries[1],
            (msg::versioned_entry{"b", b, version_number{2}, true, 0, 7}));
  EXPECT_EQ(all->entries[2].newest, version_number{});
  EXPECT_FALSE(all->more);
  const auto page = tree->versioned_names({"/names", {}, 2}).answer;
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->next, "b");
  const auto rest = tree->versioned_names({"/names", page->next, 2}).answer;
  ASSERT_EQ(rest->entries.size(), 1u);
  EXPECT_EQ(rest->entries[0].name, "c");
  EXPECT_FALSE(rest->more);
  const auto one = tree->versioned_names({"/names/b", {}, 0}).answer;
  ASSERT_EQ(one->entries.size(), 1u);
  EXPECT_EQ(one->entries[0].file, b);
  EXPECT_EQ(refusal(tree->versioned_names({"/names/x", {}, 0}).answer),
            ec::not_found);
}

TEST_F(VersionedNames, OfAGroupAreToldUpToTheHighestBallot) { // SPEC S9
  const auto tell = [&](std::uint64_t ballot) {
    EXPECT_TRUE(
      apply(msg::versions_noted{{}, {{group_id{3}, group_ballot{ballot}}}}));
  };
  tell(200);
  tell(100);
  EXPECT_EQ(tree->told_below(group_id{3}), group_ballot{200});
  restart();
  EXPECT_EQ(tree->told_below(group_id{3}), group_ballot{200});
  EXPECT_EQ(tree->told_below(group_id{4}), group_ballot{});
}

} // namespace
} // namespace dfs::core
