#include "base/crc32c.hpp"
#include "base/rng.hpp"
#include "storage/durable_mark.hpp"
#include "storage/ordered_log/log_format.hpp"
#include "storage/ordered_log/log_recovery.hpp"
#include "storage/ordered_log/ordered_log.hpp"
#include "support/golden.hpp"
#include "support/hex.hpp"
#include "support/refusal.hpp"
#include "support/simulated_files.hpp"
#include "wire/little_endian.hpp"

#include <gtest/gtest.h>

#include <map>

// Bytes of the log that are not what was written: cut, flipped, foreign.

namespace dfs::storage {
namespace {

using test::refusal;

constexpr auto directory = "/data/log";
constexpr std::uint64_t owner = 0x1122334455667788;
constexpr std::uint32_t salt = 0x51a75a17;

ordered_log_options small_options() {
  ordered_log_options options;
  options.owner = store_id{owner};
  options.segment_bytes = 2'048;
  options.promise_bytes_max = 128;
  options.threads = false;
  options.salt = salt;
  return options;
}

/// The files of a log, to be changed and looked at.
struct image {
  std::map<std::string, std::string> files;
  std::string mark{}; ///< Beside them; empty: none.

  void take(sim::disk& disk) {
    files.clear();
    for (const auto& name : disk.list(directory).value)
      files[name] = disk.read_file(std::string{directory} + "/" + name).value;
  }

  [[nodiscard]] result<ordered_log::start>
  start(const ordered_log_options& options = small_options()) const {
    sim::disk disk;
    test::simulated_files io{disk};
    (void) disk.make_directory("/data");
    (void) disk.make_directory(directory);
    (void) disk.replace_file("/data/log.made", "x");
    if (!mark.empty())
      (void) disk.replace_file(mark_path(directory), mark);
    for (const auto& [name, bytes] : files)
      (void) disk.replace_file(std::string{directory} + "/" + name, bytes);
    auto opened = ordered_log::open(io, directory, options);
    if (!opened)
      return opened.error();
    auto& log = **opened;
    const auto found = log.found();
    for (auto k = found.snapshot.value_or(0) + 1; k <= found.last; ++k)
      if (auto read = log.read(k); !read)
        return read.error();
    if (found.snapshot)
      if (auto read = log.read_snapshot([](auto) { return done; }); !read)
        return read.error();
    // It can be gone on with.
    bool appended = false;
    log.append(found.last + 1, "more",
               [&](const auto& x) { appended = bool{x}; });
    log.run_once();
    if (!appended)
      return fail(ec::io_error, "cannot append");
    return found;
  }
};

struct OrderedLogDamage : ::testing::Test {
  sim::disk disk;
  test::simulated_files io{disk};
  std::unique_ptr<ordered_log> log;
  image made;

  void SetUp() override {
    (void) disk.make_directory("/data");
    (void) disk.sync_directory("/");
    log = *ordered_log::open(io, directory, small_options());
    log->promise("promise one", {});
    for (std::uint64_t k = 1; k <= 3; ++k)
      log->append(k, "message " + std::to_string(k), {});
    log->run_once();
    log->cut(2, {});
    log->append(3, "another three", {});
    log->run_once();
    log->append(4, "message 4", {});
    log->promise("promise two", {});
    log->run_once();
  }

  void take() {
    log.reset();
    made.take(disk);
  }

  std::string& segment(std::uint64_t number = 1) {
    return made.files.at(segment_name(number));
  }

  static std::size_t end_of(const std::string& bytes) {
    return bytes.find_last_not_of('\0') + 1;
  }
};

// Format 1, as it lies on disks.
TEST_F(OrderedLogDamage, BytesAreThoseOfTheGoldenFile) { // SPEC O5
  auto draft = *log->begin_snapshot(4);
  ASSERT_TRUE(draft->add("page one"));
  ASSERT_TRUE(draft->add("page two"));
  log->install(std::move(draft), ordered_log::snapshot_kind::checkpoint, {});
  log->run_once();
  take();
  std::string text;
  for (const auto& [name, bytes] : made.files) {
    if (name == "lock" || name == "spare")
      continue;
    text += name + "\n";
    const auto used = bytes.substr(0, end_of(bytes));
    for (std::size_t at = 0; at < used.size(); at += 32)
      text += test::hex(used.substr(at, 32)) + "\n";
  }
  EXPECT_EQ(text, test::golden("ordered_log_1"));
}

// Cut anywhere, or not written, or anything behind it: what stands before is
// there, as far as blocks go.
TEST_F(OrderedLogDamage, ATornTailIsDropped) { // SPEC Q10, I7
  take();
  const auto whole = segment();
  const auto end = end_of(whole);
  ASSERT_EQ(made.start()->last, 4u);
  // The last block is torn; those before were durable.
  std::size_t last_block = 0;
  for (std::size_t at = 0; at < end; at += log_alignment)
    if (decode_block_head(std::string_view{whole}.substr(at), salt))
      last_block = at;
  ASSERT_GT(last_block, 200u);
  rng random{3};
  for (auto at = last_block; at < end; ++at) {
    for (const auto garbage : {false, true}) {
      segment() = whole;
      for (auto i = at; i < whole.size(); ++i)
        segment()[i] = garbage ? static_cast<char>(random.below(256)) : '\0';
      if (segment() == whole)
        continue;
      const auto found = made.start();
      ASSERT_TRUE(found) << at << ": " << found.error().context;
      EXPECT_EQ(found->last, 3u) << at;
      EXPECT_EQ(found->promise, "promise one");
    }
  }
}

// One bit anywhere: found, or in what nobody can have been told of.
TEST_F(OrderedLogDamage, ADamagedBlockIsNotATornTail) { // SPEC Q10
  for (std::uint64_t k = 5; k <= 30; ++k) {
    log->append(k, std::string(60, 'x'), {});
    log->run_once();
  }
  take();
  const auto files = made.files;
  std::map<std::string, int> outcomes;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("log-"))
      continue;
    const auto last = name == std::prev(files.find("spare"))->first;
    const auto end = end_of(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += at < end ? 1 : 97) {
      made.files = files;
      made.files[name][at] = static_cast<char>(made.files[name][at] ^ 0x10);
      const auto found = made.start();
      if (!found) {
        EXPECT_EQ(found.error().code, ec::integrity) << found.error().context;
        ++outcomes["found"];
      } else {
        // Padding, zeros, or the last block.
        EXPECT_GE(found->last, 29u) << name << " " << at;
        if (found->last == 29)
          EXPECT_TRUE(last) << name << " " << at;
        ++outcomes[found->last == 29 ? "torn" : "harmless"];
      }
    }
  }
  EXPECT_GT(outcomes["found"], 2'000);
  EXPECT_GT(outcomes["torn"], 60);
}

// Without syncs a hole may have whole blocks behind it. They are dropped with
// it, also when what is written next ends just where they begin.
TEST(OrderedLogHole, WhatIsBehindItStaysDropped) { // SPEC Q10, I7
  auto options = small_options();
  options.sync = false;
  sim::disk disk;
  test::simulated_files io{disk};
  (void) disk.make_directory("/data");
  auto log = *ordered_log::open(io, directory, options);
  for (std::uint64_t k = 1; k <= 6; ++k) {
    log->append(k, "old " + std::to_string(k), {});
    log->run_once();
  }
  log.reset();
  const auto path = std::string{directory} + "/" + segment_name(1);
  auto bytes = disk.read_file(path).value;
  bytes[bytes.find("old 3")] = 'x';
  (void) disk.replace_file(path, bytes);
  log = *ordered_log::open(io, directory, options);
  EXPECT_EQ(log->found().last, 2u);
  log->append(3, "new 3", {});
  log->run_once();
  log.reset();
  log = *ordered_log::open(io, directory, options);
  EXPECT_EQ(log->found().last, 3u);
  EXPECT_EQ(*log->read(3), "new 3");
}

// What was synced is missed, wherever the log ends now.
TEST_F(OrderedLogDamage, AShortenedLogIsRefused) { // SPEC Q10
  take();
  made.mark = disk.read_file(mark_path(directory)).value;
  const auto files = made.files;
  EXPECT_EQ(made.start()->last, 4u);
  const auto whole = segment();
  for (std::size_t left = 0; left < end_of(whole); ++left) {
    segment() = whole.substr(0, left);
    segment().resize(left % 2 == 0 ? left : whole.size());
    const auto found = made.start();
    ASSERT_EQ(refusal(found), ec::integrity) << left;
    const auto& why = found.error().context;
    EXPECT_NE(why.find(segment_name(1)), std::string::npos) << why;
    EXPECT_NE(why.find("Try: "), std::string::npos) << why;
  }
  made.files = files;
  made.files.erase(segment_name(1));
  EXPECT_EQ(refusal(made.start()), ec::integrity);
  made.files.clear(); // Not there at all: not mounted, perhaps.
  EXPECT_EQ(refusal(made.start()), ec::configuration);
}

// The newest of several is gone: what is left looks like a whole log.
TEST_F(OrderedLogDamage, ALogWithoutItsNewestSegmentIsRefused) { // SPEC Q10
  for (std::uint64_t k = 5; k <= 60; ++k) {
    log->append(k, std::string(60, 'x'), {});
    log->run_once();
  }
  take();
  std::vector<std::string> segments;
  for (const auto& [name, bytes] : made.files)
    if (name.starts_with("log-"))
      segments.push_back(name);
  ASSERT_GE(segments.size(), 3u);
  const auto files = made.files;
  made.files.erase(segments.back());
  EXPECT_TRUE(made.start()); // Nothing says that it was there, but the mark.
  made.mark = disk.read_file(mark_path(directory)).value;
  EXPECT_EQ(refusal(made.start()), ec::integrity);
  made.files = files;
  EXPECT_EQ(made.start()->last, 60u);
}

// The mark is raised after a block's sync: the torn block is above it.
TEST_F(OrderedLogDamage, ATornTailAboveTheMarkIsDropped) { // SPEC Q10, I7
  made.mark = disk.read_file(mark_path(directory)).value;
  log->append(5, "message 5", {});
  log->run_once();
  take();
  const auto end = end_of(segment());
  segment()[end - 2] = static_cast<char>(segment()[end - 2] ^ 1);
  const auto found = made.start();
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->last, 4u);
}

// A client pushes bytes that look like a block, and its own block is torn.
TEST(OrderedLogForgery, AMessageIsNoBlock) { // SPEC Q10, O3
  for (const auto guessed : {false, true}) {
    sim::disk disk;
    test::simulated_files io{disk};
    (void) disk.make_directory("/data");
    auto log = *ordered_log::open(io, directory, small_options());
    for (std::size_t i = 0; i < 16; ++i) { // At every alignment.
      auto forged = std::string(i, 'x')
                    + encode_block({9, 1, 9, 0, 0}, "", guessed ? salt : 0);
      log->append(i + 1, std::move(forged), {});
    }
    log->run_once();
    log.reset();
    const auto path = std::string{directory} + "/" + segment_name(1);
    auto bytes = disk.read_file(path).value;
    bytes[bytes.find('x')] = 'y';
    (void) disk.replace_file(path, bytes);
    // As after a power cut, before which the block was not durable.
    (void) disk.replace_file(mark_path(directory), mark_text({owner, 0, 1}));
    const auto opened = ordered_log::open(io, directory, small_options());
    EXPECT_EQ(bool{opened}, !guessed);
  }
}

TEST_F(OrderedLogDamage, ADamagedSnapshotIsFound) { // SPEC Q10
  auto draft = *log->begin_snapshot(3);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(draft->add("page " + std::to_string(i)));
  log->install(std::move(draft), ordered_log::snapshot_kind::checkpoint, {});
  log->run_once();
  take();
  const auto files = made.files;
  ASSERT_TRUE(made.start());
  int snapshots = 0;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("snapshot-"))
      continue;
    ++snapshots;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      made.files = files;
      made.files[name][at] = static_cast<char>(bytes[at] ^ 4);
      EXPECT_EQ(refusal(made.start()), ec::integrity) << at;
      made.files[name] = bytes.substr(0, at);
      EXPECT_EQ(refusal(made.start()), ec::integrity) << at;
    }
  }
  EXPECT_EQ(snapshots, 1);
}

TEST_F(OrderedLogDamage, ANewerFormatIsNotTouched) { // SPEC O5
  take();
  auto& bytes = segment();
  bytes[7] = 2;
  wire::store(bytes.data() + 60, crc32c(std::string_view{bytes}.substr(0, 60)));
  EXPECT_EQ(refusal(made.start()), ec::unsupported);
}

TEST_F(OrderedLogDamage, ANewerRecordIsNotPassedOver) { // SPEC O5
  take();
  const auto end = end_of(segment());
  const auto at = (end + log_alignment - 1) / log_alignment * log_alignment;
  const auto block = encode_block({5, 1, 4, 0, 0},
                                  "\x09"
                                  "new",
                                  salt);
  segment().replace(at, block.size(), block);
  EXPECT_EQ(refusal(made.start()), ec::unsupported);
}

TEST(LogFormat, TakesAnyBytes) { // SPEC O3
  rng random{9};
  std::string good;
  append_promise(good, "promise");
  append_message(good, 7, "message");
  append_cut(good, 5);
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    auto bytes = good;
    bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    if (random.one_in(3))
      bytes.resize(random.below(bytes.size()));
    std::size_t handed = 0;
    const record_visitor visitor{
      [&](auto, std::size_t offset, std::string_view x) {
        EXPECT_LE(offset + x.size(), bytes.size());
        handed += x.size();
      },
      [&](std::string_view x) { handed += x.size(); }, [](auto) {}};
    read += read_records(bytes, visitor) ? 1 : 0;
    EXPECT_LE(handed, bytes.size());
    EXPECT_FALSE(decode_block_head(bytes, salt));
    EXPECT_FALSE(*decode_segment_head(bytes));
  }
  EXPECT_GT(read, 10'000);
}

} // namespace
} // namespace dfs::storage
