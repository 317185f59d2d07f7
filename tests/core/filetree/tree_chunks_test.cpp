#include "core/filetree/tree_fixture.hpp"

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using dfs::test::refusal;
using test::written;

struct TreeChunks : tree_fixture {};

TEST_F(TreeChunks, MakesWholeFilesAtOnce) { // SPEC G2
  const auto made = change(msg::commit_file{
    0, "/a/f", false, true, {written(5, 10), written(6, 3)}, 2});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->length, 13u);
  EXPECT_EQ(made->chunks, 2u);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].file, made->inode);
  EXPECT_EQ(kept[0].replication, 2);
  EXPECT_EQ(kept[0].chunks.size(), 2u);
  const auto row = std::get<chunk_row>(
    rows.at(chunk_row_key(chunk_id{5}, chunk_row_writer::file)));
  EXPECT_EQ(row.file, made->inode);
  EXPECT_EQ(row.extent.length, 10u);
  EXPECT_EQ(row.set, std::vector{store_id{7}});
  EXPECT_EQ(refusal(change(msg::commit_file{0, "/a/f", false, false, {}, 0})),
            ec::exists);
  EXPECT_EQ(refusal(change(msg::commit_file{0, "/a", true, false, {}, 0})),
            ec::is_directory);
  EXPECT_EQ(refusal(change(msg::commit_file{0, "/x/f", false, false, {}, 0})),
            ec::not_found);
  EXPECT_EQ(refusal(change(msg::commit_file{
              0, "/g", false, false, {written(9, 1), written(9, 1)}, 0})),
            ec::invalid_argument);
  EXPECT_EQ(refusal(change(msg::commit_file{
              0, "/g", false, false,
              std::vector<msg::written_chunk>(17, written(9, 1)), 0})),
            ec::invalid_argument);
}

TEST_F(TreeChunks, CountsNoPadding) { // SPEC G7
  auto padded = written(1, 100);
  padded.extent.padded_from = 60;
  file("/f", {padded, written(2, 5)});
  EXPECT_EQ(tree->status("/f").answer->length, 65u);
}

TEST_F(TreeChunks, TakesUploadsPieceByPiece) {
  const auto begun
    = change(msg::begin_upload{0, "/up/big", false, true, 0, "12 bytes"});
  ASSERT_TRUE(begun);
  EXPECT_EQ(look("/up"), ec::not_found) << "invisible before its end";
  std::uint64_t chunk = 0;
  for (std::uint32_t first = 0; first < 200; first += 10) {
    std::vector<msg::written_chunk> next;
    for (int i = 0; i < 10; ++i)
      next.push_back(written(++chunk, 7));
    const auto grown
      = change(msg::extend_upload{0, begun->upload, first, next});
    ASSERT_TRUE(grown) << grown.error().context;
    EXPECT_EQ(grown->chunks, first + 10);
    EXPECT_EQ(
      refusal(change(msg::extend_upload{0, begun->upload, first, next})),
      ec::invalid_argument)
      << "a gap";
    if (first == 100)
      restart();
  }
  EXPECT_EQ(tree->find_upload("/up/big").answer->source, "12 bytes");
  EXPECT_EQ(tree->find_upload("/up/big").answer->length, 1'400u);
  const auto finished = change(msg::finish_upload{0, begun->upload});
  ASSERT_TRUE(finished) << finished.error().context;
  EXPECT_EQ(finished->path, "/up/big");
  EXPECT_EQ(finished->length, 1'400u);
  EXPECT_EQ(tree->layout({"/up/big", 130}).answer->chunks[0].chunk,
            chunk_id{131});
  EXPECT_EQ(refusal(change(msg::finish_upload{0, begun->upload})),
            ec::not_found);
  EXPECT_TRUE(change(msg::remove_entry{0, "/up", true}));
  EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
  collect();
  EXPECT_EQ(released.size(), 200u);
}

TEST_F(TreeChunks, DropsUploadsThatNobodyGoesOnWith) {
  const auto old = change(msg::begin_upload{0, "/a", false, false, 0, ""});
  EXPECT_TRUE(change(msg::extend_upload{0, old->upload, 0, {written(1, 1)}}));
  now += 20h;
  const auto touched = change(msg::begin_upload{0, "/b", false, false, 0, ""});
  now += 4h;
  collect();
  EXPECT_EQ(released, std::set{chunk_id{1}});
  EXPECT_EQ(refusal(change(msg::finish_upload{0, old->upload})), ec::not_found);
  EXPECT_TRUE(tree->trash({}).answer->entries.empty());
  EXPECT_TRUE(change(msg::abort_upload{0, touched->upload}));
  EXPECT_EQ(refusal(tree->find_upload("/b").answer), ec::not_found);
}

TEST_F(TreeChunks, AsksAgainAtTheEndOfAnUpload) {
  const auto begun = change(msg::begin_upload{0, "/a", false, false, 0, ""});
  file("/a"); // Somebody else was faster.
  EXPECT_EQ(refusal(change(msg::finish_upload{0, begun->upload})), ec::exists);
  EXPECT_EQ(refusal(change(msg::begin_upload{0, "/a", false, false, 0, ""})),
            ec::exists);
  EXPECT_TRUE(change(msg::begin_upload{0, "/a", true, false, 0, ""}));
}

TEST_F(TreeChunks, GrowsByItsOwnChunksAlone) { // SPEC G7
  const auto log = file("/log", {written(2, 10)});
  for (const std::uint64_t chunk : {1, 99})
    EXPECT_TRUE(apply(msg::files_grown{
      {{log,
        {chunk_id{chunk}, {chunk_version{1}, mutation_serial{2}, 30, 30}},
        true}}}));
  EXPECT_EQ(tree->status("/log").answer->length, 10u);
}

// The size of chunks may be another one than when the chunk was granted.
TEST_F(TreeChunks, AChunkIsNoLongerThanChunksAreOrWere) { // SPEC G2
  std::uint64_t chunk = 0;
  const auto commit = [&](std::uint64_t length, std::uint64_t granted) {
    auto x = written(++chunk, 1);
    x.extent.length = x.extent.padded_from
      = static_cast<decltype(x.extent.length)>(length);
    x.grant.chunk_size = static_cast<decltype(x.grant.chunk_size)>(granted);
    return refusal(change(msg::commit_file{0, "/a", true, true, {x}, 0}));
  };
  const std::uint64_t size = config.chunk_size;
  EXPECT_EQ(commit(size, size / 2), std::nullopt);
  EXPECT_EQ(commit(size + 1, size / 2), ec::invalid_argument);
  EXPECT_EQ(commit(size + 1, size + 1), std::nullopt);
}

// Of one that is gone there is nothing to write; of the others there is.
TEST_F(TreeChunks, WritesWhatHasGrownBesideWhatIsGone) { // SPEC G7
  const auto gone = file("/gone", {written(1, 10)});
  const auto log = file("/log", {written(2, 10)});
  const auto grow = [&](inode_id inode, std::uint64_t chunk) {
    const msg::files_grown told{
      {{inode,
        {chunk_id{chunk}, {chunk_version{1}, mutation_serial{2}, 30, 30}},
        true}}};
    EXPECT_TRUE(apply(told));
  };
  grow(gone, 1);
  grow(log, 2);
  EXPECT_TRUE(change(msg::remove_entry{0, "/gone"}));
  EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
  collect();
  flush();
  restart();
  EXPECT_EQ(tree->status("/log").answer->length, 30u);
}

// Where a file of many chunks goes on, the row before is written, too.
TEST_F(TreeChunks, GrowsBeyondTheFirstRowsOfItsChunks) { // SPEC G7
  const auto inode = file("/log");
  chunk_id last;
  msg::chunk_extent full;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    ASSERT_TRUE(
      apply(append_chunk{inode, last, full, chunk_id{i}, chunk_version{1}}));
    last = chunk_id{i};
    full = {chunk_version{1}, mutation_serial{9}, 10, 10};
    EXPECT_EQ(loaded()->status("/log").answer->length, (i - 1) * 10) << i;
  }
  restart();
  EXPECT_EQ(tree->status("/log").answer->chunks, 200u);
  EXPECT_EQ(tree->status("/log").answer->length, 1'990u);
}

// The answer was lost: the chunks that are asked for are of the file that is.
TEST_F(TreeChunks, AsksForChunksOfWhatTheSameRequestHasMade) { // SPEC S7
  ASSERT_TRUE(change(msg::commit_file{0, "/a", false, false, {}, 0}));
  msg::allocate_chunks x;
  x.path = "/a";
  x.request = requests;
  EXPECT_TRUE(tree->replication_of_new(x));
  x.request = requests + 1;
  EXPECT_EQ(refusal(tree->replication_of_new(x)), ec::exists);
  x.request = 0;
  EXPECT_EQ(refusal(tree->replication_of_new(x)), ec::exists);
}

TEST(TreeRoot, IsTheRootAndNothingElse) { // SPEC G1
  node_row row;
  row.inode = inode_id{7};
  row.kind = msg::entry_kind::directory;
  file_tree tree{{}};
  EXPECT_FALSE(tree.load_node({}, "", row)) << "another directory";
}

TEST(TreeLoad, RefusesRowsThatCannotBe) { // SPEC G1
  file_tree tree{{}};
  node_row row;
  row.inode = inode_id{7};
  row.kind = static_cast<msg::entry_kind>(9);
  EXPECT_FALSE(tree.load_node(inode_id{1}, "a", row));
  row.kind = msg::entry_kind::file;
  row.where = static_cast<msg::storage_class>(9);
  EXPECT_FALSE(tree.load_node(inode_id{1}, "a", row));
  row.where = msg::storage_class::chunked;
  EXPECT_TRUE(tree.load_node(inode_id{1}, "a", row));
  EXPECT_FALSE(tree.load_node(inode_id{1}, "b", row)) << "twice";
}

TEST_F(TreeChunks, GrowsByChunks) { // SPEC G7
  const auto inode = file("/log");
  const msg::chunk_extent full{chunk_version{2}, mutation_serial{9}, 100, 90};
  EXPECT_EQ(tree->growing(inode, chunk_id{}).answer->next, chunk_id{});
  EXPECT_TRUE(
    apply(append_chunk{inode, {}, {}, chunk_id{1}, chunk_version{1}}));
  EXPECT_TRUE(tree->status("/log").answer->growing);
  EXPECT_TRUE(apply(
    append_chunk{inode, chunk_id{1}, full, chunk_id{2}, chunk_version{1}}));
  EXPECT_EQ(tree->status("/log").answer->length, 90u);
  EXPECT_EQ(tree->growing(inode, chunk_id{1}).answer->next, chunk_id{2});
  EXPECT_EQ(tree->growing(inode, chunk_id{2}).answer->next, chunk_id{});
  EXPECT_EQ(refusal(tree->growing(inode, chunk_id{3}).answer), ec::stale);
  EXPECT_EQ(refusal(apply(append_chunk{inode, chunk_id{1}, full, chunk_id{3},
                                       chunk_version{1}})),
            ec::stale);
  const auto report = [&](std::uint64_t chunk, std::uint32_t bytes, bool on) {
    EXPECT_TRUE(apply(msg::files_grown{
      {{inode,
        {chunk_id{chunk}, {chunk_version{1}, mutation_serial{1}, bytes, bytes}},
        on}}}));
  };
  report(2, 50, true);
  const auto written_at = tree->status("/log").answer->modified;
  now += 5s;
  report(2, 50, true); // Again.
  report(2, 40, true); // Late.
  EXPECT_EQ(tree->status("/log").answer->length, 140u);
  EXPECT_EQ(tree->status("/log").answer->modified, written_at);
  report(2, 60, false);
  EXPECT_EQ(tree->status("/log").answer->length, 150u);
  EXPECT_FALSE(tree->status("/log").answer->growing);
  restart();
  EXPECT_EQ(tree->status("/log").answer->length, 150u);
  EXPECT_TRUE(change(msg::remove_entry{0, "/log"}));
  report(2, 70, true);
  EXPECT_EQ(refusal(apply(append_chunk{inode, chunk_id{2}, full, chunk_id{3},
                                       chunk_version{1}})),
            ec::not_found);
}

} // namespace
} // namespace dfs::core
