#include "core/chunks/directory_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

// A master whose metadata were restored from a backup, while chunkservers have
// what the lost one made of them (docs/protocols/chunks.md, "After a restore").

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr master_term term{65'538};
constexpr chunk_id old_chunk{7};
constexpr chunk_id fresh_chunk{9};
constexpr chunk_version floor_of_it{1u << 24};

struct RestoredMaster : ::testing::Test {
  instant now{1h};
  directory_machine machine{
    {.config = config(), .term = term, .restored_at = term, .seed = 7}, now};
  std::map<std::uint64_t, std::uint64_t> sequences;
  std::vector<ask_server> asked;
  std::vector<answer_lease> answers;
  std::vector<log_row> logged;
  bool confirmed = false;

  static directory_config config() {
    directory_config x;
    x.orphan_life = 1min;
    x.repair_delay = 24h;
    x.pending_life = 1min;
    return x;
  }

  // Three servers, and a chunk of a file, of version 3, in the backup.
  RestoredMaster() {
    for (std::uint64_t i = 1; i <= 3; ++i)
      machine.load_server_row({store_id{i}, name(i), name(i), data(i)});
    machine.load_file_row(
      {.chunk = old_chunk,
       .file = inode_id{9},
       .extent = {chunk_version{3}, mutation_serial{5}, 10, 10},
       .replication = 3});
  }

  static std::string name(std::uint64_t i) {
    return "store-" + std::to_string(i);
  }
  static endpoint data(std::uint64_t i) {
    return *endpoint::parse("10.0.0." + std::to_string(i) + ":7405");
  }

  void take() {
    for (auto& x : machine.take_effects()) {
      if (auto* order = std::get_if<ask_server>(&x))
        asked.push_back(*order);
      else if (auto* answer = std::get_if<answer_lease>(&x))
        answers.push_back(*answer);
      else if (auto* row = std::get_if<log_row>(&x))
        logged.push_back(*row);
      else if (std::holds_alternative<log_confirmed>(x))
        confirmed = true;
    }
    machine.check();
  }

  void enlist(std::uint64_t i, const std::vector<msg::chunk_state>& has) {
    msg::register_chunkserver x;
    x.store = store_id{i};
    x.boot = boot_id{i};
    x.name = x.zone = name(i);
    x.data = data(i);
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(x, now));
    sequences[i] = 0;
    ASSERT_TRUE(
      machine.report({store_id{i}, boot_id{i}, 0, true, 0, has}, now));
    beat(i);
  }

  /// @param news What is new there.
  void beat(std::uint64_t i, std::vector<msg::chunk_state> news = {}) {
    msg::chunk_heartbeat x;
    x.store = store_id{i};
    x.boot = boot_id{i};
    x.term = term;
    x.sequence = ++sequences[i];
    x.heard = x.sequence - 1;
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    x.led_last = x.all_told = true;
    x.arrived = std::move(news);
    EXPECT_TRUE(machine.heartbeat(x, now));
    take();
  }

  void pass(std::chrono::nanoseconds time) {
    for (const auto end = now + time; now < end;) {
      now += std::min<std::chrono::nanoseconds>(500ms, end - now);
      for (auto& [i, sequence] : sequences)
        beat(i);
      machine.tick(now);
      take();
    }
  }

  static msg::chunk_state
  state(chunk_id chunk, std::uint64_t version, std::uint64_t serial = 5) {
    return {chunk, {chunk_version{version}, mutation_serial{serial}, 10, 10}};
  }

  template <class Order>
  std::vector<Order> orders() const {
    std::vector<Order> found;
    for (const auto& x : asked)
      if (const auto* order = std::get_if<Order>(&x.order))
        found.push_back(*order);
    return found;
  }

  result<msg::file_layout> locate() {
    msg::file_layout layout;
    layout.chunks.push_back({.chunk = old_chunk});
    return machine.locate(layout, now);
  }

  chunk_version version() const {
    return chunk_version{machine.state().table.find(old_chunk)->version};
  }

  // A file whose only chunk was empty when the backup was made.
  void load_fresh() {
    machine.load_file_row({.chunk = fresh_chunk,
                           .file = inode_id{10},
                           .extent = {chunk_version{1}, {}, 0, 0},
                           .replication = 3,
                           .intent = {},
                           .set = {store_id{1}, store_id{2}, store_id{3}}});
  }

  server_index index(std::uint64_t i) const {
    return machine.state().servers.find(store_id{i}).value();
  }

  // An appender comes; up to where replicas are to be fenced.
  void ask_for_a_lease(chunk_id chunk = old_chunk) {
    machine.lease(1, {chunk, {}, {}}, now);
    take();
    pass(2s);
    while (!logged.empty()) {
      const auto token = logged.front().token;
      logged.erase(logged.begin());
      machine.logged(token, now);
      take();
    }
  }
};

// The backup was made in the middle of an attempt that the lost master has
// finished. Who was left out has changes that were never acknowledged.
TEST_F(RestoredMaster, TakesAnAttemptOfTheBackupForFinished) { // SPEC G2
  machine.load_version_row(
    {.chunk = old_chunk,
     .file = inode_id{9},
     .extent = {chunk_version{3}, mutation_serial{5}, 10, 10},
     .replication = 3,
     .intent = chunk_version{4},
     .set = {store_id{1}, store_id{2}}});
  enlist(3, {{old_chunk, {chunk_version{3}, mutation_serial{8}, 16, 16}}});
  for (const std::uint64_t i : {1, 2})
    enlist(i, {{old_chunk, {chunk_version{4}, mutation_serial{7}, 14, 14}}});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(old_chunk), (std::vector<server_index>{0, 1}));
  EXPECT_EQ(table.find(old_chunk)->version, 4u);
  EXPECT_FALSE(table.intent(old_chunk));
}

// A server that told of an older version first may serve readers yet: no new
// primary is made before it has heard of the newer one.
TEST_F(RestoredMaster, WaitsForAServerThatToldFirst) { // SPEC G4
  enlist(3, {state(old_chunk, 3)});
  pass(10s);
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(old_chunk, 4)});
  EXPECT_TRUE(machine.state().servers.revoking(index(3), old_chunk));
  sequences.erase(3);
  ask_for_a_lease();
  for (const auto& x : std::vector<ask_server>{asked})
    if (const auto* order = std::get_if<msg::fence_chunk>(&x.order)) {
      machine.answered(x.token,
                       server_reply{msg::chunk_fenced{
                         state(old_chunk, order->version.value())}},
                       now);
      take();
    }
  EXPECT_EQ(orders<msg::fence_chunk>().size(), 2u);
  EXPECT_TRUE(orders<msg::take_lease>().empty());
  pass(10s); // Its lease is over.
  EXPECT_EQ(orders<msg::take_lease>().size(), 1u);
}

// The same of an empty chunk: two of its servers have finished the attempt, the
// third one has changes that were never acknowledged.
TEST_F(RestoredMaster, TakesTheFirstAttemptForFinished) { // SPEC G2
  load_fresh();
  machine.load_version_row({.chunk = fresh_chunk,
                            .file = inode_id{10},
                            .extent = {chunk_version{1}, {}, 0, 0},
                            .replication = 3,
                            .intent = chunk_version{2},
                            .set = {store_id{1}, store_id{2}, store_id{3}}});
  enlist(3, {state(fresh_chunk, 1, 8)});
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(fresh_chunk, 2, 7)});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(fresh_chunk), (std::vector<server_index>{0, 1}));
  EXPECT_EQ(table.find(fresh_chunk)->version, 2u);
}

// Of an empty chunk; the parameter: who has no change of it tells first.
struct RestoredFreshChunk : RestoredMaster,
                            ::testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(All, RestoredFreshChunk, ::testing::Bool());

// The lost master has fenced servers that had nothing of the chunk, and has
// waited in vain for one that had.
TEST_P(RestoredFreshChunk, BelievesNoEmptyReplica) { // SPEC G2, G5
  load_fresh();
  const auto enlist_empty = [&] {
    for (const std::uint64_t i : {4, 5})
      enlist(i, {state(fresh_chunk, 2, 0)});
  };
  if (GetParam())
    enlist_empty();
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(fresh_chunk, 1, 5)});
  if (!GetParam())
    enlist_empty();
  enlist(3, {});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.find(fresh_chunk)->version, 1u);
  for (const std::uint64_t i : {1, 2})
    EXPECT_TRUE(table.holds(index(i), fresh_chunk));
  for (const std::uint64_t i : {4, 5})
    EXPECT_FALSE(table.holds(index(i), fresh_chunk));
}

// One that has changes was to bring the others level.
TEST_P(RestoredFreshChunk, CountsOnNoEmptyReplica) { // SPEC G2
  load_fresh();
  if (GetParam())
    enlist(4, {state(fresh_chunk, 2, 0)});
  enlist(1, {state(fresh_chunk, 2, 5)});
  if (!GetParam())
    enlist(4, {state(fresh_chunk, 2, 0)});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.find(fresh_chunk)->version, 2u);
  EXPECT_TRUE(table.holds(index(1), fresh_chunk));
  EXPECT_FALSE(table.holds(index(4), fresh_chunk));
  // A fence would make it anew, and readers may know of that server.
  EXPECT_FALSE(table.find(fresh_chunk)->has(chunk_entry::fresh));
}

// Less than was committed when the backup was made: its disk has gone back.
TEST_F(RestoredMaster, BelievesNoReplicaThatLacksWhatWasCommitted) { // SPEC G2
  enlist(1, {state(old_chunk, 4, 3)});
  for (const std::uint64_t i : {2, 3})
    enlist(i, {state(old_chunk, 3, 5)});
  EXPECT_EQ(version(), chunk_version{3});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(old_chunk).size(), 2u);
  EXPECT_FALSE(table.holds(index(1), old_chunk));
}

// Nobody has changed it: the empty replicas of the lost master are all there
// is.
TEST_F(RestoredMaster, AnEmptyChunkOfTheLostOneCanBeWritten) { // SPEC G2
  load_fresh();
  enlist(1, {});
  for (const std::uint64_t i : {2, 3})
    enlist(i, {state(fresh_chunk, 2, 0)});
  pass(10s);
  sequences.erase(1);
  pass(10s);
  EXPECT_TRUE(machine.forget({"store-1", true}, now));
  ask_for_a_lease(fresh_chunk);
  EXPECT_GE(orders<msg::fence_chunk>().size(), 2u);
}

} // namespace

TEST_F(RestoredMaster, WaitsForAllWhoMayHaveANewerVersion) { // SPEC G2, G5
  enlist(1, {state(old_chunk, 4)});
  pass(10s);
  EXPECT_EQ(locate().error().code, ec::unavailable);
  ask_for_a_lease();
  EXPECT_TRUE(orders<msg::fence_chunk>().empty());
  enlist(2, {state(old_chunk, 5, 8)});
  pass(10s);
  EXPECT_NE(locate().error().context.find("store-3"), std::string::npos);
  enlist(3, {state(old_chunk, 5, 8)});
  pass(2s);
  // What the lost master let be acknowledged is at version 5, and only there.
  EXPECT_EQ(version(), chunk_version{5});
  const auto found = locate();
  ASSERT_TRUE(found);
  std::vector<store_id> stores;
  for (const auto& x : found->chunks.at(0).replicas)
    stores.push_back(x.store);
  std::sort(stores.begin(), stores.end());
  EXPECT_EQ(stores, (std::vector{store_id{2}, store_id{3}}));
}

TEST_F(RestoredMaster, GivesNoVersionOfTheLostOne) { // SPEC G2, G5
  for (std::uint64_t i = 1; i <= 3; ++i)
    enlist(i, {state(old_chunk, 4)});
  pass(10s);
  ask_for_a_lease();
  const auto fences = orders<msg::fence_chunk>();
  ASSERT_EQ(fences.size(), 3u);
  for (const auto& x : fences)
    EXPECT_EQ(x.version, floor_of_it);
}

TEST_F(RestoredMaster, AServerThatIsForgottenIsNotWaitedFor) { // SPEC G2
  enlist(1, {state(old_chunk, 4)});
  enlist(2, {state(old_chunk, 4)});
  pass(10s);
  EXPECT_FALSE(locate());
  EXPECT_TRUE(machine.forget({"store-3", true}, now));
  take();
  pass(2s);
  EXPECT_TRUE(locate());
}

// The lost master may have gone on with the chunk on servers that the backup
// does not know; one of them comes in the middle of a grant.
TEST_F(RestoredMaster, ALateReplicaOfTheLostOneStopsNoGrant) { // SPEC G5
  for (std::uint64_t i = 1; i <= 3; ++i)
    enlist(i, {state(old_chunk, 4)});
  pass(10s);
  ask_for_a_lease();
  ASSERT_EQ(orders<msg::fence_chunk>().size(), 3u);
  enlist(4, {state(old_chunk, 6, 9)});
  enlist(5, {state(old_chunk, floor_of_it.value() + 1, 9)});
  enlist(6, {state(old_chunk, ~0ull, 9)}); // A byte that flipped.
  EXPECT_EQ(version(), chunk_version{4});
  for (const auto& x : std::vector<ask_server>{asked})
    if (std::holds_alternative<msg::fence_chunk>(x.order)) {
      machine.answered(
        x.token,
        server_reply{msg::chunk_fenced{state(old_chunk, floor_of_it.value())}},
        now);
      take();
    }
  pass(1s);
  for (const auto& x : std::vector<ask_server>{asked})
    if (std::holds_alternative<msg::take_lease>(x.order)) {
      machine.answered(x.token,
                       server_reply{msg::lease_taken{
                         state(old_chunk, floor_of_it.value()), {}}},
                       now);
      take();
    }
  while (!logged.empty()) {
    const auto token = logged.front().token;
    logged.erase(logged.begin());
    machine.logged(token, now);
    take();
  }
  pass(2s);
  EXPECT_EQ(version(), floor_of_it);
  std::size_t newer = 0;
  for (const auto& x : machine.state().table.odd().at(old_chunk))
    newer += x.fault == replica_fault::newer ? 1 : 0;
  EXPECT_EQ(newer, 2u); // Kept; the one from between is over, and stale.
}

TEST_F(RestoredMaster, DeletesNothingBeforeItIsConfirmed) { // SPEC G12
  const chunk_id purged{8};
  machine.load_file_row({.chunk = purged,
                         .file = inode_id{10},
                         .extent = {chunk_version{1}, mutation_serial{5}, 1, 1},
                         .replication = 3});
  const chunk_id unnamed{20'000};
  const chunk_id own{(term.value() << 40) + 77};
  for (std::uint64_t i = 1; i <= 2; ++i)
    enlist(i, {state(old_chunk, 4), state(purged, 1), state(unnamed, 1),
               state(own, 1)});
  machine.release({{purged}}, now);
  pass(5min);
  EXPECT_TRUE(orders<msg::delete_chunks>().empty());
  // Not while somebody has not told.
  EXPECT_EQ(machine.confirm(msg::confirm_restore{}).error().code,
            ec::too_few_servers);
  enlist(3, {});
  pass(1min);
  EXPECT_TRUE(orders<msg::delete_chunks>().empty());
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  take();
  EXPECT_TRUE(confirmed);
  pass(5min);
  std::vector<chunk_id> gone;
  for (const auto& x : orders<msg::delete_chunks>())
    for (const auto& y : x.chunks)
      gone.push_back(y.chunk);
  EXPECT_GE(std::count(gone.begin(), gone.end(), purged), 2);
  EXPECT_GT(std::count(gone.begin(), gone.end(), own), 0);
  EXPECT_EQ(std::count(gone.begin(), gone.end(), unnamed), 0); // D3
}

// Who told is not there when the next master starts.
TEST_F(RestoredMaster, WritesWhatItBelievedWhenItIsConfirmed) { // SPEC S1, S2
  load_fresh();
  enlist(1, {state(old_chunk, 4, 20), state(fresh_chunk, 4, 20)});
  enlist(2, {state(old_chunk, 4, 20)});
  enlist(3, {});
  EXPECT_TRUE(logged.empty()) << "each master waits for all";
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  take();
  const auto version_in = [&](chunk_id chunk) {
    for (const auto& x : logged)
      if (x.row.chunk == chunk)
        return std::pair{x.row.extent.version.value(),
                         x.row.extent.serial.value()};
    return std::pair<std::uint64_t, std::uint64_t>{};
  };
  EXPECT_EQ(version_in(old_chunk), std::pair(4ul, 5ul));
  EXPECT_EQ(version_in(fresh_chunk), std::pair(4ul, 1ul))
    << "an empty replica is none of it";
  logged.clear();
  beat(3, {state(old_chunk, 6, 30)}); // Of a volume that it lacked.
  EXPECT_EQ(version_in(old_chunk).first, 6ul);
}

// Of a chunk that the backup does not know likewise.
TEST_F(RestoredMaster, ClaimsChangesRatherThanEmptyReplicas) { // SPEC G2, S9
  const chunk_id higher{20'000};
  const chunk_id same{20'001};
  enlist(1, {state(higher, 1, 5), state(same, 2, 5)});
  enlist(2, {state(higher, 1, 5), state(same, 2, 0)});
  enlist(3, {state(higher, 2, 0), state(same, 2, 0)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 2u);
  EXPECT_EQ(claimed->chunks[0].state, state(higher, 1, 5));
  EXPECT_EQ(claimed->chunks[1].state, state(same, 2, 5));
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(higher).size(), 2u);
  EXPECT_EQ(table.holders(same).size(), 1u);
}

// The namespace made no file of it: it died, or the name was taken.
TEST_F(RestoredMaster, GivesBackWhatWasClaimedInVain) { // SPEC S9, G12
  const chunk_id orphan{20'000};
  enlist(1, {state(orphan, 2)});
  enlist(2, {state(orphan, 2)});
  enlist(3, {state(orphan, 1, 3)});
  pass(1s);
  ASSERT_EQ(machine.claim({{}, 10}, now)->chunks.size(), 1u);
  EXPECT_TRUE(machine.claim({{}, 10}, now)->chunks.empty());
  pass(61s); // `pending_life`
  EXPECT_EQ(machine.state().table.find(orphan), nullptr);
  const auto again = machine.claim({{}, 10}, now);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->chunks.size(), 1u);
  EXPECT_EQ(again->chunks[0].state, state(orphan, 2));
  EXPECT_EQ(machine.state().table.holders(orphan).size(), 2u);
}

TEST_F(RestoredMaster, MakesFilesOfWhatNobodyNames) { // SPEC G2, S9
  const chunk_id even{20'000};
  const chunk_id uneven{20'001};
  const chunk_id empty{20'002};
  enlist(1, {state(even, 2), state(uneven, 1, 4), state(empty, 1, 0)});
  enlist(2, {state(even, 2), state(uneven, 1, 6)});
  EXPECT_EQ(machine.claim({{}, 10}, now).error().code, ec::too_few_servers);
  enlist(3, {state(even, 1, 3)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 2u);
  EXPECT_FALSE(claimed->more);
  EXPECT_EQ(claimed->chunks[0].state, state(even, 2));
  EXPECT_EQ(claimed->chunks[1].state, state(uneven, 1, 4));
  for (const auto& x : claimed->chunks)
    machine.keep({inode_id{x.state.chunk.value()}, {x.state}, 2}, now);
  take();
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(even).size(), 2u);
  EXPECT_TRUE(table.find(even)->has(chunk_entry::settled));
  EXPECT_FALSE(table.find(uneven)->has(chunk_entry::settled));
  EXPECT_TRUE(machine.claim({{}, 10}, now)->chunks.empty()); // Once.
}

} // namespace dfs::core
