#include "storage/metadata_store.hpp"

#include "support/faulty_env.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <map>
#include <thread>

namespace dfs::storage {
namespace {

using test::refusal;

constexpr std::uint64_t our_cluster = 0x0011'2233'4455'66ff;

using rows = std::map<std::string, std::string>;

rows rows_of(const metadata_store& store, std::string_view prefix = "n") {
  rows all;
  EXPECT_TRUE(store.for_each(prefix, [&](auto key, auto value) {
    all.emplace(key, value);
    return true;
  }));
  return all;
}

struct MetadataStore : testing::Test {
  test::temp_dir place;
  std::string directory = place / "metadata";
  test::faulty_env faulty;
  std::atomic<int> failures{0};

  metadata_options options() {
    metadata_options made;
    made.cluster = our_cluster;
    made.env = faulty.env.get();
    made.on_failure = [this](const error&) { ++failures; };
    return made;
  }

  std::unique_ptr<metadata_store> open() {
    auto opened = metadata_store::open(directory, options());
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }
};

TEST_F(MetadataStore, KeepsRowsInTheOrderOfTheirKeys) { // SPEC G2
  auto store = open();
  EXPECT_TRUE(store->commit_now({{"nb", "2"}, {"na", "1"}, {"o", "x"}}));
  EXPECT_TRUE(store->commit_now({{"nb", {}}, {"nc", "3"}}));
  store.reset();
  store = open();
  EXPECT_EQ(rows_of(*store), (rows{{"na", "1"}, {"nc", "3"}}));
  EXPECT_EQ(**store->get("o"), "x");
  EXPECT_FALSE(*store->get("nb"));
}

TEST_F(MetadataStore, RemovesManyRowsAtOnce) {
  auto store = open();
  EXPECT_TRUE(
    store->commit_now({{"n1", "1"}, {"n2", "2"}, {"n21", "x"}, {"n3", "3"}}));
  EXPECT_TRUE(store->commit_now({{"n2", {}, "n3"}}));
  EXPECT_EQ(rows_of(*store), (rows{{"n1", "1"}, {"n3", "3"}}));
}

// I1, I3; SPEC S6: nothing acknowledged is lost when the power goes.
TEST_F(MetadataStore, KeepsWhatItReportedWhenThePowerGoes) {
  auto store = open();
  std::atomic<int> reported{0};
  constexpr int commits = 500;
  for (int i = 0; i < commits; ++i) {
    const auto number = std::to_string(i);
    store->commit({{"na" + number, number}, {"nb" + number, number}},
                  [&](const auto& x) {
                    EXPECT_TRUE(x);
                    if (++reported == commits / 2)
                      faulty.disk->powered = false;
                  });
  }
  store.reset();
  faulty.disk->cut_power();
  faulty.disk->powered = true;
  store = open();
  const auto left = rows_of(*store);
  EXPECT_GE(left.size(), static_cast<std::size_t>(commits / 2) * 2);
  for (std::size_t i = 0; i < left.size() / 2; ++i) { // I2: a prefix, whole
    EXPECT_TRUE(left.contains("na" + std::to_string(i))) << i;
    EXPECT_TRUE(left.contains("nb" + std::to_string(i))) << i;
  }
}

// The oracle above sees a store that does not sync.
TEST_F(MetadataStore, WithoutSyncAPowerCutCostsRows) {
  auto careless = options();
  careless.sync = false;
  auto store = *metadata_store::open(directory, careless);
  EXPECT_TRUE(store->commit_now({{"n1", "1"}}));
  faulty.disk->powered = false;
  store.reset();
  faulty.disk->cut_power();
  faulty.disk->powered = true;
  store = open();
  EXPECT_TRUE(rows_of(*store).empty());
}

TEST_F(MetadataStore, CallsBackInTheOrderOfTheCalls) {
  auto store = open();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i)
    store->commit({{"n" + std::to_string(i), "x"}},
                  [&order, i](const auto&) { order.push_back(i); });
  store->commit({}, [&](const auto&) { order.push_back(100); });
  EXPECT_TRUE(store->commit_now({}));
  ASSERT_EQ(order.size(), 101u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(MetadataStore, SharesASyncAmongAllThatWait) {
  auto store = open();
  std::mutex guard;
  std::condition_variable wake;
  auto release = false;
  // Holds the commit thread while others queue up.
  store->commit({{"n", "x"}}, [&](const auto&) {
    std::unique_lock lock{guard};
    wake.wait(lock, [&] { return release; });
  });
  while (rows_of(*store).empty())
    std::this_thread::yield();
  const auto before = faulty.disk->syncs.load();
  for (int i = 0; i < 1'000; ++i)
    store->commit({{"n" + std::to_string(i), "x"}}, {});
  {
    const std::lock_guard lock{guard};
    release = true;
  }
  wake.notify_one();
  EXPECT_TRUE(store->commit_now({}));
  EXPECT_LE(faulty.disk->syncs - before, 3);
}

// I2: nothing overtakes what waits.
TEST_F(MetadataStore, WritesInTheCallersThreadIfNobodyWaits) {
  auto careless = options();
  careless.sync = false;
  auto store = *metadata_store::open(directory, careless);
  const std::vector<row_change> change{{"n1", "1"}};
  while (!store->try_commit(change)) // Of the start.
    std::this_thread::yield();
  EXPECT_EQ(rows_of(*store), (rows{{"n1", "1"}}));
  std::promise<void> held;
  std::promise<void> release;
  store->commit({{"n2", "2"}}, [&](const auto&) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  EXPECT_FALSE(store->try_commit({{"n3", "3"}}));
  store->commit({{"n3", "3"}}, {});
  EXPECT_FALSE(store->try_commit({{"n4", "4"}}));
  release.set_value();
  EXPECT_TRUE(store->commit_now({}));
  while (!store->try_commit({{"n5", "5"}}))
    std::this_thread::yield();
  store->commit({{"n6", "6"}}, {}); // And it goes on.
  EXPECT_TRUE(store->commit_now({}));
  EXPECT_EQ(
    rows_of(*store),
    (rows{{"n1", "1"}, {"n2", "2"}, {"n3", "3"}, {"n5", "5"}, {"n6", "6"}}));
}

TEST_F(MetadataStore, WhatIsSyncedIsNotWrittenInTheCallersThread) {
  auto store = open();
  EXPECT_TRUE(store->commit_now({{"n1", "1"}}));
  EXPECT_FALSE(store->try_commit({{"n2", "2"}}));
  EXPECT_EQ(rows_of(*store), (rows{{"n1", "1"}}));
}

TEST_F(MetadataStore, AWriteThatFailsInTheCallersThreadIsTheEnd) { // I4
  auto careless = options();
  careless.sync = false;
  auto store = *metadata_store::open(directory, careless);
  faulty.disk->fail_writes = true;
  EXPECT_EQ(refusal(*store->try_commit({{"n1", "1"}})), ec::io_error);
  EXPECT_EQ(failures, 1);
  faulty.disk->fail_writes = false;
  EXPECT_EQ(refusal(store->commit_now({{"n2", "2"}})), ec::io_error);
  EXPECT_EQ(failures, 1);
}

TEST_F(MetadataStore, EndsWithTheFirstSyncThatFails) { // I4
  auto store = open();
  EXPECT_TRUE(store->commit_now({{"n1", "1"}}));
  faulty.disk->fail_syncs = true;
  EXPECT_EQ(refusal(store->commit_now({{"n2", "2"}})), ec::io_error);
  EXPECT_EQ(failures, 1);
  faulty.disk->fail_syncs = false;
  EXPECT_EQ(refusal(store->commit_now({{"n3", "3"}})), ec::io_error);
  EXPECT_EQ(failures, 1);
  store.reset();
  store = open();
  EXPECT_FALSE(rows_of(*store).contains("n3"));
  EXPECT_TRUE(rows_of(*store).contains("n1"));
}

TEST_F(MetadataStore, EndsWhenTheDiskIsFull) {
  auto store = open();
  faulty.disk->fail_writes = true;
  EXPECT_EQ(refusal(store->commit_now({{"n1", "1"}})), ec::io_error);
  EXPECT_EQ(failures, 1);
  faulty.disk->fail_writes = false;
}

TEST_F(MetadataStore, GivesEachLifeAHigherTerm) {
  auto store = open();
  EXPECT_EQ(*store->next_term(), master_term{1});
  faulty.disk->powered = false; // The first one was durable at its return.
  store.reset();
  faulty.disk->cut_power();
  faulty.disk->powered = true;
  store = open();
  EXPECT_EQ(*store->next_term(), master_term{2});
  EXPECT_EQ(*store->next_term(), master_term{3});
  EXPECT_EQ(store->restored_at(), master_term{1});
}

TEST_F(MetadataStore, RefusesWhatIsNotItsOwn) {
  open().reset();
  auto others = options();
  others.cluster = 5;
  const auto foreign = metadata_store::open(directory, others);
  EXPECT_EQ(refusal(foreign), ec::configuration);
  EXPECT_NE(foreign.error().context.find("00112233445566ff"),
            std::string::npos);
  auto store = open();
  EXPECT_EQ(refusal(metadata_store::open(directory, options())), ec::in_use);
  EXPECT_TRUE(store->commit_now({{"mformat", "2"}}));
  store.reset();
  EXPECT_EQ(refusal(metadata_store::open(directory, options())),
            ec::unsupported); // SPEC O5
}

TEST_F(MetadataStore, IsNotMadeAnewWhenItHasVanished) {
  open().reset();
  std::filesystem::remove_all(directory);
  const auto gone = metadata_store::open(directory, options());
  EXPECT_EQ(refusal(gone), ec::configuration);
  std::filesystem::create_directory(directory);
  EXPECT_EQ(refusal(metadata_store::open(directory, options())),
            ec::configuration);
}

TEST_F(MetadataStore, TakesNoDirectoryOfOthers) {
  std::filesystem::create_directory(directory);
  std::ofstream{directory + "/letters.txt"} << "x";
  EXPECT_EQ(refusal(metadata_store::open(directory, options())),
            ec::configuration);
}

/// Damage in the middle of the newest log that is not empty.
void damage_log(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    if (entry.path().extension() != ".log" || entry.file_size() == 0)
      continue;
    std::fstream file{entry.path(), std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
    file << "damage";
  }
}

TEST_F(MetadataStore, DoesNotStartFromADamagedLog) {
  auto store = open();
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(store->commit_now({{"n" + std::to_string(i), "value"}}));
  const auto copy = place / "copy";
  std::filesystem::copy(directory, copy); // As after a kill: the log is full.
  store.reset();
  damage_log(copy);
  EXPECT_EQ(refusal(metadata_store::open(copy, options())), ec::integrity);
}

TEST_F(MetadataStore, DropsATornTail) { // SPEC S6
  auto store = open();
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(store->commit_now({{"n" + std::to_string(100 + i), "value"}}));
  std::filesystem::copy(directory, place / "copy");
  store.reset();
  directory = place / "copy";
  for (const auto& entry : std::filesystem::directory_iterator{directory})
    if (entry.path().extension() == ".log" && entry.file_size() > 0)
      std::filesystem::resize_file(entry.path(), entry.file_size() - 3);
  store = open();
  EXPECT_EQ(rows_of(*store).size(), 99u);
  EXPECT_FALSE(rows_of(*store).contains("n199"));
}

TEST_F(MetadataStore, IsBackedUpAndRestoredWhileItRuns) { // SPEC G2
  const auto copies = place / "backups";
  auto store = open();
  EXPECT_EQ(*store->next_term(), master_term{1});
  EXPECT_TRUE(store->commit_now({{"n1", "1"}}));
  const auto first = store->backup(copies);
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_TRUE(store->commit_now({{"n2", "2"}}));
  EXPECT_EQ(store->backup(copies)->number, first->number + 1);
  EXPECT_TRUE(store->commit_now({{"n3", "3"}}));
  const auto restore_to = [&](const std::string& to, std::uint32_t number) {
    const auto restored = restore_backup(copies, to, number);
    EXPECT_TRUE(restored) << restored.error().context;
    auto opened = metadata_store::open(to, options());
    EXPECT_TRUE(opened) << opened.error().context;
    return *std::move(opened);
  };
  EXPECT_EQ(rows_of(*restore_to(place / "old", first->number)),
            (rows{{"n1", "1"}}));
  auto newest = restore_to(place / "new", 0);
  EXPECT_EQ(rows_of(*newest), (rows{{"n1", "1"}, {"n2", "2"}}));
  // Nothing that the lost master gave away is given away again.
  EXPECT_GT(newest->restored_at(), master_term{60'000});
  EXPECT_EQ(*newest->next_term(), newest->restored_at());
}

TEST_F(MetadataStore, RestoresNothingDoubtful) {
  const auto copies = place / "backups";
  EXPECT_EQ(refusal(restore_backup(copies, place / "x")), ec::not_found);
  auto store = open();
  EXPECT_TRUE(store->commit_now({{"n1", std::string(1'000, 'x')}}));
  ASSERT_TRUE(store->backup(copies));
  EXPECT_EQ(refusal(restore_backup(copies, directory)), ec::exists);
  EXPECT_EQ(refusal(restore_backup(copies, place / "x", 7)), ec::not_found);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator{copies})
    if (entry.path().extension() == ".sst") {
      std::fstream file{entry.path(), std::ios::in | std::ios::out};
      file.seekp(20);
      file << "damage";
    }
  EXPECT_EQ(refusal(restore_backup(copies, place / "x")), ec::integrity);
  EXPECT_FALSE(std::filesystem::exists(place / "x"));
  place.write("letters.txt", "x");
  EXPECT_EQ(refusal(store->backup(place.path())), ec::configuration);
}

} // namespace
} // namespace dfs::storage
