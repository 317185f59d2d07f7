#include "storage/versions/version_store.hpp"

#include "support/refusal.hpp"
#include "support/temp_dir.hpp"
#include "support/version_puts.hpp"

#include <gtest/gtest.h>

#include <fstream>

// What a file server keeps of versioned files, on a real disk.

namespace dfs::storage {
namespace {

using namespace std::chrono_literals;
using test::bring;
using test::commit_now;
using test::content_of;
using test::put_number;
using test::read_whole;
using test::refusal;
using test::state_with;

constexpr std::size_t kib = 1'024;
constexpr group_id one{1};
constexpr inode_id file{77};

struct VersionStore : testing::Test {
  test::temp_dir place{test::memory_directory_path()};
  std::vector<std::string> volumes{place / "v1"};
  store_owner owner{"00112233445566ff", store_id{7}};
  version_store_options options;
  std::unique_ptr<version_store> store;

  VersionStore() {
    options.rows_reserve = 0;
    options.chunks.chunk_bytes_max = 256 * kib; // Pieces.
    options.chunks.reserve_bytes_max = 0;
  }

  result<std::unique_ptr<version_store>> try_open() {
    return version_store::open(posix_files(), volumes, place / "rows", owner,
                               options);
  }
  void open() {
    store.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().context;
    store = *std::move(opened);
  }
  content_store& contents() {
    return store->contents();
  }
  result<nothing> put(inode_id to, const msg::put_id& id, std::size_t bytes,
                      std::uint64_t serial) {
    if (auto came = bring(contents(), id, content_of(id, bytes)); !came)
      return came;
    return commit_now(
      *store, one, {msg::file_change{to, state_with(id, bytes, serial)}}, {id});
  }
  msg::replica_rows rows(group_id group = one) {
    const auto all = store->groups().load();
    EXPECT_TRUE(all) << all.error().context;
    const auto found = all->find(group);
    return found == all->end() ? msg::replica_rows{} : found->second;
  }
};

TEST_F(VersionStore, KeepsAPutOverAStart) { // SPEC V1
  open();
  for (const std::size_t bytes : {0ul, 1ul, 5'000ul, 64 * kib, 300 * kib}) {
    SCOPED_TRACE(bytes);
    const auto id = put_number(bytes + 1);
    ASSERT_TRUE(put(inode_id{bytes + 1}, id, bytes, 3));
    EXPECT_EQ(*read_whole(contents(), id, bytes), content_of(id, bytes));
  }
  open();
  EXPECT_EQ(rows().files.size(), 5u);
  EXPECT_EQ(contents().list().size(), 5u);
  for (const std::size_t bytes : {0ul, 1ul, 5'000ul, 64 * kib, 300 * kib}) {
    SCOPED_TRACE(bytes);
    const auto id = put_number(bytes + 1);
    EXPECT_EQ(rows().files.at(inode_id{bytes + 1}), state_with(id, bytes, 3));
    EXPECT_EQ(*read_whole(contents(), id, bytes), content_of(id, bytes));
  }
}

TEST_F(VersionStore, KeepsAllThatAGroupHas) {
  open();
  msg::group_row row;
  row.role = msg::replica_role::active;
  row.set = {one, group_epoch{5}, {3, 2, 2}, {store_id{1}, store_id{2}}};
  row.promised = group_ballot{6};
  row.sealed_by = group_ballot{7};
  row.quarantined = true;
  row.forgotten = 8;
  msg::installed_group next{row.set, 9, {}};
  const auto id = put_number(1);
  next.files[inode_id{4}] = state_with(id, 0, 1);
  next.files[inode_id{5}] = state_with(id, 0, 2);
  msg::replica_rows wanted;
  const auto commit = [&](msg::row_changes changes) {
    msg::apply_rows(wanted, changes);
    ASSERT_TRUE(commit_now(*store, one, std::move(changes), {}));
    EXPECT_EQ(rows(), wanted);
  };
  commit({row, msg::file_change{file, state_with(id, 0, 1)},
          msg::file_change{inode_id{78}, state_with(id, 0, 1)}});
  commit({msg::settled_change{file, {group_ballot{1}, 1}},
          msg::file_change{inode_id{79}, state_with(id, 0, 1)}});
  commit({msg::file_change{inode_id{78}, {}}, msg::next_change{next}});
  next.files.erase(inode_id{4});
  commit({msg::next_change{next}});
  commit({msg::become_next{}});
  commit({msg::next_change{next}});
  commit({msg::next_change{}, row});
  open();
  EXPECT_EQ(rows(), wanted);
  EXPECT_EQ(rows().files.size(), 1u);
}

TEST_F(VersionStore, KeepsOutcomesThatLeftTheirManifests) { // SPEC S11
  open();
  const auto id = put_number(1);
  auto state = state_with(id, 5'000, 3);
  state.manifest.outcomes.clear();
  for (std::uint64_t who = 1; who <= 4; ++who)
    state.manifest.outcomes.push_back(
      {{put_writer{who}, 9}, version_number{who % 2}});
  state.manifest.floor = put_writer{3};
  // Written as a pending row: the content is on its way to the disk.
  ASSERT_TRUE(bring(contents(), id, content_of(id, 5'000)));
  ASSERT_TRUE(commit_now(*store, one, {msg::file_change{file, state}}, {id}));
  open();
  msg::past_outcomes wanted;
  for (std::uint64_t who = 1; who <= 3; ++who)
    wanted.rows[{file, put_writer{who}}]
      = {{put_writer{who}, 9}, version_number{who % 2}};
  EXPECT_EQ(rows().past, wanted);
  state.stamp.serial = 4;
  state.manifest.outcomes.erase(state.manifest.outcomes.begin(),
                                state.manifest.outcomes.begin() + 3);
  ASSERT_TRUE(commit_now(*store, one, {msg::file_change{file, state}}, {id}));
  EXPECT_EQ(rows().past, wanted);
  const msg::past_change drop{{{file, put_writer{2}}}, put_writer{2}};
  ASSERT_TRUE(commit_now(*store, one, {drop}, {}));
  wanted.rows.erase({file, put_writer{2}});
  wanted.floor = put_writer{2};
  open();
  EXPECT_EQ(rows().past, wanted);
}

// A set that is larger than one commit.
TEST_F(VersionStore, KeepsASetThatCameInPartsWhenItIsWhole) { // SPEC V6
  open();
  const auto id = put_number(1);
  const auto part = [&](bool first, std::uint64_t from, std::uint64_t to) {
    msg::next_part x{first, {}};
    for (auto i = from; i <= to; ++i)
      x.files[inode_id{i}] = state_with(id, 0, i);
    return commit_now(*store, one, {std::move(x)}, {});
  };
  const msg::group_set set{one, group_epoch{5}, {3, 2, 2}, {store_id{1}}};
  ASSERT_TRUE(commit_now(*store, one,
                         {msg::file_change{file, state_with(id, 0, 1)}}, {}));
  const auto before = rows();
  ASSERT_TRUE(part(true, 1, 3));
  ASSERT_TRUE(part(false, 4, 6));
  EXPECT_EQ(rows(), before) << "it is not whole";
  open();
  EXPECT_EQ(rows(), before) << "and will not be";
  ASSERT_TRUE(part(true, 1, 2));
  ASSERT_TRUE(part(true, 7, 8)); // Another attempt.
  ASSERT_TRUE(part(false, 9, 9));
  ASSERT_TRUE(commit_now(*store, one, {msg::next_whole{set, 7, 0}}, {}));
  auto wanted = before;
  wanted.next = {set, 7, {}};
  for (const std::uint64_t i : {7, 8, 9})
    wanted.next->files[inode_id{i}] = state_with(id, 0, i);
  EXPECT_EQ(rows(), wanted);
  open();
  EXPECT_EQ(rows(), wanted);
  // The one after it leaves it alone until it is whole.
  ASSERT_TRUE(part(true, 20, 30));
  EXPECT_EQ(rows(), wanted);
  ASSERT_TRUE(commit_now(*store, one, {msg::become_next{}}, {}));
  wanted.files = wanted.next->files;
  wanted.next.reset();
  EXPECT_EQ(rows(), wanted);
  open();
  EXPECT_EQ(rows(), wanted);
}

// A client may die between its content and its put. SPEC V2
TEST_F(VersionStore, AsksForWhatCameAWhileAgoOnce) {
  options.staged_life = 1'000ms;
  open();
  const instant start{std::chrono::hours{1}};
  const auto a = put_number(1);
  const auto b = put_number(2);
  ASSERT_TRUE(bring(contents(), a, content_of(a, 5'000)));
  EXPECT_TRUE(contents().due(start).empty());
  ASSERT_TRUE(bring(contents(), b, content_of(b, 5'000)));
  EXPECT_TRUE(contents().due(start + 600ms).empty());
  EXPECT_EQ(contents().due(start + 1'000ms), std::vector{a});
  EXPECT_TRUE(contents().due(start + 1'000ms).empty()) << "once";
  contents().look_again(a);
  EXPECT_EQ(contents().due(start + 1'600ms), std::vector{b});
  EXPECT_EQ(contents().due(start + 2'600ms), std::vector{a});
  contents().remove(a);
  contents().look_again(a);
  EXPECT_TRUE(contents().due(start + 3'000ms).empty());
  EXPECT_TRUE(contents().due(start + 9'000ms).empty()) << "it is gone";
  EXPECT_EQ(contents().usage().bytes, 5'000u);
  EXPECT_EQ(contents().usage().contents, 1u);
}

TEST_F(VersionStore, TakesContentInParts) {
  open();
  const auto id = put_number(1);
  const auto bytes = content_of(id, 600 * kib + 17);
  const std::string_view all{bytes};
  auto& to = contents();
  // Parts that cut blocks and pieces anywhere.
  ASSERT_TRUE(test::append_part(to, id, 0, all.substr(0, 100'000)));
  EXPECT_EQ(*to.staged(id), 100'000u);
  EXPECT_EQ(refusal(test::append_part(to, id, 100'001, all.substr(100'001))),
            ec::invalid_argument);
  EXPECT_EQ(refusal(test::append_part(to, id, 50'000, all.substr(50'000))),
            ec::invalid_argument);
  EXPECT_TRUE(test::append_part(to, id, 50'000, all.substr(50'000, 50'000)));
  ASSERT_TRUE(test::append_part(to, id, 100'000, all.substr(100'000)));
  EXPECT_FALSE(to.holds(id));
  EXPECT_EQ(refusal(to.read_verified(id, 0, {})), ec::not_found);
  ASSERT_TRUE(to.finish(id, all.size(), crc32c(all)));
  EXPECT_TRUE(to.holds(id));
  EXPECT_TRUE(to.finish(id, all.size(), crc32c(all)));
  EXPECT_EQ(refusal(to.finish(id, all.size(), 1)), ec::integrity);
  EXPECT_EQ(refusal(test::append_part(to, id, 0, all.substr(0, 9))),
            ec::exists);
  EXPECT_EQ(to.find(id)->pieces.size(), 3u);
  EXPECT_EQ(*read_whole(to, id, all.size() + 99), bytes);
}

TEST_F(VersionStore, BeginsAnewAndDropsWhatIsWrong) {
  open();
  const auto id = put_number(1);
  auto& to = contents();
  const auto bytes = content_of(id, 500 * kib);
  ASSERT_TRUE(
    test::append_part(to, id, 0, content_of(put_number(2), 300 * kib)));
  ASSERT_TRUE(bring(to, id, bytes));
  EXPECT_EQ(*read_whole(to, id, bytes.size()), bytes);
  const auto other = put_number(2);
  ASSERT_TRUE(test::append_part(to, other, 0, bytes));
  EXPECT_EQ(refusal(to.finish(other, bytes.size(), 1)), ec::integrity);
  EXPECT_FALSE(to.staged(other));
  EXPECT_EQ(refusal(to.finish(other, bytes.size(), 1)), ec::not_found);
  // Nothing of what was dropped is left.
  std::size_t chunks = 0;
  for (const auto& volume : store->volumes())
    chunks += volume->list().size();
  EXPECT_EQ(chunks, to.find(id)->pieces.size());
}

TEST_F(VersionStore, ReadsAnyBlocks) {
  open();
  const auto id = put_number(1);
  const auto bytes = content_of(id, 600 * kib + 17);
  ASSERT_TRUE(bring(contents(), id, bytes));
  std::string got(128 * kib, '\0');
  for (std::uint64_t at = 0; at + got.size() <= bytes.size(); at += 64 * kib) {
    const auto read = contents().read_verified(id, at, got);
    ASSERT_TRUE(read) << read.error().context;
    EXPECT_EQ(got, bytes.substr(at, got.size())) << at;
    EXPECT_EQ(read->crcs, test::crcs_of(0, got));
    const auto cached = contents().read_cached(id, at, got);
    if (cached) // Not every file system can say.
      EXPECT_EQ(cached->crcs, read->crcs);
    else
      EXPECT_EQ(refusal(cached), ec::busy);
    const auto plan = contents().plan_read(id, at, 128 * kib);
    ASSERT_TRUE(plan);
    std::string planned(plan->length, '\0');
    EXPECT_EQ(*plan->file->read(plan->file_offset, planned), plan->length);
    EXPECT_EQ(planned, bytes.substr(at, plan->length));
    EXPECT_EQ(plan->crcs, test::crcs_of(0, planned));
  }
  EXPECT_EQ(refusal(contents().read_verified(id, 5, got)),
            ec::invalid_argument);
  EXPECT_EQ(*contents().verify(id), 0u);
}

TEST_F(VersionStore, ForgetsAtAStartWhatNoRowNames) {
  open();
  const auto kept = put_number(1);
  const auto unnamed = put_number(2);
  ASSERT_TRUE(put(file, kept, 70 * kib, 1));
  ASSERT_TRUE(bring(contents(), unnamed, content_of(unnamed, 300 * kib)));
  std::promise<result<nothing>> durable;
  contents().when_durable(unnamed,
                          [&](const auto& x) { durable.set_value(x); });
  EXPECT_TRUE(durable.get_future().get());
  ASSERT_TRUE(test::append_part(contents(), put_number(3), 0, "unfinished"));
  open();
  EXPECT_EQ(contents().list(), std::vector{kept});
  EXPECT_FALSE(contents().staged(put_number(3)));
  EXPECT_EQ(store->volumes().front()->list().size(), 1u);
}

TEST_F(VersionStore, FreesWhatIsRemoved) {
  open();
  const auto id = put_number(1);
  ASSERT_TRUE(put(file, id, 300 * kib, 1));
  ASSERT_TRUE(commit_now(*store, one, {msg::file_change{file, {}}}, {}));
  contents().remove(id);
  contents().remove(id);
  EXPECT_FALSE(contents().holds(id));
  instant now{};
  for (int i = 0; i < 1'000 && !store->volumes().front()->list().empty(); ++i) {
    store->tick(now += 1s);
    std::this_thread::yield();
  }
  EXPECT_TRUE(store->volumes().front()->list().empty());
  EXPECT_EQ(contents().usage().contents, 0u);
}

TEST_F(VersionStore, AbandonsWhatStandsStill) {
  open();
  const auto id = put_number(1);
  ASSERT_TRUE(test::append_part(contents(), id, 0, "beginning"));
  const instant begin{};
  store->tick(begin);
  store->tick(begin + 59min);
  ASSERT_TRUE(test::append_part(contents(), id, 9, "end"));
  store->tick(begin + 61min);
  store->tick(begin + 120min);
  EXPECT_TRUE(contents().staged(id));
  store->tick(begin + 121min);
  EXPECT_FALSE(contents().staged(id));
}

TEST_F(VersionStore, FetchesAgainWhatIsBad) {
  open();
  const auto id = put_number(1);
  ASSERT_TRUE(put(file, id, 300 * kib, 1));
  contents().lose(id);
  EXPECT_FALSE(contents().holds(id));
  EXPECT_EQ(contents().lost(), std::vector{id});
  open();
  EXPECT_EQ(contents().lost(), std::vector{id});
  EXPECT_EQ(rows().files.size(), 1u);
  ASSERT_TRUE(bring(contents(), id, content_of(id, 300 * kib)));
  EXPECT_TRUE(contents().lost().empty());
  open();
  EXPECT_TRUE(contents().lost().empty());
  EXPECT_EQ(*read_whole(contents(), id, 300 * kib), content_of(id, 300 * kib));
  EXPECT_TRUE(store->volumes().front()->quarantined().empty());
}

TEST_F(VersionStore, BelongsToOne) {
  open();
  EXPECT_EQ(refusal(try_open()), ec::in_use);
  store.reset();
  owner.node = store_id{8};
  EXPECT_EQ(refusal(try_open()), ec::configuration);
  owner = {"00112233445566aa", store_id{7}};
  EXPECT_EQ(refusal(try_open()), ec::configuration);
}

// SPEC V2: acknowledged versions whose disk is gone count as lost, not as
// never written.
TEST_F(VersionStore, GoesOnWithoutAVolume) {
  volumes.push_back(place / "v2");
  open();
  for (std::uint64_t i = 1; i <= 20; ++i)
    ASSERT_TRUE(put(inode_id{i}, put_number(i), 10 * kib, 1));
  const auto gone = store->volumes()[1]->id();
  std::vector<msg::put_id> there;
  for (const auto& id : contents().list())
    if (contents().find(id)->pieces.front().volume == gone)
      there.push_back(id);
  store.reset();
  ASSERT_EQ(::rename((place / "v2").c_str(), (place / "away").c_str()), 0);
  open();
  EXPECT_EQ(store->troubles().size(), 1u);
  EXPECT_EQ(contents().lost(), there);
  EXPECT_EQ(rows().files.size(), 20u);
  store.reset();
  ASSERT_EQ(::rename((place / "away").c_str(), (place / "v2").c_str()), 0);
  open();
  EXPECT_TRUE(contents().lost().empty());
  EXPECT_EQ(contents().list().size(), 20u);
}

} // namespace
} // namespace dfs::storage
