#include "support/refusal.hpp"
#include "support/volume_lives.hpp"

#include <gtest/gtest.h>

using namespace dfs;
using namespace dfs::storage;
using dfs::test::file_call;
using dfs::test::refusal;
using dfs::test::volume_lives;

// Every call to the disk, refused once: with EIO the volume is out, for good
// and for everybody; with ENOSPC nothing has happened, and all goes on.

namespace {

constexpr std::uint64_t steps = 160;

bool has_failed_for_good(chunk_store& store) {
  bool told = false;
  store.when_durable([&](const result<nothing>& x) {
    told = !x && x.error().code == ec::io_error;
  });
  std::string bytes(10, '\0');
  const chunk_id nobody{99};
  return told && refusal(store.create(nobody, chunk_version{1})) == ec::io_error
         && refusal(store.remove(nobody)) == ec::io_error
         && refusal(store.read_verified(nobody, 0, bytes)) == ec::io_error;
}

/// How many calls of a kind there are when none fails.
std::uint64_t calls_without_faults(file_call kind, std::uint64_t seed) {
  volume_lives x{seed};
  auto store = x.open();
  const auto before = x.files.calls(kind);
  x.run(*store, steps);
  EXPECT_EQ(x.trouble, "");
  return x.files.calls(kind) - before;
}

// Call number `n` of a kind fails. @returns false if there were not so many.
bool fail_once(file_call kind, std::uint64_t n) {
  SCOPED_TRACE(n);
  volume_lives x{7};
  int told = 0;
  x.options.on_failure = [&](const error&) { ++told; };
  auto store = x.open();
  x.work.allowed = {ec::io_error};
  if (kind == file_call::read)
    x.work.allowed.push_back(ec::integrity);
  x.files.fail(kind, n, ec::io_error);
  const auto before = x.files.calls(kind);
  x.run(*store, steps);
  EXPECT_EQ(x.trouble, "");
  if (x.files.calls(kind) - before <= n)
    return false;
  // An unreadable block concerns its chunk; anything else the volume.
  if (store->usage().failed) {
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(has_failed_for_good(*store));
    store->run_once();
    const auto syncs = x.files.calls(file_call::sync);
    store->run_once();
    EXPECT_EQ(x.files.calls(file_call::sync), syncs); // Never repeated.
  }
  EXPECT_TRUE(store->usage().failed || kind == file_call::read);
  store.reset();
  x.files.lose_power(x.random, sim::power_loss::torn);
  EXPECT_EQ(x.live(20), "");
  return true;
}

TEST(ChunkStoreFaults, IsOutForGoodAfterAnErrorOfTheDisk) { // DESIGN 7
  std::uint64_t all = 0;
  for (const auto kind :
       {file_call::write, file_call::sync, file_call::open, file_call::rename,
        file_call::remove, file_call::sync_directory, file_call::read}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const auto calls = calls_without_faults(kind, 7);
    EXPECT_GE(calls, 2u);
    for (std::uint64_t n = 0; n < calls; ++n)
      EXPECT_TRUE(fail_once(kind, n));
    all += calls;
  }
  EXPECT_GT(all, 200u);
}

// Calls `n` to `n + 4` of a kind find the disk full.
bool fill_once(file_call kind, std::uint64_t n) {
  SCOPED_TRACE(n);
  volume_lives x{11};
  auto store = x.open();
  x.work.allowed = {ec::full};
  x.files.fail(kind, n, ec::full, 5);
  const auto before = x.files.calls(kind);
  x.run(*store, steps);
  EXPECT_EQ(x.trouble, "");
  const auto reached = x.files.calls(kind) - before > n;
  x.files.heal();
  for (int i = 0; i < 3; ++i)
    store->run_once();
  // Service has resumed, without a restart.
  EXPECT_FALSE(store->usage().failed);
  EXPECT_FALSE(store->usage().full);
  EXPECT_EQ(x.model.differences(*store), "");
  const auto refused = x.work.refused;
  x.work.ask_all_durable(*store);
  for (int i = 0; i < 3; ++i)
    store->run_once();
  EXPECT_EQ(x.work.refused, refused);
  for (auto& [id, chunk] : x.model.chunks)
    EXPECT_EQ(chunk.history.size(), 1u) << id; // All of it is durable.
  store.reset();
  x.files.lose_power(x.random, sim::power_loss::all);
  EXPECT_EQ(x.live(20), "");
  return reached;
}

TEST(ChunkStoreFaults, GoesOnAfterTheDiskWasFull) { // SPEC G16
  for (const auto kind : {file_call::write, file_call::open}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const auto calls = calls_without_faults(kind, 11);
    EXPECT_GT(calls, 5u);
    for (std::uint64_t n = 0; n < calls; ++n)
      EXPECT_TRUE(fill_once(kind, n));
  }
}

TEST(ChunkStoreFaults, RemovesOnAFullDisk) { // SPEC G16
  volume_lives x{1};
  x.options.reserve_share = 0.5; // Of a small disk: then 64 KiB.
  x.files.set_capacity(1u << 20);
  auto store = x.open();
  ASSERT_TRUE(store);
  const auto data = test::pattern(10'000, 1);
  std::uint64_t number = 0;
  std::optional<ec> why;
  while (!why && number < 1'000) {
    const test::chunk_change change{chunk_id{++number},
                                    chunk_version{1},
                                    mutation_serial{1},
                                    mutation_kind::write,
                                    0,
                                    data};
    why = refusal(store->create(change.what().chunk, chunk_version{1}));
    if (!why)
      why = refusal(store->apply(change.what(), change.data()));
    store->run_once();
  }
  EXPECT_EQ(why, ec::full);
  EXPECT_GT(number, 30u);
  EXPECT_TRUE(store->usage().full);
  EXPECT_FALSE(store->usage().failed);
  // Versions and removals are still taken, and become durable.
  EXPECT_TRUE(store->set_version(chunk_id{1}, chunk_version{2}));
  for (std::uint64_t i = 2; i < number; i += 2)
    EXPECT_TRUE(store->remove(chunk_id{i}));
  bool durable = false;
  store->when_durable(
    [&](const result<nothing>& done) { durable = static_cast<bool>(done); });
  for (int i = 0; i < 4; ++i)
    store->run_once();
  EXPECT_TRUE(durable);
  EXPECT_FALSE(store->usage().full);
  EXPECT_TRUE(store->create(chunk_id{5'000}, chunk_version{1}));
}

TEST(ChunkStoreFaults, RefusesWritesThatWouldTakeTheReserve) { // SPEC G16
  volume_lives x{1};
  x.options.packed_bytes_max = block_bytes;
  x.options.segment_bytes = 256 * 1024;
  x.options.reserve_share = 0.5;
  x.options.reserve_bytes_max = 300'000;
  x.files.set_capacity(2u << 20);
  auto store = x.open();
  ASSERT_TRUE(store);
  const auto data = test::pattern(60'000, 1);
  for (std::uint64_t number = 1; number < 100; ++number) {
    const test::chunk_change change{chunk_id{number},
                                    chunk_version{1},
                                    mutation_serial{1},
                                    mutation_kind::write,
                                    0,
                                    data};
    if (!store->create(change.what().chunk, chunk_version{1})
        || !store->apply(change.what(), change.data()))
      break;
    store->run_once();
  }
  EXPECT_TRUE(store->usage().full);
  EXPECT_LT(x.disk.used(), (2u << 20) - 150'000u);
}

// btrfs, for one, may need room to remove a file.
TEST(ChunkStoreFaults, CountsRemovalsThatTheDiskRefuses) { // SPEC G16
  constexpr chunk_id chunk{3};
  const test::chunk_change added{
    chunk, chunk_version{1},         mutation_serial{1}, mutation_kind::append,
    0,     test::pattern(10'000, 1), writer_id{1},       1};
  volume_lives x{1};
  auto store = x.open();
  ASSERT_TRUE(store->create(chunk, chunk_version{1}));
  ASSERT_TRUE(store->apply(added.what(), added.data()));
  store->run_once();
  ASSERT_TRUE(store->remove(chunk));
  x.files.fail(file_call::remove, 0, ec::full, 1'000);
  for (int i = 0; i < 3; ++i) {
    store->run_once();
    EXPECT_EQ(store->usage().not_freed, 1u);
    EXPECT_TRUE(store->usage().cannot_free);
  }
  x.files.heal();
  store->run_once();
  EXPECT_EQ(store->usage().not_freed, 1u);
  EXPECT_FALSE(store->usage().cannot_free);
  EXPECT_FALSE(store->failed());
}

} // namespace
