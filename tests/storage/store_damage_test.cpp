#include "support/refusal.hpp"
#include "support/volume_image.hpp"
#include "support/volume_lives.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::refusal;
using dfs::test::volume_lives;
using ::testing::HasSubstr;

// Bits that changed on the disk: found, named, never served.

namespace {

constexpr chunk_version version{1};

using snapshots = std::map<chunk_id, test::chunk_snapshot>;

struct ChunkStoreDamage : ::testing::Test {
  volume_lives x{1};
  std::unique_ptr<chunk_store> store;

  bool change(chunk_id id, mutation_kind kind, std::uint32_t offset,
              const std::string& data) {
    const auto serial = store->state(id)->serial.next();
    const test::chunk_change change{
      id, version, serial, kind, offset, data, writer_id{id.value()}, 1};
    return static_cast<bool>(store->apply(change.what(), change.data()));
  }

  snapshots look() {
    snapshots found;
    for (const auto& state : store->list())
      found[state.chunk] = test::store_model::look(*store, state.chunk);
    return found;
  }

  /// Some chunks of every kind, in several segments if these are small.
  snapshots build(std::uint64_t chunks) {
    store = x.open();
    for (std::uint64_t i = 1; i <= chunks; ++i) {
      const chunk_id id{i};
      EXPECT_TRUE(store->create(id, version));
      EXPECT_TRUE(
        change(id, mutation_kind::append, 0, test::pattern(20 + i % 50, i)));
      if (i % 3 == 0)
        EXPECT_TRUE(change(id, mutation_kind::append,
                           static_cast<std::uint32_t>(20 + i % 50),
                           test::pattern(30, i)));
      if (i % 7 == 0)
        EXPECT_TRUE(store->remove(chunk_id{i - 1}));
      if (i % 16 == 0)
        store->run_once();
    }
    for (int i = 0; i < 3; ++i)
      store->run_once();
    auto all = look();
    store.reset();
    return all;
  }

  /// Every chunk is as it was, or is said to be out of service; and none is
  /// there that should not. @returns how many are out.
  std::size_t expect_right_or_reported(const snapshots& wanted) {
    const auto found = look();
    std::set<chunk_id> reported;
    for (const auto& damage : store->damages()) {
      if (damage.chunk)
        reported.insert(*damage.chunk);
    }
    std::size_t out = 0;
    for (const auto& [id, state] : found)
      EXPECT_TRUE(wanted.contains(id)) << "chunk " << id << " has come back";
    for (const auto& [id, state] : wanted) {
      const auto i = found.find(id);
      if (i != found.end()) {
        EXPECT_EQ(i->second.content, state.content) << "chunk " << id;
        EXPECT_EQ(i->second.serial, state.serial) << "chunk " << id;
        EXPECT_FALSE(reported.contains(id));
      } else {
        EXPECT_TRUE(reported.contains(id)) << "chunk " << id << " is lost";
        ++out;
      }
    }
    return out;
  }
};

TEST_F(ChunkStoreDamage, IsFoundInEveryBlockAndNeverServed) { // SPEC G9
  store = x.open();
  std::map<chunk_id, std::string> content;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    const chunk_id id{i};
    content[id] = test::pattern(i % 2 == 0 ? 150'000 : 700, i);
    ASSERT_TRUE(store->create(id, version));
    ASSERT_TRUE(change(id, mutation_kind::write, 0, content[id]));
  }
  for (int i = 0; i < 3; ++i)
    store->run_once();
  const test::volume_image image{x.disk};
  std::map<chunk_id, std::string> paths;
  for (const auto& [id, bytes] : content) {
    paths[id] = "/volume/log/00000001.log";
    for (const auto& [name, file] : image.files()) {
      if (file == bytes)
        paths[id] = name;
    }
  }
  rng random{1};
  for (int flip = 0; flip < 1'000; ++flip) {
    SCOPED_TRACE(flip);
    const chunk_id id{1 + random.below(6)};
    const auto& right = content[id];
    const auto at = random.below(right.size());
    // Where that byte is: the plan says so for `sendfile`, too.
    const auto plan = store->plan_read(id, 0, 1u << 20);
    ASSERT_TRUE(plan);
    const auto& path = paths.at(id);
    const auto bit = static_cast<unsigned>(random.below(8));
    x.disk.flip_bit(path, plan->file_offset + at, bit);
    const auto block = static_cast<std::uint32_t>(at / block_bytes);
    const auto faults = store->verify(id);
    ASSERT_TRUE(faults);
    ASSERT_EQ(faults->size(), 1u);
    EXPECT_EQ(faults->front().block, block);
    std::string bytes(1, '\0');
    const auto offset = static_cast<std::uint32_t>(at);
    EXPECT_EQ(refusal(store->read_verified(id, offset, bytes)), ec::integrity);
    EXPECT_EQ(refusal(store->read_cached(id, offset, bytes)), ec::integrity);
    // And nothing is built on it.
    EXPECT_FALSE(change(id, mutation_kind::write, offset, "x"));
    x.disk.flip_bit(path, plan->file_offset + at, bit);
    EXPECT_TRUE(store->verify(id)->empty());
  }
}

TEST_F(ChunkStoreDamage, OfEveryByteOfTheLogIsToldAndTakesOutOneChunk) {
  x.options.segment_bytes = 16 * 1024;
  const auto wanted = build(9);
  test::volume_image image{x.disk};
  const auto path = std::string{"/volume/log/00000001.log"};
  const auto end = image.files().at(path).find_last_not_of('\0');
  ASSERT_GT(end, 1'000u);
  std::size_t out = 0;
  // The last record is a mark: nothing behind it proves that it was there.
  for (std::size_t at = 64; at < end - 72; ++at) {
    SCOPED_TRACE(at);
    image.restore();
    auto bytes = image.files().at(path);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    image.put(path, bytes);
    store = x.open();
    ASSERT_TRUE(store) << x.trouble;
    const auto gone = expect_right_or_reported(wanted);
    EXPECT_LE(gone, 1u);
    out += gone;
    ASSERT_FALSE(HasFailure());
    // A record of 8 n bytes may end with up to 7 that mean nothing.
    if (gone > 0) {
      ASSERT_GE(store->damages().size(), 1u);
      EXPECT_THAT(store->damages().front().what, HasSubstr("offset"));
      EXPECT_THAT(store->damages().front().what, HasSubstr("00000001.log"));
      // Kept, not served; and the next start has nothing new to say.
      EXPECT_GE(store->quarantined().size(), 1u);
      store.reset();
      store = x.open();
      EXPECT_EQ(look().size(), wanted.size() - gone);
    }
    store.reset();
  }
  EXPECT_GT(out, 300u);
}

/// Stretches of up to a page are lost, in segments of `segment_bytes`.
struct LostStretches : ChunkStoreDamage,
                       ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(LostStretches, AreToldAndTakeOutTheirChunksOnly) { // SPEC G9
  x.options.segment_bytes = GetParam();
  // What counts the end of a segment once more may be compacted.
  x.options.compact_share = 2;
  const auto wanted = build(GetParam() < 100'000 ? 200 : 3'500);
  test::volume_image image{x.disk};
  std::map<std::string, std::uint64_t> ends;
  for (const auto& [name, bytes] : image.files()) {
    if (name.ends_with(".log"))
      ends[name] = bytes.find_last_not_of('\0');
  }
  // The very last count has nobody to vouch for it.
  auto last = std::prev(ends.end());
  last->second -= std::min<std::uint64_t>(last->second, 4'096);
  if (last->second < 5'000)
    ends.erase(last);
  ASSERT_GE(ends.size(), 2u);
  rng random{2};
  std::size_t out = 0;
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    image.restore();
    const auto& [path, end] = *std::next(
      ends.begin(), static_cast<std::ptrdiff_t>(random.below(ends.size())));
    auto bytes = image.files().at(path);
    const auto size = std::min<std::uint64_t>(
      random.one_in(2) ? 4'096 : 1 + random.below(300), end);
    const auto at = random.below(end - size);
    for (auto k = at; k < at + size; ++k)
      bytes[k] = static_cast<char>(bytes[k] ^ 0x55);
    image.put(path, bytes);
    store = x.open();
    ASSERT_TRUE(store) << x.trouble;
    out += expect_right_or_reported(wanted);
    ASSERT_FALSE(HasFailure()) << path << " " << at << " " << size;
    store.reset();
  }
  // A few chunks at a time: those whose records were there.
  EXPECT_GT(out, 100u);
  EXPECT_LT(out, 100u * 40);
}

INSTANTIATE_TEST_SUITE_P(OfAPage, LostStretches,
                         ::testing::Values(8u * 1024, 256u * 1024));

TEST_F(ChunkStoreDamage, OfALostFileIsToldAtTheStart) {
  store = x.open();
  const chunk_id id{5};
  ASSERT_TRUE(store->create(id, version));
  ASSERT_TRUE(change(id, mutation_kind::write, 0, test::pattern(100'000, 1)));
  ASSERT_TRUE(store->create(chunk_id{6}, version));
  for (int i = 0; i < 3; ++i)
    store->run_once();
  store.reset();
  ASSERT_TRUE(x.disk.remove("/volume/chunks/05/0000000000000005.1"));
  store = x.open();
  ASSERT_TRUE(store);
  ASSERT_EQ(store->damages().size(), 1u);
  EXPECT_EQ(store->damages().front().chunk, id);
  EXPECT_THAT(store->damages().front().what,
              HasSubstr("/volume/chunks/05/0000000000000005.1 is missing"));
  EXPECT_EQ(refusal(store->state(id)), ec::not_found);
  EXPECT_TRUE(store->state(chunk_id{6}));
}

TEST_F(ChunkStoreDamage, OfALostSegmentIsToldAtTheStart) {
  x.options.segment_bytes = 8 * 1024;
  const auto wanted = build(150);
  ASSERT_TRUE(x.disk.remove("/volume/log/00000002.log"));
  store = x.open();
  ASSERT_TRUE(store);
  ASSERT_FALSE(store->damages().empty());
  EXPECT_THAT(store->damages().front().what,
              HasSubstr("/volume/log/00000002.log is missing"));
  // Whom it concerned cannot be told by itself: all that were older are out.
  for (const auto& [id, state] : look()) {
    ASSERT_TRUE(wanted.contains(id));
    EXPECT_EQ(state, wanted.at(id));
  }
}

TEST_F(ChunkStoreDamage, ANewerFormatIsRefusedWithBothNumbers) { // SPEC O5
  build(3);
  test::volume_image image{x.disk};
  const auto path = std::string{"/volume/log/00000001.log"};
  auto bytes = image.files().at(path);
  bytes[8] = 2;
  const auto crc = crc32c(std::string_view{bytes}.substr(0, 60));
  for (std::size_t i = 0; i < 4; ++i)
    bytes[60 + i] = static_cast<char>(crc >> (8 * i));
  image.put(path, bytes);
  store = x.open();
  EXPECT_FALSE(store);
  EXPECT_THAT(x.trouble, HasSubstr("00000001.log has format 2, this program "
                                   "reads up to 1"));
  EXPECT_EQ(image.now(path), bytes);
}

} // namespace
