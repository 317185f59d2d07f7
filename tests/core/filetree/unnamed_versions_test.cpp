#include "core/filetree/versioned_names.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

// Versioned files that are newer than a backup which was restored.

namespace dfs::core {
namespace {

using dfs::test::refusal;
using msg::version_kind;

struct UnnamedVersions : test::versioned_names {
  /// What `restore` takes.
  void back_up() {
    flush();
    backed_up = rows;
    backed_up_in = term;
  }

  void lose_the_rest() {
    restore(backed_up, backed_up_in);
  }

  /// With a version, and a name that is lost.
  inode_id lost_file(const std::string& path) {
    const auto inode = file(path);
    lose_the_rest();
    return inode;
  }

  result<versions_adopted> adopt(std::uint32_t most = 10) {
    return apply(adopt_versions{"/lost+found", most});
  }

  static std::string path_of(inode_id file) {
    char text[64];
    std::snprintf(text, sizeof text, "/lost+found/versioned/file-%016llx",
                  static_cast<unsigned long long>(file.value()));
    return text;
  }

  std::map<std::string, row_value> backed_up;
  std::uint64_t backed_up_in = 0;
};

TEST_F(UnnamedVersions, AreCountedAndGetNames) { // SPEC G2, S9
  const auto known = file("/docs/known");
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(known, 2, 30);
  EXPECT_EQ(tree->unnamed(), 0u);
  note(lost, 1, 10, version_kind::content, 77);
  EXPECT_EQ(tree->unnamed(), 1u);
  EXPECT_EQ(look("/docs/lost"), ec::not_found);
  restart();
  EXPECT_EQ(tree->unnamed(), 1u);
  const auto made = adopt();
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->files,
            (std::vector<msg::adopted_orphan>{{path_of(lost), 10}}));
  EXPECT_FALSE(made->more);
  EXPECT_EQ(tree->unnamed(), 0u);
  const auto found = tree->status(path_of(lost)).answer;
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->inode, lost);
  EXPECT_EQ(found->length, 10u);
  EXPECT_EQ(found->modified.count(), 77);
  EXPECT_EQ(found->version, version_number{1});
  EXPECT_EQ(tree->status("/lost+found").answer->where,
            msg::storage_class::chunked);
  // Nothing is made twice, and it is a file as any other.
  EXPECT_TRUE(adopt()->files.empty());
  note(lost, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u);
  restart();
  note(lost, 2, 20);
  EXPECT_EQ(tree->status(path_of(lost)).answer->length, 20u);
  EXPECT_TRUE(change(msg::rename_entry{0, path_of(lost), "/docs/lost", false}));
}

TEST_F(UnnamedVersions, AreOfTheLostBranchOnly) { // SPEC G2
  const auto known = file("/docs/known");
  back_up();
  const auto lost = lost_file("/docs/lost");
  const auto later = file("/docs/later");
  EXPECT_GT(later, lost) << "no number is given again";
  // Known here, and unlinked: a late note makes nothing of them, nor does it
  // when the highest number of the backup is gone from the rows.
  for (const auto file : {known, later})
    EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, file}));
  restart();
  for (const auto file : {known, later})
    note(file, 5, 10);
  EXPECT_EQ(tree->unnamed(), 0u);
  note(lost, 1, 10);
  EXPECT_EQ(tree->unnamed(), 1u);
}

TEST_F(UnnamedVersions, AreNoneWhereNothingWasRestored) {
  const auto one = file("/docs/one");
  restart();
  note(inode_id{one.value() + 1}, 1, 10);
  note(inode_id{1'000'000}, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u);
  EXPECT_TRUE(tree->state().orphans.empty());
}

TEST_F(UnnamedVersions, OfTermsBeforeTheBackupAreKnown) {
  restart(); // A file of the term before that left no row.
  const inode_id gone{(term << 40) - 1};
  back_up();
  lose_the_rest();
  note(gone, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u);
}

TEST_F(UnnamedVersions, ThatAreDeletedStayWithoutNames) { // SPEC V9
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(lost, 1, 10);
  note(lost, 2, 0, version_kind::deleted);
  EXPECT_EQ(tree->unnamed(), 0u);
  note(lost, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u) << "late";
  restart();
  note(lost, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u) << "late";
  EXPECT_TRUE(adopt()->files.empty());
  EXPECT_EQ(look("/lost+found"), ec::not_found);
  // A client that knew the inode still has put it.
  note(lost, 3, 30);
  EXPECT_EQ(tree->unnamed(), 1u);
  note(lost, 4, 0, version_kind::closed);
  EXPECT_EQ(tree->unnamed(), 0u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, lost}));
  restart();
  note(lost, 9, 10);
  EXPECT_EQ(tree->unnamed(), 0u) << "its group has ended it";
}

TEST_F(UnnamedVersions, AreUnlinkedForGood) {
  back_up();
  const auto lost = lost_file("/docs/lost");
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, lost}));
  restart();
  note(lost, 9, 10);
  EXPECT_EQ(tree->unnamed(), 0u);
}

TEST_F(UnnamedVersions, ShowTheHighestVersion) {
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(lost, 3, 30);
  note(lost, 2, 20);
  EXPECT_TRUE(adopt());
  EXPECT_EQ(tree->status(path_of(lost)).answer->length, 30u);
}

TEST_F(UnnamedVersions, GetANameOnce) { // SPEC G12
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(lost, 1, 10);
  EXPECT_TRUE(adopt());
  EXPECT_TRUE(change(msg::remove_entry{0, "/lost+found", true}));
  purge();
  EXPECT_EQ(unnamed, std::set{lost});
  note(lost, 2, 20);
  EXPECT_EQ(tree->unnamed(), 0u);
  EXPECT_TRUE(apply(msg::unlink_file{group_id{1}, lost}));
  restart();
  note(lost, 3, 30);
  EXPECT_EQ(tree->unnamed(), 0u);
}

TEST_F(UnnamedVersions, NeedADirectoryOfTheirClass) {
  back_up();
  const auto lost = lost_file("/docs/lost");
  EXPECT_TRUE(
    mkdir("/lost+found/versioned", msg::storage_class::chunked, true));
  EXPECT_TRUE(adopt()) << "there are none";
  note(lost, 1, 10);
  EXPECT_EQ(refusal(adopt()), ec::unsupported);
  EXPECT_TRUE(
    change(msg::rename_entry{0, "/lost+found/versioned", "/raw/x", false}));
  EXPECT_TRUE(change(msg::create_file{0, "/lost+found/versioned"}));
  EXPECT_EQ(refusal(adopt()), ec::not_directory);
  EXPECT_TRUE(
    change(msg::rename_entry{0, "/lost+found/versioned", "/raw/y", false}));
  EXPECT_TRUE(mkdir("/lost+found/versioned", msg::storage_class::versioned));
  const auto taken = create(path_of(lost));
  EXPECT_EQ(refusal(adopt()), ec::exists);
  note(taken->inode, 1, 5);
  EXPECT_TRUE(change(msg::rename_entry{0, path_of(lost), "/docs/x", false}));
  EXPECT_TRUE(adopt());
  EXPECT_EQ(tree->status(path_of(lost)).answer->inode, lost);
}

TEST_F(UnnamedVersions, GetNamesInAnyDirectory) {
  back_up();
  std::vector<inode_id> lost;
  for (const auto* name : {"/docs/1", "/docs/2", "/docs/3"})
    lost.push_back(file(name));
  lose_the_rest();
  for (const auto* to : {"/", "/raw/", "/a/b"}) {
    note(lost.back(), 1, 10);
    lost.pop_back();
    EXPECT_EQ(apply(adopt_versions{to, 1})->files.size(), 1u) << to;
  }
  for (const auto* made : {"/versioned", "/raw/versioned", "/a/b/versioned"})
    EXPECT_EQ(names(made).size(), 1u) << made;
  EXPECT_EQ(tree->status("/a/b").answer->where, msg::storage_class::chunked);
  EXPECT_EQ(refusal(apply(adopt_versions{"/raw", 1})), std::nullopt);
}

TEST_F(UnnamedVersions, GetNamesPageByPage) {
  back_up();
  std::vector<inode_id> lost;
  for (const auto* name : {"/docs/1", "/docs/2", "/docs/3", "/docs/4"})
    lost.push_back(file(name));
  lose_the_rest();
  for (const auto file : lost)
    note(file, 1, 10);
  EXPECT_TRUE(adopt(3)->more);
  EXPECT_EQ(tree->unnamed(), 1u);
  restart(); // In the middle.
  const auto rest = adopt(3);
  EXPECT_EQ(rest->files.size(), 1u);
  EXPECT_FALSE(rest->more);
  EXPECT_EQ(names("/lost+found/versioned").size(), 4u);
}

TEST_F(UnnamedVersions, KeepTheirClass) { // SPEC V1
  config.quorums
    = *quorum_classes::assign({{"/docs", quorum_class{4}}}, {{"/docs", {}}});
  restart();
  back_up();
  const auto lost = file("/docs/lost");
  const auto far = file("/docs/far");
  lose_the_rest();
  msg::versions_noted notes{{{lost, version_number{1}, {}, 10, 5, 4},
                             {far, version_number{1}, {}, 10, 5, 9}},
                            {}};
  for (auto& x : notes.files)
    x.kind = version_kind::content;
  EXPECT_TRUE(apply(notes));
  EXPECT_EQ(tree->unnamed(), 2u);
  EXPECT_EQ(tree->state().nameable, std::set{lost}) << "all a page looks at";
  EXPECT_EQ(adopt()->files.size(), 1u) << "nobody knows the class of the other";
  EXPECT_EQ(tree->class_of_file(lost), 4);
  restart();
  EXPECT_EQ(tree->class_of_file(lost), 4);
  EXPECT_EQ(tree->unnamed(), 1u);
}

// A faulty file server must not write what ends each later master.
TEST_F(UnnamedVersions, WithoutAVersionAreNone) {
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(lost, 0, 10);
  note(lost, 0, 0, version_kind::deleted);
  EXPECT_EQ(tree->unnamed(), 0u);
  EXPECT_TRUE(adopt()->files.empty());
  restart();
  EXPECT_TRUE(tree->state().orphans.empty());
  note(lost, 0, 0, version_kind::closed);
  note(lost, 1, 10);
  EXPECT_EQ(tree->unnamed(), 0u) << "it had ended";
}

TEST_F(UnnamedVersions, AreNotLoadedFromRowsThatCannotBe) {
  const auto known = file("/docs/known");
  flush();
  const auto load = [&](inode_id inode, const orphan_row& row) {
    return refusal(loaded()->load_orphan(inode, row));
  };
  const inode_id other{known.value() + 1};
  orphan_row row{orphan_phase::waits, version_number{1}, 10, 5, 0};
  EXPECT_EQ(load(other, row), std::nullopt);
  EXPECT_EQ(load(known, row), ec::integrity) << "it has a name";
  row.newest = {};
  EXPECT_EQ(load(other, row), ec::integrity);
  row.phase = orphan_phase::ended;
  EXPECT_EQ(load(other, row), std::nullopt);
  for (const auto phase : {0, 4, 255}) {
    row.phase = orphan_phase{static_cast<std::uint8_t>(phase)};
    EXPECT_EQ(load(other, row), ec::integrity) << phase;
  }
}

TEST_F(UnnamedVersions, AreThereAfterAnotherRestore) {
  back_up();
  const auto lost = lost_file("/docs/lost");
  note(lost, 1, 10);
  back_up();
  const auto later = file("/docs/later");
  EXPECT_TRUE(adopt());
  lose_the_rest();
  note(lost, 1, 10);
  note(later, 1, 10);
  EXPECT_EQ(tree->unnamed(), 2u);
  EXPECT_EQ(adopt()->files.size(), 2u);
  EXPECT_EQ(tree->state().branches.size(), 2u);
}

} // namespace
} // namespace dfs::core
