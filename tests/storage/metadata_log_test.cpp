#include "storage/metadata_store.hpp"

#include "storage/durable_mark.hpp"
#include "support/faulty_env.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

// Logs of rows that lose their end, their middle, or a whole file.

namespace dfs::storage {
namespace {

namespace fs = std::filesystem;
using test::refusal;

using rows = std::map<std::string, std::string>;

/// With it a record has 128 bytes: a block of RocksDB's log ends with one.
const std::string value(100, 'x');

std::string name_of(int i) {
  return "n" + std::to_string(10'000 + i);
}

struct MetadataLog : testing::Test {
  test::temp_dir place{test::memory_directory_path()};
  std::string directory = place / "metadata";

  static metadata_options options(bool sync = true) {
    metadata_options made;
    made.cluster = 0x0011'2233'4455'66ff;
    made.sync = sync;
    made.remedy = "do this";
    return made;
  }

  std::unique_ptr<metadata_store> open(bool sync = true) {
    auto opened = metadata_store::open(directory, options(sync));
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  static void fill(metadata_store& store, int from, int to) {
    for (int i = from; i < to; ++i)
      EXPECT_TRUE(store.commit_now({{name_of(i), value}}));
  }

  static std::size_t count(const metadata_store& store) {
    std::size_t all = 0;
    EXPECT_TRUE(store.for_each("n", [&](auto, auto) { return ++all > 0; }));
    return all;
  }

  /// The files as a kill leaves them: from now on they are what is meant.
  void kill(std::unique_ptr<metadata_store> store) {
    const auto to = place / "killed";
    fs::create_directory(to);
    fs::copy(directory, to + "/metadata");
    for (const auto* mark : {".made", ".mark"})
      fs::copy_file(directory + mark, to + "/metadata" + mark);
    store.reset();
    directory = to + "/metadata";
  }

  /// Of those that hold anything, the newest.
  std::string newest_log() const {
    std::string newest;
    for (const auto& entry : fs::directory_iterator{directory})
      if (entry.path().extension() == ".log" && entry.file_size() > 0)
        newest = std::max(newest, entry.path().string());
    return newest;
  }

  void expect_refusal(const std::string& file, bool sync = true) const {
    for (int again = 0; again < 2; ++again) {
      const auto opened = metadata_store::open(directory, options(sync));
      ASSERT_EQ(refusal(opened), ec::integrity);
      const auto& why = opened.error().context;
      EXPECT_NE(why.find(file), std::string::npos) << why;
      EXPECT_NE(why.find("Try: "), std::string::npos) << why;
      EXPECT_NE(why.find("do this"), std::string::npos) << why;
      EXPECT_EQ(why.find('\n'), std::string::npos) << why;
    }
  }
};

TEST_F(MetadataLog, AShortenedOneIsRefusedAndStaysAsItWas) { // SPEC S6
  auto store = open();
  fill(*store, 0, 100);
  kill(std::move(store));
  const auto log = newest_log();
  const auto whole = test::temp_dir::read(log);
  for (const auto left : {std::size_t{0}, whole.size() / 2, whole.size() - 3,
                          whole.size() - 140}) {
    SCOPED_TRACE(left);
    fs::resize_file(log, left);
    expect_refusal(log);
    std::ofstream{log, std::ios::binary} << whole; // Brought back.
  }
  store = open();
  EXPECT_EQ(count(*store), 100u);
  fill(*store, 100, 101);
}

TEST_F(MetadataLog, ARemovedOneIsRefused) { // SPEC S6
  auto store = open();
  fill(*store, 0, 100);
  kill(std::move(store));
  const auto log = newest_log();
  const auto whole = test::temp_dir::read(log);
  fs::remove(log);
  expect_refusal(directory);
  std::ofstream{log, std::ios::binary} << whole;
  EXPECT_EQ(count(*open()), 100u);
}

TEST_F(MetadataLog, AFileThatIsMissingIsNamedWithWhatToDo) { // SPEC S6
  open().reset();
  auto store = open(); // With a table of what the first life wrote.
  fill(*store, 0, 10);
  kill(std::move(store));
  std::vector<std::string> names{"CURRENT", "IDENTITY"};
  for (const auto& entry : fs::directory_iterator{directory}) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("MANIFEST-") || name.ends_with(".sst"))
      names.push_back(name);
  }
  EXPECT_GE(names.size(), 4u);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    fs::rename(directory + "/" + name, place / "away");
    expect_refusal(name.ends_with(".sst") ? name.substr(0, 6) : name);
    fs::rename(place / "away", directory + "/" + name);
  }
  EXPECT_EQ(count(*open()), 10u);
}

TEST_F(MetadataLog, AnOlderCopyInItsPlaceIsRefused) { // SPEC S6
  auto store = open();
  fill(*store, 0, 10);
  store.reset();
  fs::copy(directory, place / "copy");
  store = open();
  fill(*store, 10, 20);
  store.reset();
  fs::rename(directory, place / "newer");
  fs::rename(place / "copy", directory);
  expect_refusal(directory);
  fs::remove_all(directory);
  fs::rename(place / "newer", directory);
  EXPECT_EQ(count(*open()), 20u);
}

// Nobody was answered: a record that was being written when the power went.
TEST_F(MetadataLog, ATornTailIsDropped) { // SPEC S6
  auto store = open();
  fill(*store, 0, 99);
  const auto mark = test::temp_dir::read(mark_path(directory));
  fill(*store, 99, 100);
  kill(std::move(store));
  std::ofstream{mark_path(directory), std::ios::binary} << mark;
  const auto log = newest_log();
  fs::resize_file(log, fs::file_size(log) - 3);
  store = open();
  EXPECT_EQ(count(*store), 99u);
}

// A page that reads as zeros is no end for RocksDB: it goes on behind it.
TEST_F(MetadataLog, AHoleIsDamageWhereSyncsWereMade) { // SPEC S6
  auto store = open();
  // With the rows that say whose it is: as long as one of the records.
  EXPECT_TRUE(store->commit_now({{"z", std::string(48, 'x')}}));
  fill(*store, 0, 800);
  kill(std::move(store));
  const auto log = newest_log();
  ASSERT_EQ(fs::file_size(log), 801u * 128);
  std::fstream file{log, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(32'768);
  file << std::string(32'768, '\0');
  file.close();
  expect_refusal("is missing in the middle");
}

TEST_F(MetadataLog, WithoutSyncsItEndsAtAHole) { // SPEC S6; I2
  auto store = open(false);
  fill(*store, 0, 800);
  kill(std::move(store));
  const auto log = newest_log();
  const auto whole = test::temp_dir::read(log);
  for (const auto& garbage :
       {std::string(32'768, '\0'), std::string(90, 'x')}) {
    auto bytes = whole;
    bytes.replace(32'768, garbage.size(), garbage);
    std::ofstream{log, std::ios::binary} << bytes;
    fs::remove_all(place / "aside");
    fs::copy(fs::path{directory}.parent_path(), place / "aside",
             fs::copy_options::recursive);
    store = open(false);
    const auto left = static_cast<int>(count(*store));
    EXPECT_GT(left, 50);
    EXPECT_LT(left, 300);
    EXPECT_EQ(**store->get(name_of(left - 1)), value);
    fill(*store, left, left + 1);
    store.reset();
    store = open(false);
    EXPECT_EQ(count(*store), static_cast<std::size_t>(left + 1));
    store.reset();
    fs::remove_all(fs::path{directory}.parent_path());
    fs::rename(place / "aside", fs::path{directory}.parent_path());
  }
}

// Without syncs a power cut takes the row that says which term was given.
TEST_F(MetadataLog, NoTermIsGivenTwice) { // SPEC S3
  test::faulty_env faulty;
  auto careless = options(false);
  careless.env = faulty.env.get();
  for (std::uint64_t life = 1; life <= 3; ++life) {
    auto store = *metadata_store::open(directory, careless);
    EXPECT_EQ(*store->next_term(), master_term{life});
    faulty.disk->powered = false;
    store.reset();
    faulty.disk->cut_power();
    faulty.disk->powered = true;
  }
}

TEST_F(MetadataLog, RestoredOneHasAMarkOfItsOwn) { // SPEC G2
  auto store = open();
  EXPECT_TRUE(store->next_term());
  fill(*store, 0, 10);
  ASSERT_TRUE(store->backup(place / "backups"));
  fill(*store, 10, 20);
  store.reset();
  for (int life = 0; life < 70; ++life)
    ASSERT_TRUE(open()->next_term());
  const auto given = *open()->next_term();
  ASSERT_TRUE(restore_backup(place / "backups", directory, 0, true));
  store = open();
  EXPECT_EQ(count(*store), 10u);
  EXPECT_GT(*store->next_term(), given);
  fill(*store, 10, 11);
  kill(std::move(store));
  fs::resize_file(newest_log(), 0);
  expect_refusal(newest_log());
}

// A restored one is moved away and comes back, as operators do it; meanwhile
// the lost master's was started, which must not get a term of the restored one.
TEST_F(MetadataLog, AnotherDatabaseHasAnotherMark) { // SPEC G2
  auto store = open();
  EXPECT_TRUE(store->next_term());
  fill(*store, 0, 10);
  ASSERT_TRUE(store->backup(place / "backups"));
  fill(*store, 10, 60);
  store.reset();
  fs::rename(directory, place / "lost");
  ASSERT_TRUE(restore_backup(place / "backups", directory));
  EXPECT_GT(*open()->next_term(), master_term{60'000});
  fs::rename(directory, place / "restored");
  fs::rename(place / "lost", directory);
  store = open();
  EXPECT_EQ(*store->next_term(), master_term{2});
  fill(*store, 60, 70);
  store.reset();
  fs::rename(directory, place / "lost");
  fs::rename(place / "restored", directory);
  EXPECT_EQ(count(*open()), 10u);
}

TEST_F(MetadataLog, OneOfBeforeTheMarkIsTakenAsItIs) { // SPEC O5
  auto store = open();
  fill(*store, 0, 10);
  kill(std::move(store));
  fs::remove(mark_path(directory));
  EXPECT_EQ(count(*open()), 10u);
  ASSERT_TRUE(fs::exists(mark_path(directory)));
}

TEST_F(MetadataLog, ADamagedMarkIsNamed) { // SPEC S6
  open().reset();
  std::ofstream{mark_path(directory)} << "x";
  const auto opened = metadata_store::open(directory, options());
  EXPECT_EQ(refusal(opened), ec::integrity);
  EXPECT_NE(opened.error().context.find(mark_path(directory)),
            std::string::npos);
}

} // namespace
} // namespace dfs::storage
