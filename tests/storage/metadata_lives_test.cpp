#include "storage/metadata_backup.hpp"
#include "storage/metadata_store.hpp"
#include "support/faulty_env.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

// What metadata know of their own past, and restores that follow one another.

namespace dfs::storage {
namespace {

namespace fs = std::filesystem;
using test::refusal;

struct MetadataLives : testing::Test {
  test::temp_dir place;
  std::string directory = place / "metadata";
  test::faulty_env faulty;

  std::unique_ptr<metadata_store>
  open(const std::string& where, bool sync = true) {
    metadata_options how;
    how.cluster = 77;
    how.sync = sync;
    auto opened = metadata_store::open(where, how);
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  void copy(const std::string& from, const std::string& to) {
    fs::copy(from, to, fs::copy_options::recursive);
    fs::copy(from + ".made", to + ".made");
  }
};

} // namespace

TEST_F(MetadataLives, CountWhatEachLifeHasLeft) { // SPEC G12
  auto store = open(directory);
  ASSERT_EQ(*store->next_term(11), master_term{1});
  const auto first = store->durable_sequence();
  EXPECT_GT(first, 0u);
  EXPECT_TRUE(store->commit_now({{"na", "1"}, {"nb", "2"}}));
  EXPECT_EQ(store->durable_sequence(), first + 2);
  const auto left = store->durable_sequence();
  store.reset();
  store = open(directory);
  ASSERT_EQ(*store->next_term(22), master_term{2});
  const auto lives = *store->lives();
  ASSERT_EQ(lives.size(), 2u);
  EXPECT_EQ(lives[0].term, master_term{1});
  EXPECT_EQ(lives[0].life, 11u);
  EXPECT_EQ(lives[1].term, master_term{2});
  EXPECT_EQ(lives[1].life, 22u);
  EXPECT_EQ(lives[1].began, left);
  EXPECT_GT(store->durable_sequence(), left);
}

TEST_F(MetadataLives, DoNotShowRowsThatAPowerCutCouldTake) { // SPEC G12
  auto store = open(directory, false);
  ASSERT_TRUE(store->next_term(11));
  const auto synced = store->durable_sequence();
  EXPECT_GT(synced, 0u); // A term is synced, whatever the options say.
  EXPECT_TRUE(store->commit_now({{"na", "1"}}));
  EXPECT_EQ(store->durable_sequence(), synced);
}

TEST_F(MetadataLives, ATermIsNotGivenTwiceAfterAPowerCut) { // SPEC G12
  metadata_options how;
  how.cluster = 77;
  how.sync = false;
  how.env = faulty.env.get();
  auto store = *metadata_store::open(directory, how);
  ASSERT_EQ(*store->next_term(11), master_term{1});
  faulty.disk->powered = false;
  store.reset();
  faulty.disk->cut_power();
  faulty.disk->powered = true;
  store = *metadata_store::open(directory, how);
  EXPECT_EQ(*store->next_term(22), master_term{2});
}

TEST_F(MetadataLives, APutBackDirectoryIsRestoredInItsPlace) { // SPEC G12
  auto store = open(directory);
  ASSERT_TRUE(store->next_term(11));
  EXPECT_TRUE(store->commit_now({{"na", "1"}}));
  store.reset();
  const auto copied = place / "copied";
  copy(directory, copied);
  store = open(directory);
  ASSERT_EQ(*store->next_term(22), master_term{2});
  EXPECT_EQ(refusal(restore_directory(copied, directory, true)), ec::in_use);
  EXPECT_EQ(refusal(restore_directory(directory, place / "x", true)),
            ec::in_use);
  store.reset();
  fs::remove_all(directory);
  fs::rename(copied, directory);
  EXPECT_TRUE(is_metadata(directory));
  EXPECT_EQ(refusal(restore_directory(directory, directory, false)),
            ec::exists);
  const auto made = restore_directory(directory, directory, true);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->replaced, directory + ".replaced-1");
  EXPECT_GT(made->bytes, 0u);
  store = open(directory);
  EXPECT_EQ(**store->get("na"), "1");
  EXPECT_EQ(*store->next_term(33), store->restored_at());
  EXPECT_EQ(store->restored_at().value() >> 16, 1u);
}

// Each of them in a range of terms of its own, also from one and the same
// backup: whatever one gave away no other one gives.
TEST_F(MetadataLives, RestoresInARowHaveTheirOwnTerms) { // SPEC G12
  const auto copies = place / "backups";
  auto store = open(directory);
  ASSERT_TRUE(store->next_term(11));
  ASSERT_TRUE(store->backup(copies));
  store.reset();
  std::uint64_t before = 0;
  for (int i = 0; i < 3; ++i) { // What is there is known.
    ASSERT_TRUE(restore_backup(copies, directory, 0, true));
    store = open(directory);
    const auto term = store->next_term(100)->value();
    EXPECT_EQ(store->restored_at().value(), term);
    EXPECT_GT(term >> 16, before);
    before = term >> 16;
    store.reset();
  }
  // Elsewhere, by what a server has obeyed.
  const master_term obeyed{before << 16 | 5};
  const auto elsewhere = place / "elsewhere";
  ASSERT_TRUE(restore_backup(copies, elsewhere, 0, false, obeyed));
  EXPECT_EQ(open(elsewhere)->restored_at().value() >> 16, before + 1);
}

// The namespace reads from them which numbers the backup has given.
TEST_F(MetadataLives, ThoseOfTheBackupAreKnownAfterARestore) { // SPEC G2
  const auto copies = place / "backups";
  auto store = open(directory);
  ASSERT_TRUE(store->next_term(11));
  ASSERT_TRUE(store->next_term(22));
  ASSERT_TRUE(store->backup(copies));
  store.reset();
  ASSERT_TRUE(restore_backup(copies, directory, 0, true));
  store = open(directory);
  ASSERT_TRUE(store->next_term(33));
  const auto lives = *store->lives();
  ASSERT_EQ(lives.size(), 3u);
  EXPECT_EQ(lives[1].term, master_term{2});
  EXPECT_EQ(lives[1].life, 22u);
  EXPECT_EQ(lives[2].term, store->restored_at());
}

TEST_F(MetadataLives, TheNewestAreKept) { // SPEC G12
  auto store = open(directory, false);
  std::vector<row_change> rows{{"mterm", "5000"}};
  for (std::uint64_t term = 900; term < 5'000; ++term)
    rows.push_back({fmt::format("mlife{:016x}", term), "b 1"});
  ASSERT_TRUE(store->commit_now(rows));
  const auto term = *store->next_term(22);
  EXPECT_EQ(term, master_term{5'001});
  const auto lives = *store->lives();
  ASSERT_EQ(lives.size(), 4'096u);
  EXPECT_EQ(lives.front().term, master_term{905});
  EXPECT_EQ(lives.back().term, term);
}

TEST_F(MetadataLives, TermsThatAreUsedUpAreNotGiven) { // SPEC G12
  const auto copies = place / "backups";
  auto store = open(directory);
  ASSERT_TRUE(store->next_term(11));
  ASSERT_TRUE(store->backup(copies));
  store.reset();
  EXPECT_EQ(refusal(restore_backup(copies, directory, 0, true,
                                   master_term{(1u << 24) - 10})),
            ec::full);
  EXPECT_EQ(*open(directory)->next_term(22), master_term{2}); // As it was.
}

} // namespace dfs::storage
