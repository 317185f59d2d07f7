#include "base/crc32c.hpp"
#include "storage/log/segment_log.hpp"
#include "support/refusal.hpp"
#include "support/volume_image.hpp"
#include "support/volume_lives.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::refusal;
using dfs::test::volume_lives;

// One bit changes, anywhere in a volume's files: in segments, chunk files, what
// is in quarantine, and the identity. It is found by the scrubber's `verify` or
// at the next start, or nobody needs it; and nothing wrong is ever served.

namespace {

constexpr chunk_version version{1};
constexpr int flips = 1'000;

/// A stretch of a file.
struct stretch {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  chunk_id chunk; ///< Whose data it is.

  [[nodiscard]] bool holds(const std::string& file, std::uint64_t at) const {
    return file == path && at >= begin && at < end;
  }
};

/// Finds out which bytes of the log are part of a record that something proves.
struct record_map : log_visitor {
  void on_record(const record_header& header, std::string_view meta,
                 std::string_view data) override {
    proven = std::max(proven, header.synced);
    records.push_back(
      {fmt::format("/volume/log/{:08x}.log", segment_of(header.position)),
       offset_of(header.position),
       offset_of(header.position) + record_header_bytes + meta.size()
         + data.size(),
       header.chunk});
    positions.push_back(header.position);
    kinds.push_back(header.kind);
  }
  void on_hole(const log_hole& hole) override {
    ADD_FAILURE() << hole.what;
  }

  std::vector<stretch> records;
  std::vector<log_position> positions;
  std::vector<record_kind> kinds;
  log_position proven;
};

struct StoreFlips : ::testing::Test {
  volume_lives x{1};
  std::unique_ptr<chunk_store> store;
  std::map<chunk_id, test::chunk_snapshot> wanted;
  std::map<std::string, std::string> files;
  std::uint64_t bytes = 0;

  bool change(chunk_id id, mutation_kind kind, std::uint32_t offset,
              const std::string& data) {
    const test::chunk_change change{
      id,     version, store->state(id)->serial.next(), kind,
      offset, data,    writer_id{id.value()},           1};
    return static_cast<bool>(store->apply(change.what(), change.data()));
  }

  /// Chunks of every kind, and what is left of others.
  void SetUp() override {
    store = x.open();
    ASSERT_TRUE(store);
    for (std::uint64_t i = 1; i <= 60; ++i) {
      const chunk_id id{i};
      EXPECT_TRUE(store->create(id, version));
      const auto size = i % 5 == 0 ? 70'000u : 300u + 40u * (i % 9);
      EXPECT_TRUE(change(id, mutation_kind::append, 0, test::pattern(size, i)));
      if (i % 3 == 0)
        EXPECT_TRUE(
          change(id, mutation_kind::append, size, test::pattern(500, i + 1)));
      if (i % 6 == 0)
        EXPECT_TRUE(
          change(id, mutation_kind::write, 20, test::pattern(100, i + 2)));
      if (i % 7 == 0)
        EXPECT_TRUE(store->remove(chunk_id{i - 3}));
      if (i % 20 == 0)
        EXPECT_TRUE(store->quarantine(id));
      if (i % 10 == 0)
        store->run_once();
    }
    for (int i = 0; i < 4; ++i)
      store->run_once();
    for (const auto& state : store->list())
      wanted[state.chunk] = test::store_model::look(*store, state.chunk);
    const test::volume_image image{x.disk};
    for (const auto& [path, content] : image.files()) {
      if (content.empty() || path.ends_with("/lock"))
        continue;
      files[path] = content;
      bytes += content.size();
    }
    ASSERT_GE(wanted.size(), 45u);
  }

  /// Any byte of any file.
  std::pair<std::string, std::uint64_t> somewhere(rng& random) {
    // Each kind of file gets its share, however long the others are.
    std::vector<std::string> kind;
    const auto* place = random.one_in(2)   ? "/log/"
                        : random.one_in(8) ? ""
                                           : "/chunks/";
    for (const auto& [path, ignored] : files) {
      if (path.find(place) != std::string::npos)
        kind.push_back(path);
    }
    const auto& path = kind[random.below(kind.size())];
    return {path, random.below(files.at(path).size())};
  }

  /// Where the data of chunks is, found by looking for it.
  std::vector<stretch> chunk_data() {
    std::vector<stretch> all;
    for (const auto& [id, state] : wanted) {
      const auto plan = store->plan_read(id, 0, 1u << 20);
      EXPECT_TRUE(plan);
      for (const auto& [path, content] : files) {
        if (path.find("/quarantine/") == std::string::npos
            && content.substr(
                 std::min<std::uint64_t>(plan->file_offset, content.size()),
                 state.content.size())
                 == state.content)
          all.push_back({path, plan->file_offset,
                         plan->file_offset + state.content.size(), id});
      }
    }
    EXPECT_EQ(all.size(), wanted.size());
    return all;
  }

  /// @returns those that the scrubber would find.
  std::set<chunk_id> scrub() {
    std::set<chunk_id> bad;
    for (const auto& state : store->list()) {
      const auto faults = store->verify(state.chunk);
      EXPECT_TRUE(faults);
      if (!faults || !faults->empty())
        bad.insert(state.chunk);
    }
    return bad;
  }

  /// Every chunk reads as it was, or not at all. @returns those that do not.
  std::set<chunk_id> read_all() {
    std::set<chunk_id> gone;
    for (const auto& [id, state] : wanted) {
      std::string found(state.content.size(), '\0');
      const auto got = store->read_verified(id, 0, found);
      if (!got) {
        EXPECT_TRUE(got.error().code == ec::integrity
                    || got.error().code == ec::not_found);
        gone.insert(id);
        continue;
      }
      EXPECT_EQ(*got, found.size());
      EXPECT_EQ(found, state.content) << "wrong bytes of chunk " << id;
      EXPECT_EQ(store->state(id)->serial, state.serial);
      EXPECT_EQ(store->state(id)->length, state.length);
    }
    return gone;
  }
};

// While the store is open it needs the data of chunks, and nothing else.
TEST_F(StoreFlips, AreFoundByTheScrubberAndNeverServed) { // SPEC G9
  const auto data = chunk_data();
  rng random{1};
  int found = 0;
  for (int i = 0; i < flips && !HasFailure(); ++i) {
    const auto [path, at] = somewhere(random);
    const auto bit = static_cast<unsigned>(random.below(8));
    SCOPED_TRACE(
      fmt::format("flip {}: bit {} of byte {} in {}", i, bit, at, path));
    std::set<chunk_id> hit;
    for (const auto& each : data) {
      if (each.holds(path, at))
        hit.insert(each.chunk);
    }
    x.disk.flip_bit(path, at, bit);
    EXPECT_EQ(scrub(), hit);
    EXPECT_EQ(read_all(), hit);
    found += static_cast<int>(hit.size());
    x.disk.flip_bit(path, at, bit);
  }
  EXPECT_TRUE(scrub().empty());
  EXPECT_GT(found, flips / 4);
}

// At the start everything is read that the log has ever said.
TEST_F(StoreFlips, AreToldAtTheStartOrFoundByTheScrubber) { // SPEC G9
  auto needed = chunk_data();
  const auto volume = store->id();
  store.reset();
  files.clear();
  test::volume_image image{x.disk};
  for (const auto& [path, content] : image.files()) {
    if (!content.empty() && !path.ends_with("/lock"))
      files[path] = content;
  }
  {
    segment_log log{x.files, "/volume/log", volume, x.options.segment_bytes};
    record_map map;
    ASSERT_TRUE(log.scan(map));
    for (std::size_t i = 0; i < map.records.size(); ++i) {
      if (map.positions[i] < map.proven)
        needed.push_back(map.records[i]);
      else // Nobody was told that these are there.
        EXPECT_TRUE(map.kinds[i] == record_kind::mark
                    || map.kinds[i] == record_kind::tally);
    }
  }
  rng random{2};
  int told = 0;
  int scrubbed = 0;
  int needless = 0;
  for (int i = 0; i < flips && !HasFailure(); ++i) {
    const auto [path, at] = somewhere(random);
    const auto bit = static_cast<unsigned>(random.below(8));
    SCOPED_TRACE(
      fmt::format("flip {}: bit {} of byte {} in {}", i, bit, at, path));
    image.restore();
    x.disk.flip_bit(path, at, bit);
    store = x.open();
    if (!store) {
      // Whose volume it is cannot be read: it is not touched.
      EXPECT_EQ(path, "/volume/identity") << x.trouble;
      x.trouble.clear();
      ++told;
      continue;
    }
    const auto damages = store->damages().size();
    const auto gone = read_all();
    EXPECT_LE(gone.size(), 1u);
    const auto bad = scrub();
    for (const auto id : bad)
      EXPECT_TRUE(gone.contains(id));
    EXPECT_TRUE(gone.empty() || damages > 0 || !bad.empty());
    const auto is_needed
      = std::any_of(needed.begin(), needed.end(),
                    [&, &file = path, byte = at](const stretch& s) {
                      return s.holds(file, byte);
                    });
    const auto detected = damages > 0 || !bad.empty();
    EXPECT_TRUE(detected || !is_needed);
    told += damages > 0 ? 1 : 0;
    scrubbed += bad.empty() ? 0 : 1;
    needless += detected ? 0 : 1;
    // The scrubber's finding goes the way of all bad replicas, for good.
    for (const auto id : bad)
      EXPECT_TRUE(store->quarantine(id));
    store.reset();
    if (i % 10 == 0) {
      store = x.open();
      ASSERT_TRUE(store) << x.trouble;
      EXPECT_TRUE(scrub().empty());
      EXPECT_EQ(read_all(), gone);
      store.reset();
    }
  }
  EXPECT_GT(told, flips / 8);
  EXPECT_GT(scrubbed, flips / 8);
  EXPECT_LT(needless, flips / 2);
}

} // namespace
