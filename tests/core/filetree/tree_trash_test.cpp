#include "core/filetree/tree_fixture.hpp"

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using dfs::test::refusal;
using test::written;

struct TreeTrash : tree_fixture {};

TEST_F(TreeTrash, RemovesToTheTrashAndBringsBack) { // SPEC G12
  file("/a/f", {written(1, 10)});
  file("/a/g");
  EXPECT_EQ(refusal(change(msg::remove_entry{0, "/a"})), ec::not_empty);
  const auto removed = change(msg::remove_entry{0, "/a", true});
  EXPECT_EQ(removed->files, 2u);
  EXPECT_EQ(look("/a/f"), ec::not_found);
  EXPECT_TRUE(released.empty());
  const auto trash = tree->trash({}).answer->entries;
  ASSERT_EQ(trash.size(), 1u);
  EXPECT_EQ(trash[0].trash_id, removed->trash_id);
  EXPECT_EQ(trash[0].files, 2u);
  EXPECT_EQ(trash[0].purged - trash[0].removed, 72h);
  mkdir("/a");
  EXPECT_EQ(refusal(change(msg::restore_trash{0, 0, "/a", ""})), ec::exists);
  EXPECT_TRUE(change(msg::restore_trash{0, 0, "/a", "/new/place"}));
  EXPECT_EQ(tree->status("/new/place/f").answer->length, 10u);
  EXPECT_EQ(refusal(change(msg::restore_trash{0, removed->trash_id, "", ""})),
            ec::not_found);
}

TEST_F(TreeTrash, BringsTheNewestOfThatPathBack) { // SPEC G12
  for (const std::uint32_t bytes : {1, 2, 3}) {
    file("/f", {written(bytes, bytes)}); // Each replaces the one before.
    now += 1s;
  }
  EXPECT_TRUE(change(msg::remove_entry{0, "/f"}));
  EXPECT_EQ(change(msg::restore_trash{0, 0, "/f", ""})->length, 3u);
  EXPECT_EQ(change(msg::restore_trash{0, 0, "/f", "/g"})->length, 2u);
}

TEST_F(TreeTrash, ListsTheTrashInPages) {
  for (int i = 0; i < 10; ++i) {
    file("/f");
    EXPECT_TRUE(change(msg::remove_entry{0, "/f"}));
  }
  std::set<std::uint64_t> seen;
  msg::list_trash asked{0, 3};
  for (auto more = true; more;) {
    const auto page = *tree->trash(asked).answer;
    more = page.more;
    for (const auto& x : page.entries)
      seen.insert(x.trash_id);
    asked.after = page.entries.back().trash_id;
  }
  EXPECT_EQ(seen.size(), 10u);
}

TEST_F(TreeTrash, PurgesInSlices) { // SPEC G12, I4
  for (std::uint64_t i = 0; i < 300; ++i)
    file("/d/" + std::to_string(i % 7) + "/" + std::to_string(i),
         {written(2 * i + 1, 1), written(2 * i + 2, 1)});
  const auto removed = change(msg::remove_entry{0, "/d", true});
  EXPECT_TRUE(change(msg::purge_trash{0, removed->trash_id}));
  EXPECT_EQ(refusal(change(msg::purge_trash{0, removed->trash_id})),
            ec::not_found);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  EXPECT_EQ(refusal(change(msg::restore_trash{0, removed->trash_id, "", ""})),
            ec::not_found);
  EXPECT_TRUE(apply(collect_garbage{100})->more);
  EXPECT_LE(released.size(), 100u);
  restart(); // In the middle.
  tree->check();
  collect();
  EXPECT_EQ(released.size(), 600u);
  EXPECT_EQ(tree->state().nodes.size(), 1u);
}

TEST_F(TreeTrash, PurgesAllThatIsThere) { // SPEC G12
  file("/a", {written(1, 1)});
  file("/b", {written(2, 1)});
  EXPECT_TRUE(change(msg::remove_entry{0, "/a"}));
  EXPECT_TRUE(change(msg::remove_entry{0, "/b"}));
  EXPECT_EQ(change(msg::purge_trash{0, 0, true})->files, 2u);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  file("/c");
  EXPECT_TRUE(change(msg::remove_entry{0, "/c"}));
  restart();
  collect();
  EXPECT_EQ(released.size(), 2u);
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 1u);
}

TEST_F(TreeTrash, PurgesWhatLayThereLongEnough) { // SPEC G12
  file("/a", {written(1, 1)});
  EXPECT_TRUE(change(msg::remove_entry{0, "/a"}));
  now += 72h - 1ms;
  collect();
  EXPECT_TRUE(released.empty());
  now += 1ms;
  collect();
  EXPECT_EQ(released, std::set{chunk_id{1}});
}

TEST_F(TreeTrash, SaysWhatIsNotThere) { // SPEC S4
  const auto by_id = change(msg::restore_trash{0, 99, "", ""});
  ASSERT_EQ(refusal(by_id), ec::not_found);
  EXPECT_EQ(by_id.error().context, "nothing in the trash has the id 99");
  const auto by_path = change(msg::restore_trash{0, 0, "/a", ""});
  ASSERT_EQ(refusal(by_path), ec::not_found);
  EXPECT_EQ(by_path.error().context, "nothing in the trash was at /a");
}

// Half of something is never brought back.
TEST_F(TreeTrash, RestoresNothingThatIsBeingPurged) {
  for (std::uint64_t i = 1; i <= 20; ++i)
    file("/d/" + std::to_string(i), {written(i, 1)});
  const auto id = change(msg::remove_entry{0, "/d", true})->trash_id;
  now += 72h;
  EXPECT_TRUE(apply(collect_garbage{10})->more);
  const msg::restore_trash request{0, id, "", ""};
  EXPECT_EQ(refusal(change(request)), ec::not_found);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  restart();
  EXPECT_EQ(refusal(change(request)), ec::not_found);
  collect();
  EXPECT_EQ(released.size(), 20u);
}

} // namespace
} // namespace dfs::core
