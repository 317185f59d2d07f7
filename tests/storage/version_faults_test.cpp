#include "support/refusal.hpp"
#include "support/version_lives.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

// Disks that fail, fill up or lie, under a version store.

namespace dfs::storage {
namespace {

using namespace std::chrono_literals;
using test::bring;
using test::content_of;
using test::file_call;
using test::put_number;
using test::read_whole;
using test::refusal;
using test::state_with;

constexpr group_id one{1};
constexpr std::size_t kib = 1'024;

struct VersionStoreFaults : testing::Test, test::version_lives {
  VersionStoreFaults() : version_lives{1} {
    options.chunks.packed_bytes_max = 64 * kib;
    options.chunks.segment_bytes = 1u << 20;
  }

  ~VersionStoreFaults() override {
    rows_disk.disk->release_syncs();
    store.reset(); // Tells who waits.
  }

  void start() {
    store.reset();
    auto opened
      = version_store::open(files, volumes, place / "rows",
                            {"00112233445566ff", store_id{7}}, options);
    ASSERT_TRUE(opened) << opened.error().context;
    store = *std::move(opened);
  }

  /// For a commit: what it is told is known by this number.
  group_store::callback tell(std::uint64_t number) {
    return [this, number](const result<nothing>& x) {
      const std::lock_guard lock{telling_};
      told_.insert_or_assign(number, x);
    };
  }
  bool is_told(std::uint64_t number) {
    const std::lock_guard lock{telling_};
    return told_.contains(number);
  }
  /// Waits for it.
  result<nothing> told(std::uint64_t number) {
    while (!is_told(number))
      std::this_thread::yield();
    const std::lock_guard lock{telling_};
    return told_.at(number);
  }

  /// The file of that number gets a content of as many KiB.
  void put(std::uint64_t number, std::size_t size = 1) {
    const auto id = put_number(number);
    ASSERT_TRUE(bring(store->contents(), id, content_of(id, size * kib)));
    commit(number, size);
  }
  void commit(std::uint64_t number, std::size_t size = 1) {
    const auto id = put_number(number);
    store->groups().commit(
      one, {msg::file_change{inode_id{number}, state_with(id, size * kib, 1)}},
      {id}, tell(number));
  }
  /// All that was committed has been told something.
  void wait() {
    run_volumes();
    write_rows();
  }
  /// What was committed is on the disk of the rows, whatever the contents do.
  void write_rows() {
    std::promise<void> over;
    store->groups().commit(group_id{9}, {}, {},
                           [&](const auto&) { over.set_value(); });
    over.get_future().wait();
  }
  /// These puts are called back, and their rows are pending ones still.
  void put_pending(std::uint64_t count, std::size_t size = 1) {
    for (std::uint64_t i = 1; i <= count; ++i)
      put(i, size);
    write_rows();
    run_volumes();
    run_volumes();
    for (std::uint64_t i = 1; i <= count; ++i)
      ASSERT_TRUE(is_told(i) && told(i)) << i;
  }
  std::set<std::uint64_t> files_there() {
    std::set<std::uint64_t> numbers;
    const auto rows = store->groups().load();
    EXPECT_TRUE(rows) << rows.error().context;
    if (const auto found = rows->find(one); found != rows->end())
      for (const auto& [file, state] : found->second.files)
        numbers.insert(file.value());
    return numbers;
  }
  /// What is deferred so far gets to the disk, and what comes later does not.
  /// @param other A content that nobody needs: its chunk shows when.
  void flush_and_wait(const msg::put_id& other) {
    const auto chunk = store->contents().find(other)->pieces.front().chunk;
    store->contents().remove(other);
    store->groups().flush();
    rows_disk.disk->release_syncs();
    while (store->volumes().front()->state(chunk)) {
      store->tick({});
      std::this_thread::yield();
    }
  }
  /// Nothing that was not synced is there.
  void cut_power() {
    crash(true, sim::power_loss::all);
  }
  /// Where a content's bytes are on the disk of a volume.
  std::pair<std::string, std::uint64_t> place_of(std::string_view bytes) {
    const auto names = files.list("/v1/log");
    for (const auto& name : *names) {
      const auto path = "/v1/log/" + name;
      const auto text = disk.read_file(path);
      if (const auto at = text.value.find(bytes); at != std::string::npos)
        return {path, at};
    }
    return {};
  }

  std::atomic<int> failures{0};

private:
  std::mutex telling_;
  std::map<std::uint64_t, result<nothing>> told_;
};

// The row and the bytes are synced side by side: whichever comes last counts.
TEST_F(VersionStoreFaults, ToldWhenBothAreDurable) { // SPEC S6
  start();
  put(1);
  std::this_thread::yield();
  EXPECT_FALSE(is_told(1));
  wait();
  EXPECT_TRUE(told(1));
  rows_disk.disk->hold_syncs();
  put(2);
  run_volumes();
  EXPECT_FALSE(is_told(2));
  rows_disk.disk->release_syncs();
  wait();
  EXPECT_TRUE(told(2));
}

TEST_F(VersionStoreFaults, WhatWasNeverWholeIsDropped) {
  start();
  put(1);
  wait();
  put(2);
  // The row gets to the disk, the bytes do not.
  write_rows();
  cut_power();
  start();
  EXPECT_EQ(files_there(), std::set<std::uint64_t>{1});
  EXPECT_TRUE(store->contents().lost().empty());
}

// It may have been answered: the file counts, its bytes are fetched.
TEST_F(VersionStoreFaults, WhatIsDamagedCountsAndIsLost) {
  start();
  put_pending(2);
  cut_power();
  const auto [path, at] = place_of(content_of(put_number(1), kib));
  ASSERT_NE(path, "");
  disk.flip_bit(path, at - 4); // In what says where they are.
  start();
  EXPECT_EQ(files_there(), (std::set<std::uint64_t>{1, 2}));
  EXPECT_EQ(store->contents().lost(), std::vector{put_number(1)});
  EXPECT_TRUE(store->contents().holds(put_number(2)));
  EXPECT_FALSE(store->troubles().empty());
  // Also at the next start, which finds no damage.
  start();
  EXPECT_EQ(store->contents().lost(), std::vector{put_number(1)});
  const auto bytes = content_of(put_number(1), kib);
  ASSERT_TRUE(bring(store->contents(), put_number(1), bytes));
  EXPECT_TRUE(store->contents().lost().empty());
}

TEST_F(VersionStoreFaults, WhatWasOnAVolumeThatIsGoneCountsAndIsLost) {
  volumes.push_back("/v2");
  start();
  put_pending(8);
  cut_power();
  volumes.erase(volumes.begin());
  start();
  EXPECT_EQ(files_there().size(), 8u);
  EXPECT_EQ(store->contents().lost().size() + store->contents().list().size(),
            8u);
  EXPECT_FALSE(store->contents().lost().empty());
}

// Where nothing is left that tells whose the lost bytes were.
TEST_F(VersionStoreFaults, WhatMayHaveBeenInAHoleCountsAndIsLost) {
  start();
  put_pending(4, 64);
  cut_power();
  const auto [path, first] = place_of(content_of(put_number(1), 64 * kib));
  const auto [same, last] = place_of(content_of(put_number(3), 64 * kib));
  ASSERT_TRUE(!path.empty() && path == same && first < last);
  const auto log = disk.open(path, false);
  ASSERT_TRUE(disk.write(log.value, first - 100,
                         std::string(last + 70 * kib - first, 'x')));
  ASSERT_TRUE(disk.sync(log.value));
  disk.close_all();
  start();
  EXPECT_EQ(files_there(), (std::set<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_FALSE(store->troubles().empty());
  EXPECT_GE(store->contents().lost().size(), 3u);
}

// A chunk goes after the row that names it, never before.
TEST_F(VersionStoreFaults, WhatIsNamedOnTheDiskIsThere) {
  start();
  put(1);
  wait();
  write_rows();
  store->contents().remove(put_number(1));
  store->tick(instant{});
  run_volumes();
  run_volumes();
  cut_power();
  start();
  EXPECT_EQ(files_there(), std::set<std::uint64_t>{1});
  EXPECT_TRUE(store->contents().lost().empty());
  EXPECT_TRUE(store->contents().holds(put_number(1)));
}

// Removed while it was on its way: the row that counts comes after the one that
// said where the content was.
TEST_F(VersionStoreFaults, WhatWasRemovedAfterTheAnswerWasThere) {
  start();
  const auto other = put_number(2);
  ASSERT_TRUE(bring(store->contents(), other, "other"));
  wait();
  rows_disk.disk->hold_syncs();
  put(1);
  run_volumes();
  store->contents().remove(put_number(1));
  flush_and_wait(other);
  EXPECT_TRUE(told(1));
  run_volumes();
  cut_power();
  start();
  EXPECT_EQ(files_there(), std::set<std::uint64_t>{1});
}

// The same, and it came once more, but not to the disk.
TEST_F(VersionStoreFaults, WhatCameAgainAfterTheAnswerWasThere) {
  start();
  const auto other = put_number(2);
  ASSERT_TRUE(bring(store->contents(), other, "other"));
  wait();
  rows_disk.disk->hold_syncs();
  put(1);
  run_volumes();
  const auto id = put_number(1);
  store->contents().remove(id);
  ASSERT_TRUE(bring(store->contents(), id, content_of(id, kib)));
  flush_and_wait(other);
  EXPECT_TRUE(told(1));
  cut_power();
  start();
  EXPECT_EQ(files_there(), std::set<std::uint64_t>{1});
  EXPECT_FALSE(store->contents().holds(id));
}

TEST_F(VersionStoreFaults, BadBytesAreNotHandedOut) { // SPEC S3
  start();
  put(1);
  wait();
  const auto id = put_number(1);
  const auto [path, at] = place_of(content_of(id, kib));
  disk.flip_bit(path, at + 100);
  EXPECT_EQ(refusal(read_whole(store->contents(), id, kib)), ec::integrity);
  EXPECT_EQ(*store->contents().verify(id), 1u);
  store->contents().lose(id);
  EXPECT_EQ(refusal(read_whole(store->contents(), id, kib)), ec::not_found);
  ASSERT_TRUE(bring(store->contents(), id, content_of(id, kib)));
  EXPECT_EQ(*read_whole(store->contents(), id, kib), content_of(id, kib));
}

TEST_F(VersionStoreFaults, AVolumeThatFailsCostsItsContents) {
  volumes.push_back("/v2");
  options.on_volume_failure = [this](const auto&, const auto&) { ++failures; };
  start();
  put(1);
  wait();
  ASSERT_TRUE(told(1));
  put(2);
  put(3);
  store->groups().commit(
    one, {msg::file_change{inode_id{6}, state_with(put_number(6), 0, 1)}}, {},
    tell(6));
  files.fail(file_call::sync, 0, ec::io_error, 2); // Both.
  run_volumes();
  wait();
  files.heal();
  EXPECT_EQ(refusal(told(2)), ec::io_error);
  EXPECT_EQ(refusal(told(3)), ec::io_error);
  EXPECT_EQ(refusal(told(6)), ec::io_error);
  EXPECT_GE(failures, 1);
  // The group waits until it has been read again; others go on.
  EXPECT_EQ(store->tick(instant{}).empty(), false);
  store->groups().commit(one, {msg::file_change{inode_id{4}, {}}}, {}, tell(4));
  EXPECT_EQ(refusal(told(4)), ec::io_error);
  const auto again = store->groups().reload(one);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->files.size(), 1u);
  store->groups().commit(one, {msg::file_change{inode_id{1}, {}}}, {}, tell(5));
  wait();
  EXPECT_TRUE(told(5));
  EXPECT_TRUE(files_there().empty());
  // What failed stays so.
  cut_power();
  start();
  EXPECT_TRUE(files_there().empty());
}

TEST_F(VersionStoreFaults, EverythingEndsWhenRowsCannotBeWritten) {
  options.on_rows_failure = [this](const auto&) { ++failures; };
  start();
  put(1);
  wait();
  rows_disk.disk->fail_syncs = true;
  put(2);
  wait();
  EXPECT_EQ(refusal(told(2)), ec::io_error);
  EXPECT_EQ(failures, 1);
  const auto id = put_number(3);
  EXPECT_EQ(refusal(bring(store->contents(), id, "new")), ec::io_error);
  store->groups().commit(group_id{5}, {msg::group_row{}}, {}, tell(4));
  EXPECT_EQ(refusal(told(4)), ec::io_error);
  rows_disk.disk->fail_syncs = false;
  cut_power();
  start();
  EXPECT_EQ(files_there(), std::set<std::uint64_t>{1});
}

TEST_F(VersionStoreFaults, AFullVolumeRefusesAndGoesOnLater) {
  start();
  wait();
  files.set_capacity(disk.used() + (2u << 20));
  std::uint64_t count = 0;
  result<nothing> last = done;
  while (last && count < 200) {
    const auto id = put_number(++count);
    last = bring(store->contents(), id, content_of(id, 100 * kib));
    if (last)
      commit(count, 100);
    run_volumes();
  }
  EXPECT_EQ(refusal(last), ec::full);
  EXPECT_GT(count, 5u);
  EXPECT_TRUE(store->contents().usage().full);
  wait();
  for (std::uint64_t i = 1; i < count; ++i)
    EXPECT_TRUE(told(i)) << i;
  // Removals work, and make room.
  for (std::uint64_t i = 1; i < count; ++i)
    store->contents().remove(put_number(i));
  store->groups().flush();
  wait();
  store->tick(instant{} + 1s);
  run_volumes();
  run_volumes();
  const auto id = put_number(count);
  EXPECT_TRUE(bring(store->contents(), id, content_of(id, 100 * kib)));
}

// Whichever write finds its volume full, in the middle of a part, too.
TEST_F(VersionStoreFaults, AFullVolumeLeavesTheRestToAnother) {
  volumes.push_back("/v2");
  start();
  const auto bytes = content_of(put_number(1), 600 * kib);
  std::uint64_t split = 0;
  for (std::uint64_t at = 0; at < 12; ++at) {
    SCOPED_TRACE(at);
    const auto id = put_number(10 + at);
    files.fail(file_call::write, at, ec::full);
    ASSERT_TRUE(bring(store->contents(), id, bytes, 192 * kib));
    files.heal();
    EXPECT_EQ(*read_whole(store->contents(), id, bytes.size()), bytes);
    split += store->contents().find(id)->pieces.size() > 5 ? 1 : 0;
  }
  EXPECT_GT(split, 0u);
}

TEST_F(VersionStoreFaults, GoesOnWhereAFullDiskStoppedIt) {
  start();
  const auto bytes = content_of(put_number(1), 600 * kib);
  for (std::uint64_t at = 0; at < 5; ++at) {
    SCOPED_TRACE(at);
    const auto id = put_number(10 + at);
    files.fail(file_call::write, at, ec::full, 9);
    auto came = bring(store->contents(), id, bytes, 600 * kib);
    EXPECT_EQ(refusal(came), ec::full);
    files.heal();
    // Not from the beginning, if it had begun.
    const auto here = *store->contents().staged(id);
    const auto from = here / block_bytes * block_bytes;
    if (from != 0) {
      ASSERT_EQ(from, here);
      const auto before = from - block_bytes; // Half of it is there.
      if (before > 0)
        EXPECT_TRUE(test::append_part(store->contents(), id, before,
                                      std::string_view{bytes}.substr(before)));
      else
        EXPECT_TRUE(test::append_part(store->contents(), id, from,
                                      std::string_view{bytes}.substr(from)));
      ASSERT_TRUE(store->contents().finish(id, bytes.size(), crc32c(bytes)));
    } else {
      ASSERT_TRUE(bring(store->contents(), id, bytes));
    }
    EXPECT_EQ(*read_whole(store->contents(), id, bytes.size()), bytes);
  }
}

// Refused before the disk of the rows is full: a row that fails is the end.
TEST_F(VersionStoreFaults, RowsHaveAReserve) {
  options.rows_reserve = ~std::uint64_t{0};
  start();
  EXPECT_EQ(refusal(bring(store->contents(), put_number(1), "x")), ec::full);
  EXPECT_TRUE(store->contents().usage().full);
}

// Nobody waits for what is settled, but it gets to the disk.
TEST_F(VersionStoreFaults, WhatIsSettledIsWrittenSoon) {
  start();
  put(1);
  wait();
  const msg::version_stamp stamp{group_ballot{1}, 1};
  store->groups().commit(one, {msg::settled_change{inode_id{1}, stamp}}, {},
                         tell(2));
  EXPECT_TRUE(told(2)); // At once: nothing was written.
  const auto before = rows_disk.disk->syncs.load();
  store->tick(instant{});
  store->tick(instant{} + 1s);
  while (rows_disk.disk->syncs == before)
    std::this_thread::yield();
  cut_power();
  start();
  EXPECT_TRUE(store->groups().load()->at(one).files.at(inode_id{1}).settled);
}

} // namespace
} // namespace dfs::storage
