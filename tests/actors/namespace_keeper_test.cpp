#include "support/namespace_fixture.hpp"

#include "actors/namespace_rows.hpp"
#include "support/faulty_env.hpp"
#include "support/refusal.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

using NamespaceKeeper = namespace_fixture;

using test::refusal;

TEST_F(NamespaceKeeper, AnswersAChangeWhenItIsDurable) { // SPEC G2
  stop_sync.hold(*store);
  const auto made = begin<msg::file_status>(msg::make_directory{0, "/a"});
  EXPECT_FALSE(made.answered());
  stop_sync.release();
  EXPECT_TRUE(finish(made));
  restart();
  EXPECT_TRUE(status("/a"));
}

// SPEC S6: what a crash may take back, nobody has seen.
TEST_F(NamespaceKeeper, ShowsNothingThatIsNotDurable) {
  ASSERT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/old"}));
  ASSERT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/other"}));
  stop_sync.hold(*store);
  const auto made = begin<msg::file_status>(msg::create_file{0, "/old/f"});
  const auto seen = begin<msg::file_status>(msg::get_status{"/old/f"});
  const auto listed
    = begin<msg::directory_page>(msg::list_directory{"/old", {}, 0, true, {}});
  const auto taken
    = begin<msg::file_status>(msg::create_file{0, "/old/f", true});
  const auto settled = begin<msg::file_status>(msg::get_status{"/other"});
  const auto absent = begin<msg::file_status>(msg::get_status{"/other/x"});
  EXPECT_FALSE(made.answered());
  EXPECT_FALSE(seen.answered());
  EXPECT_FALSE(listed.answered());
  EXPECT_FALSE(taken.answered()) << "a refusal is a reading, too";
  EXPECT_TRUE(settled.answered()) << "the sync is none of its business";
  EXPECT_TRUE(absent.answered());
  stop_sync.release();
  EXPECT_TRUE(finish(seen));
  EXPECT_EQ(finish(listed)->entries.size(), 1u);
  EXPECT_EQ(refusal(finish(taken)), ec::exists);
}

TEST_F(NamespaceKeeper, AnswersARepeatedRequestOnce) { // SPEC S7
  stop_sync.hold(*store);
  const msg::create_file request{77, "/f", true};
  const auto first = begin<msg::file_status>(request);
  const auto second = begin<msg::file_status>(request);
  EXPECT_FALSE(second.answered());
  stop_sync.release();
  const auto made = finish(first);
  ASSERT_TRUE(made);
  EXPECT_EQ(finish(second)->inode, made->inode);
  restart();
  EXPECT_EQ(ask<msg::file_status>(request)->inode, made->inode);
}

TEST_F(NamespaceKeeper, MakesFilesOfAdoptedChunks) { // SPEC G2
  const auto made = ask<msg::file_status>(file("/f", {written(5, 10)}));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->length, 10u);
  EXPECT_EQ(script->told, (std::vector<std::string>{"adopt", "keep"}));
  EXPECT_EQ(script->kept.at(0).file, made->inode);
  const auto row = *store->get(
    core::chunk_row_key(chunk_id{5}, core::chunk_row_writer::file));
  EXPECT_TRUE(row);
}

TEST_F(NamespaceKeeper, KeepsChunksOnlyWhenTheFileIsDurable) { // I5 of chunks
  stop_sync.hold(*store);
  const auto made = begin<msg::file_status>(file("/f", {written(5, 10)}));
  EXPECT_EQ(script->told, std::vector<std::string>{"adopt"});
  stop_sync.release();
  ASSERT_TRUE(finish(made));
  EXPECT_EQ(script->told.back(), "keep");
}

TEST_F(NamespaceKeeper, TakesNoChunksThatNobodyVouchesFor) {
  script->refusal = fail(ec::stale, "nobody gave this grant");
  EXPECT_EQ(refusal(ask<msg::file_status>(file("/f", {written(5, 10)}))),
            ec::stale);
  EXPECT_EQ(refusal(status("/f")), ec::not_found);
  script->refusal.reset();
  EXPECT_TRUE(ask<msg::file_status>(file("/f", {written(5, 10)})));
}

TEST_F(NamespaceKeeper, BringsAChunkIntoOneFileOnly) {
  script->silent = true;
  const auto first = begin<msg::file_status>(file("/a", {written(5, 10)}));
  const auto other = begin<msg::file_status>(file("/b", {written(5, 10)}));
  EXPECT_EQ(refusal(finish(other)), ec::busy);
  ASSERT_EQ(script->held.size(), 1u);
  answer_held();
  EXPECT_TRUE(finish(first));
  EXPECT_EQ(refusal(status("/b")), ec::not_found);
}

TEST_F(NamespaceKeeper, JoinsARequestThatIsUnderWay) { // SPEC S7
  script->silent = true;
  auto request = file("/a", {written(5, 10)});
  request.request = 99;
  const auto first = begin<msg::file_status>(request);
  const auto again = begin<msg::file_status>(request);
  ASSERT_EQ(script->held.size(), 1u);
  answer_held();
  const auto made = finish(first);
  ASSERT_TRUE(made);
  EXPECT_EQ(*finish(again), *made);
}

// Goal: while a number is under way nobody gets the answer of another change.
TEST_F(NamespaceKeeper, JoinsNoOtherRequestOfThatNumber) { // SPEC S11
  script->silent = true;
  auto request = file("/a", {written(5, 10)});
  request.request = 99;
  auto other = file("/b", {written(6, 10)});
  other.request = 99;
  const auto first = begin<msg::file_status>(request);
  const auto second = begin<msg::file_status>(other);
  ASSERT_EQ(script->held.size(), 2u);
  answer_held();
  const auto made = finish(first);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->path, "/a");
  EXPECT_EQ(refusal(finish(second)), ec::invalid_argument);
  EXPECT_EQ(refusal(status("/b")), ec::not_found);
  restart();
  EXPECT_EQ(refusal(ask<msg::file_status>(other)), ec::invalid_argument);
  EXPECT_EQ(*ask<msg::file_status>(request), *made);
  const msg::finish_upload question{99, core::any_upload};
  EXPECT_EQ(*ask<msg::file_status>(question), *made);
}

// The name was taken while the directory was asked.
TEST_F(NamespaceKeeper, DecidesWhenTheChunksAreThere) {
  script->silent = true;
  auto request = file("/a", {written(5, 10)});
  request.force = false;
  const auto slow = begin<msg::file_status>(request);
  ASSERT_TRUE(ask<msg::file_status>(msg::create_file{0, "/a"}));
  answer_held();
  EXPECT_EQ(refusal(finish(slow)), ec::exists);
  EXPECT_TRUE(script->kept.empty());
}

TEST_F(NamespaceKeeper, TakesUploads) {
  const auto begun = ask<msg::upload_status>(
    msg::begin_upload{0, "/up/f", false, true, 0, "source"});
  ASSERT_TRUE(begun);
  ASSERT_TRUE(ask<msg::upload_status>(
    msg::extend_upload{0, begun->upload, 0, {written(1, 5), written(2, 6)}}));
  restart();
  EXPECT_EQ(ask<msg::upload_status>(msg::find_upload{"/up/f"})->chunks, 2u);
  const auto made = ask<msg::file_status>(msg::finish_upload{0, begun->upload});
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->length, 11u);
}

TEST_F(NamespaceKeeper, ReleasesWhatIsPurged) { // SPEC G12
  ASSERT_TRUE(ask<msg::file_status>(file("/f", {written(5, 10)})));
  const auto removed = ask<msg::entry_removed>(msg::remove_entry{0, "/f"});
  ASSERT_TRUE(removed);
  advance(2s);
  EXPECT_TRUE(script->released.empty());
  ASSERT_TRUE(
    ask<msg::entry_removed>(msg::purge_trash{0, removed->trash_id, false}));
  advance(2s);
  EXPECT_TRUE(test::eventually([&] {
    run();
    return script->released == std::vector{chunk_id{5}};
  }));
  EXPECT_TRUE(*store->get(core::released_row_key(chunk_id{5})));
  EXPECT_FALSE(*store->get(
    core::chunk_row_key(chunk_id{5}, core::chunk_row_writer::file)));
}

TEST_F(NamespaceKeeper, ReleasesOnlyWhatIsDurablyPurged) {
  ASSERT_TRUE(ask<msg::file_status>(file("/f", {written(5, 10)})));
  ASSERT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, "/f"}));
  ASSERT_TRUE(ask<msg::entry_removed>(msg::purge_trash{0, 0, true}));
  stop_sync.hold(*store);
  advance(2s);
  EXPECT_TRUE(script->released.empty());
  stop_sync.release();
  EXPECT_TRUE(test::eventually([&] {
    run();
    return !script->released.empty();
  }));
}

TEST_F(NamespaceKeeper, PurgesInTime) { // SPEC G12
  ASSERT_TRUE(ask<msg::file_status>(file("/f", {written(5, 10)})));
  ASSERT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, "/f"}));
  wall += 73h;
  advance(2s);
  EXPECT_TRUE(test::eventually([&] {
    run();
    return !script->released.empty();
  }));
}

TEST_F(NamespaceKeeper, GivesChunksForFilesThatMayBeMade) { // SPEC G1
  const auto replicas = [&](msg::allocate_chunks x) {
    const auto made = ask<msg::chunks_allocated>(std::move(x));
    return made ? std::optional{made->replication} : std::nullopt;
  };
  msg::make_directory two{0, "/two", true};
  two.replication = 2;
  ASSERT_TRUE(ask<msg::file_status>(two));
  EXPECT_EQ(replicas({.count = 1, .path = "/two/f"}), 2);
  EXPECT_EQ(replicas({.count = 3, .path = "/two/a/b/f", .parents = true}), 2);
  EXPECT_EQ(replicas({.count = 1, .replication = 4, .path = {}}), 4);
  EXPECT_EQ(script->next_chunk, 1'005u);
  // What `commit_file` would refuse.
  EXPECT_EQ(refusal(ask<msg::chunks_allocated>(
              msg::allocate_chunks{.path = "/two/a/b/f"})),
            ec::not_found);
  EXPECT_EQ(
    refusal(ask<msg::chunks_allocated>(msg::allocate_chunks{.path = "/two"})),
    ec::is_directory);
  msg::commit_file commit;
  commit.request = 77;
  commit.path = "/two/f";
  ASSERT_TRUE(ask<msg::file_status>(commit));
  msg::allocate_chunks over{.path = "/two/f"};
  EXPECT_EQ(refusal(ask<msg::chunks_allocated>(over)), ec::exists);
  EXPECT_EQ(script->next_chunk, 1'005u);
  over.request = 77; // Asked again: it is there because it was done.
  EXPECT_EQ(replicas(over), 2);
  over.request = 0;
  over.force = true;
  EXPECT_EQ(replicas(over), 2);
}

TEST_F(NamespaceKeeper, AddsOneChunkForAllWhoAsk) { // SPEC G7
  const auto made = ask<msg::file_status>(msg::create_file{0, "/log"});
  const msg::add_chunk first{"/log", made->inode, {}, {}};
  script->silent = true;
  const auto one = begin<msg::chunk_leased>(first);
  const auto two = begin<msg::chunk_leased>(first);
  ASSERT_EQ(script->held_allocs.size(), 1u);
  answer_held();
  script->silent = false;
  const auto leased = finish(one);
  ASSERT_TRUE(leased);
  EXPECT_EQ(finish(two)->grant.chunk, leased->grant.chunk);
  EXPECT_EQ(leased->extent.version, chunk_version{1});
  EXPECT_EQ(script->told.back(), "keep");
  // Who comes late gets who leads the one that is there.
  const auto late = ask<msg::chunk_leased>(first);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->grant.chunk, leased->grant.chunk);
  EXPECT_EQ(script->told.back(), "lease 1000");
  const msg::chunk_extent full{chunk_version{1}, mutation_serial{9}, 100, 90};
  EXPECT_EQ(ask<msg::chunk_leased>(
              msg::add_chunk{"/log", made->inode, leased->grant.chunk, full})
              ->grant.chunk,
            chunk_id{1'001});
  EXPECT_EQ(status("/log")->length, 90u);
  EXPECT_EQ(refusal(ask<msg::chunk_leased>(
              msg::add_chunk{"/log", made->inode, chunk_id{7}, full})),
            ec::stale);
  EXPECT_EQ(refusal(ask<msg::chunk_leased>(
              msg::add_chunk{"/log", inode_id{7}, {}, full})),
            ec::not_found);
}

TEST_F(NamespaceKeeper, RemembersHowFilesHaveGrown) { // SPEC G7
  const auto made = ask<msg::file_status>(msg::create_file{0, "/log"});
  const auto leased
    = ask<msg::chunk_leased>(msg::add_chunk{"/log", made->inode, {}, {}});
  ASSERT_TRUE(leased);
  const auto report = [&](std::uint32_t bytes, bool growing) {
    self->send(
      keeper,
      msg::files_grown{{{made->inode,
                         {leased->grant.chunk,
                          {chunk_version{1}, mutation_serial{1}, bytes, bytes}},
                         growing}}});
    run();
  };
  report(50, true);
  EXPECT_EQ(status("/log")->length, 50u) << "at once";
  advance(2s); // Lazily durable.
  restart();
  EXPECT_EQ(status("/log")->length, 50u);
  report(60, false);
  restart(); // No tick between: the end is exact.
  EXPECT_EQ(status("/log")->length, 60u);
  EXPECT_FALSE(status("/log")->growing);
}

TEST_F(NamespaceKeeper, SaysWhereChunksAre) { // SPEC G4
  ASSERT_TRUE(ask<msg::file_status>(file("/f", {written(5, 10)})));
  const auto layout = ask<msg::file_layout>(msg::open_file{"/f", 0});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->status.length, 10u);
  EXPECT_EQ(layout->chunks.at(0).primary, store_id{6});
  script->told.clear();
  ASSERT_TRUE(ask<msg::file_status>(file("/empty")));
  EXPECT_TRUE(ask<msg::file_layout>(msg::open_file{"/empty", 0}));
  EXPECT_TRUE(script->told.empty());
  EXPECT_EQ(refusal(ask<msg::file_layout>(msg::open_file{"/", 0})),
            ec::is_directory);
}

TEST_F(NamespaceKeeper, WaitsForItsDirectory) {
  stop(directory);
  directory = chunk_directory_actor{};
  EXPECT_EQ(refusal(ask<msg::file_status>(file("/f", {written(5, 1)}))),
            ec::unavailable);
  const auto made = ask<msg::file_status>(msg::create_file{0, "/log"});
  EXPECT_EQ(refusal(ask<msg::chunk_leased>(
              msg::add_chunk{"/log", made->inode, {}, {}})),
            ec::unavailable);
  directory = sys.spawn(test::fake_allocator, script);
}

TEST_F(NamespaceKeeper, RefusesChangesOnAFullDisk) { // SPEC G16
  ASSERT_TRUE(ask<msg::file_status>(msg::create_file{0, "/f"}));
  free_bytes_min = ~std::uint64_t{0} - 1;
  restart();
  advance(2s);
  EXPECT_EQ(refusal(ask<msg::file_status>(msg::create_file{0, "/g"})),
            ec::full);
  EXPECT_EQ(refusal(ask<msg::file_status>(file("/g", {written(1, 1)}))),
            ec::full);
  EXPECT_TRUE(status("/f"));
  EXPECT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, "/f"}));
  EXPECT_TRUE(ask<msg::entry_removed>(msg::purge_trash{0, 0, true}));
}

// SPEC S11, G16: whoever asks again is not told that nothing was done.
TEST_F(NamespaceKeeper, TellsWhatWasDoneOnADiskThatIsFullSince) {
  const msg::create_file create{71, "/f"};
  auto commit = file("/g", {written(1, 1)});
  commit.request = 72;
  const msg::rename_entry rename{73, "/f", "/h", false};
  const auto made = ask<msg::file_status>(create);
  ASSERT_TRUE(made);
  ASSERT_TRUE(ask<msg::file_status>(commit));
  ASSERT_TRUE(ask<msg::file_status>(rename));
  free_bytes_min = ~std::uint64_t{0} - 1;
  restart();
  advance(2s);
  const auto again = ask<msg::file_status>(create);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(again->inode, made->inode);
  EXPECT_TRUE(ask<msg::file_status>(commit));
  EXPECT_TRUE(ask<msg::file_status>(rename));
  EXPECT_EQ(refusal(ask<msg::file_status>(msg::create_file{74, "/i"})),
            ec::full);
}

TEST_F(NamespaceKeeper, AnswersTheRest) {
  ASSERT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/a/b", true}));
  ASSERT_TRUE(ask<msg::file_status>(file("/a/f", {written(1, 3)})));
  ASSERT_TRUE(
    ask<msg::file_status>(msg::rename_entry{0, "/a/f", "/a/b/g", false}));
  EXPECT_EQ(ask<msg::tree_usage>(msg::get_usage{"/a"})->bytes, 3u);
  ASSERT_TRUE(ask<msg::entry_removed>(msg::remove_entry{0, "/a/b", true}));
  EXPECT_EQ(ask<msg::trash_list>(msg::list_trash{})->entries.size(), 1u);
  ASSERT_TRUE(ask<msg::file_status>(msg::restore_trash{0, 0, "/a/b", "/c"}));
  EXPECT_TRUE(status("/c/g"));
  const auto begun
    = ask<msg::upload_status>(msg::begin_upload{0, "/u", false, false, 0, ""});
  EXPECT_TRUE(ask<msg::upload_status>(msg::abort_upload{0, begun->upload}));
}

// An older build wrote such rows.
TEST_F(NamespaceKeeper, RemovesNotesOfVersionZeroWhenItStarts) {
  const auto key
    = core::numbered_key(core::tree_keys::orphans, std::uint64_t{77});
  const auto there = [&] {
    std::size_t count = 0;
    EXPECT_TRUE(store->for_each(key, [&](auto, auto) { return ++count > 0; }));
    return count == 1;
  };
  core::orphan_row row;
  ASSERT_TRUE(store->commit_now({{key, wire::encode(row)}}));
  const auto tree = load_file_tree(*store, {}, master_term{9}, wall);
  ASSERT_TRUE(tree) << tree.error().context;
  EXPECT_EQ((*tree)->unnamed(), 0u);
  EXPECT_FALSE(there());
  row.newest = version_number{1};
  ASSERT_TRUE(store->commit_now({{key, wire::encode(row)}}));
  const auto other = load_file_tree(*store, {}, master_term{10}, wall);
  ASSERT_TRUE(other) << other.error().context;
  EXPECT_EQ((*other)->unnamed(), 1u);
  EXPECT_TRUE(there());
}

TEST_F(NamespaceKeeper, DoesNotStartFromRowsThatDoNotFit) {
  ASSERT_TRUE(ask<msg::file_status>(msg::make_directory{0, "/a"}));
  const auto inode = status("/a")->inode;
  ASSERT_TRUE(ask<msg::file_status>(msg::create_file{0, "/a/f"}));
  ASSERT_TRUE(
    store->commit_now({{core::tree_keys::node(inode_id{1}, "a"), {}}}));
  EXPECT_EQ(refusal(load_file_tree(*store, {}, master_term{9}, wall)),
            ec::integrity);
  ASSERT_TRUE(store->commit_now(
    {{core::tree_keys::node(inode_id{1}, "a"), "no such row"}}));
  EXPECT_EQ(refusal(load_file_tree(*store, {}, master_term{9}, wall)),
            ec::integrity);
  static_cast<void>(inode);
}

} // namespace
} // namespace dfs::actors
