#include "support/volume_image.hpp"
#include "support/volume_lives.hpp"

#include <gtest/gtest.h>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::volume_lives;

// The log, cut at every byte: what stands before the cut is there, and nothing
// of what stands behind it, then or later.

namespace {

constexpr auto segment = "/volume/log/00000001.log";

struct LogTail : ::testing::Test {
  volume_lives x{1};
  /// What the chunks are when the log is so long.
  std::map<std::uint64_t, std::map<chunk_id, test::chunk_snapshot>> states;
  std::uint64_t held = 0; ///< The state that an earlier length may show.

  void note(chunk_store& store) {
    states[store.usage().log] = look(store);
  }

  void change(chunk_store& store, chunk_id id, mutation_kind kind,
              std::uint32_t offset, const std::string& data) {
    const auto serial = store.state(id)->serial.next();
    const test::chunk_change change{id,           chunk_version{1}, serial,
                                    kind,         offset,           data,
                                    writer_id{5}, serial.value()};
    ASSERT_TRUE(store.apply(change.what(), change.data()));
    note(store);
  }

  void build() {
    x.options.segment_bytes = 16 * 1024;
    x.options.packed_bytes_max = 400;
    auto store = x.open();
    ASSERT_TRUE(store);
    states[0] = {};
    for (std::uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(store->create(chunk_id{i}, chunk_version{1}));
      note(*store);
      change(*store, chunk_id{i}, mutation_kind::append, 0,
             test::pattern(30 + i, i));
    }
    change(*store, chunk_id{1}, mutation_kind::append, 31,
           test::pattern(50, 4));
    change(*store, chunk_id{1}, mutation_kind::append, 81,
           test::pattern(70, 5));
    change(*store, chunk_id{1}, mutation_kind::write, 10,
           test::pattern(100, 6));
    store->run_once();
    change(*store, chunk_id{2}, mutation_kind::write, 32,
           test::pattern(1'000, 7));
    // Nobody waits for it, so its record comes in the second round.
    store->run_once();
    store->run_once();
    states.erase(std::prev(states.end()));
    note(*store);
    held = store->usage().log;
    ASSERT_TRUE(store->remove(chunk_id{3}));
    note(*store);
    ASSERT_TRUE(store->set_version(chunk_id{2}, chunk_version{2}));
    note(*store);
    store->run_once();
    store.reset();
  }

  /// The states that the log's first `bytes` bytes tell of.
  const std::map<chunk_id, test::chunk_snapshot>& due(std::uint64_t bytes) {
    return std::prev(states.upper_bound(bytes))->second;
  }

  static std::map<chunk_id, test::chunk_snapshot> look(chunk_store& store) {
    std::map<chunk_id, test::chunk_snapshot> found;
    for (const auto& state : store.list())
      found[state.chunk] = test::store_model::look(store, state.chunk);
    return found;
  }

  /// The chunks are as the first `bytes` bytes of the log tell.
  void expect(chunk_store& store, std::uint64_t bytes) {
    const auto found = look(store);
    // The zeros behind a record may be missing, and marks behind the held one.
    const auto next = states.upper_bound(bytes);
    EXPECT_TRUE(found == due(bytes) || found == due(bytes + 7)
                || (next->first == held && found == next->second));
    EXPECT_TRUE(store.damages().empty());
  }
};

TEST_F(LogTail, TellsWhatStandsBeforeTheCut) { // SPEC S6
  build();
  test::volume_image image{x.disk};
  const auto log = image.files().at(segment);
  const auto end = states.rbegin()->first;
  ASSERT_GT(end, 1'500u);
  const auto garbage = test::pattern(log.size(), 99);
  for (std::uint64_t cut = 0; cut <= end + 8 && !HasFailure(); ++cut) {
    SCOPED_TRACE(cut);
    // Shorter; or not written; or anything at all.
    for (const auto tail : {0, cut % 5 == 0 ? 1 : -1, cut % 7 == 0 ? 2 : -1}) {
      if (tail < 0)
        continue;
      image.restore();
      auto bytes = log.substr(0, cut);
      auto left = cut;
      if (tail == 1) {
        bytes.resize(log.size());
        while (left < end && log[left] == 0)
          ++left; // Zeros that were zeros are not missing.
      }
      if (tail == 2)
        bytes += garbage.substr(cut);
      image.put(segment, bytes);
      auto store = x.open();
      ASSERT_TRUE(store) << x.trouble;
      expect(*store, left);
    }
  }
}

// Several segments are begun before their names are synced, and one of the
// names is lost: the log ends there, and nothing that was durable is touched.
TEST_F(LogTail, EndsWhereASegmentHasLostItsName) { // SPEC S6
  auto store = x.open();
  ASSERT_TRUE(store);
  const auto fill = [&](std::uint64_t from, std::uint64_t count) {
    for (auto i = from; i < from + count; ++i) {
      const test::chunk_change change{chunk_id{i},
                                      chunk_version{1},
                                      mutation_serial{1},
                                      mutation_kind::write,
                                      0,
                                      test::pattern(3'000, i)};
      ASSERT_TRUE(store->create(chunk_id{i}, chunk_version{1}));
      ASSERT_TRUE(store->apply(change.what(), change.data()));
    }
  };
  fill(1, 30);
  for (int i = 0; i < 3; ++i)
    store->run_once();
  const auto wanted = look(*store);
  const auto logs = [&] {
    std::vector<std::string> found;
    const test::volume_image image_now{x.disk};
    for (const auto& [path, ignored] : image_now.files())
      found.push_back(path);
    std::erase_if(found, [](const auto& p) { return !p.ends_with(".log"); });
    return found;
  };
  const auto synced = logs().size();
  fill(100, 60);
  x.files.fail(test::file_call::sync, 0, ec::io_error);
  store->run_once(); // Written, and no more.
  store.reset();
  x.files.heal();
  test::volume_image image{x.disk};
  const auto all = logs();
  ASSERT_GE(all.size(), synced + 3);
  for (auto i = synced; i < all.size(); ++i) {
    SCOPED_TRACE(all[i]);
    image.restore();
    ASSERT_TRUE(x.disk.remove(all[i]));
    store = x.open();
    ASSERT_TRUE(store) << x.trouble;
    EXPECT_TRUE(store->damages().empty());
    const auto found = look(*store);
    for (const auto& [id, state] : wanted)
      EXPECT_TRUE(found.contains(id) && found.at(id) == state) << id;
    // And it goes on from there.
    ASSERT_TRUE(store->create(chunk_id{500}, chunk_version{1}));
    for (int round = 0; round < 3; ++round)
      store->run_once();
    store.reset();
    store = x.open();
    ASSERT_TRUE(store) << x.trouble;
    EXPECT_TRUE(store->state(chunk_id{500}));
    EXPECT_EQ(look(*store).size(), found.size() + 1);
    store.reset();
  }
}

// What was cut off must not come back behind new records that happen to end
// where an old one began.
TEST_F(LogTail, DoesNotBringBackWhatItCut) {
  x.options.segment_bytes = 16 * 1024;
  auto store = x.open();
  ASSERT_TRUE(store);
  states[0] = {};
  // One group, written and not synced when the power goes.
  std::vector<std::uint64_t> ends;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    ASSERT_TRUE(store->create(chunk_id{i}, chunk_version{1}));
    note(*store);
    ends.push_back(store->usage().log);
  }
  change(*store, chunk_id{8}, mutation_kind::append, 0, "for it to be written");
  ASSERT_TRUE(store->plan_read(chunk_id{8}, 0, block_bytes));
  x.files.die(0);
  store.reset();
  x.files.heal();
  test::volume_image image{x.disk};
  for (std::size_t i = 0; i + 2 < ends.size(); ++i) {
    SCOPED_TRACE(i);
    image.restore();
    // The record behind `ends[i]` has not reached the disk; the others have.
    auto bytes = image.files().at(segment);
    bytes.replace(ends[i], ends[i + 1] - ends[i],
                  std::string(ends[i + 1] - ends[i], '\0'));
    image.put(segment, bytes);
    store = x.open();
    ASSERT_TRUE(store);
    expect(*store, ends[i]);
    // As long as the one that is missing: behind it stood a whole record.
    ASSERT_TRUE(store->create(chunk_id{77}, chunk_version{1}));
    EXPECT_EQ(store->usage().log, ends[i + 1]);
    x.files.die(1); // Written, and the end comes.
    store->run_once();
    store.reset();
    x.files.heal();
    store = x.open();
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->remove(chunk_id{77}));
    expect(*store, ends[i]);
    store.reset();
  }
}

} // namespace
