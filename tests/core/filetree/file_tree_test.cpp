#include "core/filetree/tree_fixture.hpp"

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using dfs::test::refusal;
using test::written;

struct FileTree : tree_fixture {};

TEST_F(FileTree, HasARootFromTheStart) {
  const auto root = *tree->status("/").answer;
  EXPECT_EQ(root.kind, msg::entry_kind::directory);
  EXPECT_EQ(root.inode, inode_id{1});
  EXPECT_EQ(refusal(change(msg::remove_entry{0, "/", true})),
            ec::invalid_argument);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/", "/a"})),
            ec::invalid_argument);
  EXPECT_EQ(refusal(change(msg::create_file{0, "/"})), ec::is_directory);
}

TEST_F(FileTree, MakesDirectories) { // SPEC G1
  const auto made = change(msg::make_directory{0, "/a"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->path, "/a");
  EXPECT_EQ(made->created, now.time_since_epoch());
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/a"})), ec::exists);
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/x/y"})), ec::not_found);
  EXPECT_TRUE(change(msg::make_directory{0, "/a/b/c", true}));
  EXPECT_EQ(change(msg::make_directory{0, "/a/b", true})->entries, 1u);
  file("/f");
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/f/x", true})),
            ec::not_directory);
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/f", true})), ec::exists);
  EXPECT_EQ(refusal(change(msg::make_directory{0, "/a//b", true})),
            ec::invalid_argument);
}

TEST_F(FileTree, KeepsAsManyCopiesAsTheDirectoryAboveSays) { // SPEC V9
  EXPECT_EQ(change(msg::make_directory{0, "/two", false,
                                       msg::storage_class::chunked, 2})
              ->replication,
            2);
  EXPECT_EQ(change(msg::make_directory{0, "/two/deep/er", true})->replication,
            0); // None of its own.
  EXPECT_EQ(change(msg::create_file{0, "/two/f"})->replication, 2);
  EXPECT_EQ(change(msg::create_file{0, "/two/deep/er/f"})->replication, 2);
  EXPECT_EQ(change(msg::create_file{0, "/two/own", false, 5})->replication, 5);
  EXPECT_EQ(change(msg::create_file{0, "/f"})->replication, config.replication);
  msg::commit_file whole{0, "/two/new/g", false, true, {written(1, 10)}, 0};
  EXPECT_EQ(change(whole)->replication, 2);
  EXPECT_EQ(kept.back().replication, 2); // So says its chunk.
  const auto upload
    = change(msg::begin_upload{0, "/two/u", false, false, 0, ""});
  EXPECT_EQ(change(msg::finish_upload{0, upload->upload})->replication, 2);
  // A file that moves keeps what it has; the directory takes its own along.
  EXPECT_TRUE(change(msg::rename_entry{0, "/two/f", "/moved"}));
  EXPECT_EQ(tree->status("/moved").answer->replication, 2);
  EXPECT_TRUE(change(msg::rename_entry{0, "/two", "/zwei"}));
  restart();
  EXPECT_EQ(tree->status("/zwei").answer->replication, 2);
  EXPECT_EQ(change(msg::create_file{0, "/zwei/deep/h"})->replication, 2);
}

TEST_F(FileTree, RefusesDirectoriesThatItCannotKeep) { // SPEC V9
  const auto make = [&](const std::string& path, bool parents,
                        msg::storage_class where, std::uint8_t replication) {
    return refusal(
      change(msg::make_directory{0, path, parents, where, replication}));
  };
  using msg::storage_class;
  for (const auto where :
       {storage_class::content, storage_class::shared, storage_class{9}})
    EXPECT_EQ(make("/a", false, where, 0), ec::unsupported);
  EXPECT_EQ(make("/a", false, storage_class::chunked, 9), ec::invalid_argument);
  EXPECT_EQ(look("/a"), ec::not_found);
  // One that is there is fine if it is as asked for.
  EXPECT_TRUE(
    change(msg::make_directory{0, "/a", true, storage_class::chunked, 2}));
  EXPECT_TRUE(
    change(msg::make_directory{0, "/a", true, storage_class::chunked, 2}));
  EXPECT_TRUE(change(msg::make_directory{0, "/a", true}));
  EXPECT_EQ(make("/a", true, storage_class::chunked, 3), ec::exists);
  EXPECT_EQ(tree->status("/a").answer->replication, 2);
}

TEST_F(FileTree, SaysHowFarAPathLeads) { // SPEC S7
  mkdir("/a");
  file("/a/f");
  EXPECT_EQ(tree->status("/a/b/c").answer.error().context,
            "/a/b/c: there is no /a/b");
  EXPECT_EQ(tree->status("/a/f/c").answer.error().context,
            "/a/f/c: /a/f is a file");
  EXPECT_EQ(tree->status("/a/x").answer.error().context, "/a/x: not found");
}

TEST_F(FileTree, TouchesFiles) { // SPEC G1
  const auto made = change(msg::create_file{0, "/f", true, 2});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->replication, 2);
  EXPECT_EQ(refusal(change(msg::create_file{0, "/f", true})), ec::exists);
  EXPECT_EQ(refusal(change(msg::create_file{0, "/g", true, 9})),
            ec::invalid_argument);
  now += 5s;
  const auto again = change(msg::create_file{0, "/f"});
  EXPECT_EQ(again->inode, made->inode);
  EXPECT_EQ(again->created, made->created);
  EXPECT_EQ(again->modified, made->modified + 5s);
  mkdir("/d");
  EXPECT_EQ(refusal(change(msg::create_file{0, "/d"})), ec::is_directory);
}

TEST_F(FileTree, RenamesFilesAndTreesAtOnce) { // SPEC G1
  file("/a/b/f", {written(1, 10)});
  const auto before = tree->status("/a/b/f").answer->inode;
  EXPECT_TRUE(change(msg::rename_entry{0, "/a/b", "/c"}));
  EXPECT_EQ(tree->status("/c/f").answer->inode, before);
  EXPECT_EQ(look("/a/b/f"), ec::not_found);
  EXPECT_EQ(tree->usage("/a").answer->bytes, 0u);
  EXPECT_EQ(tree->usage("/c").answer->bytes, 10u);
  EXPECT_TRUE(change(msg::rename_entry{0, "/c", "/c"}));
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/c", "/c/d"})),
            ec::invalid_argument);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/c", "/c/f/d"})),
            ec::not_directory);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/x", "/y"})), ec::not_found);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/c", "/y/z"})), ec::not_found);
}

TEST_F(FileTree, ReplacesByForceOnly) { // I5
  file("/new", {written(1, 1)});
  file("/old", {written(2, 2)});
  mkdir("/empty");
  mkdir("/full/x");
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/new", "/old"})), ec::exists);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/new", "/full", true})),
            ec::is_directory);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/empty", "/old", true})),
            ec::not_directory);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/empty", "/full", true})),
            ec::not_empty);
  EXPECT_TRUE(change(msg::rename_entry{0, "/new", "/old", true}));
  EXPECT_EQ(tree->status("/old").answer->length, 1u);
  EXPECT_TRUE(change(msg::rename_entry{0, "/full", "/empty", true}));
  EXPECT_EQ(names("/empty"), std::vector<std::string>{"x"});
  const auto trash = tree->trash({}).answer->entries;
  ASSERT_EQ(trash.size(), 2u);
  EXPECT_EQ(trash[0].path, "/empty"); // Newest first.
  EXPECT_EQ(trash[1].path, "/old");
  EXPECT_EQ(trash[1].bytes, 2u);
}

// No path gets longer than paths may be, also not by moving what is above it.
TEST_F(FileTree, KeepsPathsShortEnough) {
  const std::string part = "/" + std::string(200, 'x');
  std::string deep = "/d";
  for (int i = 0; i < 15; ++i)
    deep += part;
  mkdir(deep);
  std::string far;
  for (int i = 0; i < 6; ++i)
    far += part;
  mkdir(far);
  const auto refused = change(msg::rename_entry{0, "/d", far + "/d"});
  EXPECT_EQ(refusal(refused), ec::invalid_argument);
  EXPECT_NE(refused.error().context.find("4096"), std::string::npos);
  // Nor a tree that is not so deep, at a place that is deeper.
  std::string tall;
  for (int i = 0; i < 9; ++i)
    tall += part;
  mkdir("/e" + tall);
  EXPECT_EQ(refusal(change(msg::rename_entry{0, "/e", deep + "/e"})),
            ec::invalid_argument);
  // What was deep once is not deep for ever.
  EXPECT_TRUE(change(msg::remove_entry{0, "/d" + part, true}));
  EXPECT_TRUE(change(msg::rename_entry{0, "/d", far + "/d"}));
}

TEST_F(FileTree, HasOneEffectAndOneAnswerPerRequest) { // I2, SPEC S7
  const msg::commit_file request{77, "/f", true, false, {written(1, 5)}, 0};
  const auto first = apply(request);
  const auto trash = [&] { return tree->trash({}).answer->entries.size(); };
  EXPECT_EQ(*apply(request), *first);
  EXPECT_EQ(trash(), 0u) << "it would have replaced itself";
  restart();
  EXPECT_EQ(apply(request)->inode, first->inode);
  EXPECT_TRUE(change(msg::rename_entry{0, "/f", "/g"}));
  EXPECT_EQ(apply(request)->path, "/g");
  const msg::remove_entry removal{78, "/g"};
  const auto removed = apply(removal);
  EXPECT_EQ(*apply(removal), *removed);
  EXPECT_EQ(apply(request)->inode, first->inode) << "it was made once";
  EXPECT_EQ(trash(), 1u);
  EXPECT_EQ(refusal(apply(msg::make_directory{78, "/x"})),
            ec::invalid_argument);
  EXPECT_EQ(refusal(apply(msg::make_directory{0, "/x"})), ec::invalid_argument);
}

TEST_F(FileTree, RemembersRequestsForTenMinutes) {
  EXPECT_TRUE(apply(msg::create_file{5, "/f"}));
  now += 10min;
  collect();
  EXPECT_EQ(refusal(apply(msg::make_directory{5, "/d"})), ec::invalid_argument);
  now += 3min;
  collect();
  EXPECT_TRUE(apply(msg::make_directory{5, "/d"}));
}

TEST(FileTreeLimits, RefusesWhatItCouldNotRemember) {
  test::tree_under_test small{{.requests_max = 3, .uploads_max = 1}};
  EXPECT_TRUE(small.change(msg::begin_upload{0, "/a", false, false, 0, ""}));
  EXPECT_EQ(
    refusal(small.change(msg::begin_upload{0, "/b", false, false, 0, ""})),
    ec::busy);
  EXPECT_TRUE(small.change(msg::create_file{0, "/b"}));
  EXPECT_TRUE(small.change(msg::create_file{0, "/c"}));
  EXPECT_EQ(refusal(small.change(msg::create_file{0, "/d"})), ec::busy);
  EXPECT_TRUE(small.apply(msg::create_file{small.requests - 1, "/c"}));
}

// Rows that say nothing of a request, or once more what another one said.
TEST(FileTreeLimits, ARowOfNoNewRequestTakesNoRoom) { // SPEC S7
  test::tree_under_test small{{.requests_max = 2}};
  EXPECT_TRUE(small.change(msg::create_file{0, "/a"}));
  small.tree->load_request(1, 0, {});
  small.tree->load_request(1, small.requests, {});
  EXPECT_TRUE(small.change(msg::create_file{0, "/b"}));
  EXPECT_EQ(refusal(small.change(msg::create_file{0, "/c"})), ec::busy);
}

TEST_F(FileTree, ListsInPages) {
  for (int i = 0; i < 100; ++i)
    file("/d/" + std::to_string(1'000 + i));
  mkdir("/d/zz");
  std::vector<std::string> all;
  msg::list_directory asked{"/d", {}, 7, false, {}};
  for (auto more = true; more;) {
    const auto page = *tree->list(asked).answer;
    EXPECT_LE(page.entries.size(), 7u);
    for (const auto& x : page.entries)
      all.push_back(x.name);
    more = page.more;
    asked.after = page.next;
    // What comes and goes meanwhile hides nothing that stays.
    EXPECT_TRUE(change(msg::remove_entry{0, "/d/" + all.front()}));
    file("/d/" + all.front());
  }
  EXPECT_EQ(all, names("/d"));
  const auto one = *tree->list({"/d/1005", {}, 0, false, {}}).answer;
  EXPECT_EQ(one.entries[0].name, "1005");
  EXPECT_FALSE(one.more);
}

TEST_F(FileTree, ListsWhatMatches) {
  for (const char* name : {"a1", "a2", "b1", "b10", "c"})
    file(std::string{"/"} + name);
  const auto match = [&](const char* pattern, const char* after = "") {
    std::string text;
    const auto page = *tree->list({"/", after, 0, true, pattern}).answer;
    for (const auto& x : page.entries)
      text += x.name + " ";
    return text;
  };
  EXPECT_EQ(match("*1"), "a1 b1 ");
  EXPECT_EQ(match("b*"), "b1 b10 ");
  EXPECT_EQ(match("b*", "b1"), "b10 ");
  EXPECT_EQ(match("b*", "a1"), "b1 b10 ");
  EXPECT_EQ(match("b*", "c"), "");
  EXPECT_EQ(match("c"), "c ");
  EXPECT_EQ(refusal(tree->list({"/", "", 0, true, "["}).answer),
            ec::invalid_argument);
}

// Who may be answered when: what a reading depends on, and nothing else.
TEST_F(FileTree, KnowsWhatAReadingDependsOn) {
  mkdir("/old");
  file("/old/f");
  mkdir("/new");
  const auto settled = tree->applied();
  file("/new/g");
  const auto made = tree->applied();
  EXPECT_LE(tree->status("/old/f").seen, settled);
  EXPECT_LE(tree->status("/old").seen, settled);
  EXPECT_EQ(tree->status("/new/g").seen, made);
  EXPECT_EQ(tree->status("/new").seen, made);
  EXPECT_EQ(tree->status("/new/absent").seen, made);
  EXPECT_LE(tree->status("/old/absent").seen, settled);
  EXPECT_EQ(tree->list({"/new", {}, 0, true, {}}).seen, made);
  EXPECT_TRUE(change(msg::rename_entry{0, "/old", "/moved"}));
  const auto moved = tree->applied();
  EXPECT_EQ(tree->status("/moved/f").seen, moved);
  EXPECT_EQ(tree->status("/old/f").seen, moved);
  EXPECT_LE(tree->status("/new/g").seen, made);
  EXPECT_EQ(tree->layout({"/moved/f", 0}).seen, moved);
}

} // namespace
} // namespace dfs::core
