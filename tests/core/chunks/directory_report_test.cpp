#include "core/chunks/directory_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>
#include <variant>
#include <vector>

// What chunkservers and readers say to the master about replicas.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t chunks = 1'000;
constexpr inode_id file{9};

struct DirectoryReport : ::testing::Test {
  instant now{1h};
  directory_machine machine{{.config = config(), .term = master_term{1}}, now};
  std::array<std::uint64_t, 5> sequences{}; ///< By number of the server.
  std::array<std::uint64_t, 5> heard{};
  std::array<std::uint64_t, 5> lives{};

  static directory_config config() {
    directory_config x;
    x.orphan_life = 1min;
    return x;
  }

  DirectoryReport() {
    for (std::uint64_t i = 1; i <= chunks; ++i)
      machine.load_file_row(
        {.chunk = chunk_id{i},
         .file = file,
         .extent = {chunk_version{1}, mutation_serial{5}, 10, 10},
         .replication = 3});
    for (std::uint64_t i = 1; i <= 4; ++i)
      enlist(i);
    for (std::uint64_t i = 1; i <= 3; ++i)
      report(i, {});
    report(4, everything());
    for (int i = 0; i < 20; ++i)
      pass(500ms);
    EXPECT_EQ(machine.state().table.count(chunk_class::healthy), chunks);
  }

  void enlist(std::uint64_t i) {
    msg::register_chunkserver x;
    x.store = store_id{i};
    x.boot = boot_id{100 + i + 10 * lives[i]};
    x.member.start_ms = 1 + lives[i];
    x.name = "store-" + std::to_string(i);
    x.zone = x.name;
    x.data = *endpoint::parse("10.0.0." + std::to_string(i) + ":7405");
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(x, now));
  }

  static std::set<std::uint64_t> everything() {
    std::set<std::uint64_t> all;
    for (std::uint64_t i = 1; i <= chunks; ++i)
      all.insert(i);
    return all;
  }

  static msg::chunk_state state_of(std::uint64_t chunk) {
    return {chunk_id{chunk}, {chunk_version{1}, mutation_serial{5}, 10, 10}};
  }

  /// All that there is but for these, and those of other files.
  void report(std::uint64_t i, const std::set<std::uint64_t>& without,
              const std::vector<std::uint64_t>& more = {}) {
    std::vector<msg::chunk_state> all;
    for (std::uint64_t chunk = 1; chunk <= chunks; ++chunk)
      if (!without.contains(chunk))
        all.push_back(state_of(chunk));
    for (const auto chunk : more)
      all.push_back(state_of(chunk));
    const auto pages = all.size() / msg::chunk_page_max + 1;
    const auto listed_at = ++sequences[i];
    for (std::size_t page = 0; page < pages; ++page) {
      msg::report_chunks x;
      x.store = store_id{i};
      x.boot = boot_id{100 + i + 10 * lives[i]};
      x.page = static_cast<std::uint32_t>(page);
      x.last = page + 1 == pages;
      x.listed_at = listed_at;
      const auto from = page * msg::chunk_page_max;
      for (auto n = from; n < std::min(from + msg::chunk_page_max, all.size());
           ++n)
        x.chunks.push_back(all[n]);
      ASSERT_TRUE(machine.report(x, now));
    }
    machine.check();
  }

  /// The first and last one of a list.
  msg::report_chunks page_of(std::uint64_t i, std::uint64_t listed_at,
                             const std::vector<std::uint64_t>& has) const {
    msg::report_chunks x;
    x.store = store_id{i};
    x.boot = boot_id{100 + i + 10 * lives.at(i)};
    x.last = true;
    x.listed_at = listed_at;
    for (const auto chunk : has)
      x.chunks.push_back(state_of(chunk));
    return x;
  }

  msg::chunk_heartbeat next_beat(std::uint64_t i) {
    msg::chunk_heartbeat x;
    x.store = store_id{i};
    x.boot = boot_id{100 + i + 10 * lives[i]};
    x.term = master_term{1};
    x.sequence = ++sequences[i];
    x.heard = heard[i];
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    x.led_last = true;
    x.all_told = true;
    return x;
  }

  msg::chunk_heartbeat_ack say(const msg::chunk_heartbeat& x) {
    auto answer = machine.heartbeat(x, now);
    EXPECT_TRUE(answer);
    machine.check();
    return answer ? *answer : msg::chunk_heartbeat_ack{};
  }

  msg::chunk_heartbeat_ack beat(std::uint64_t i) {
    return say(next_beat(i));
  }

  void pass(std::chrono::nanoseconds time) {
    now += time;
    for (std::uint64_t i = 1; i <= 4; ++i) {
      (void) beat(i);
      heard[i] = sequences[i];
    }
    machine.tick(now);
  }

  /// (server, chunk) of all orders to delete since the last call.
  std::vector<std::pair<server_index, std::uint64_t>> ordered_to_go() {
    std::vector<std::pair<server_index, std::uint64_t>> all;
    for (const auto& effect : machine.take_effects())
      if (const auto* x = std::get_if<ask_server>(&effect))
        if (const auto* order = std::get_if<msg::delete_chunks>(&x->order))
          for (const auto& state : order->chunks)
            all.emplace_back(x->server, state.chunk.value());
    return all;
  }

  /// Servers obey, and say so.
  void delete_what_is_ordered() {
    for (const auto& effect : machine.take_effects())
      if (const auto* x = std::get_if<ask_server>(&effect))
        if (const auto* order = std::get_if<msg::delete_chunks>(&x->order)) {
          msg::chunks_deleted done;
          for (const auto& state : order->chunks)
            done.gone.push_back(state.chunk);
          machine.answered(x->token, server_reply{done}, now);
        }
  }

  [[nodiscard]] std::size_t copies(std::uint64_t chunk) const {
    return machine.state().table.holders(chunk_id{chunk}).size();
  }

  void
  doubt(std::uint64_t chunk, std::uint64_t server, ec reason = ec::integrity) {
    machine.doubt_replica(
      {chunk_id{chunk}, store_id{server}, static_cast<std::uint8_t>(reason)},
      now);
  }
};

// SPEC G3: a server whose news were too many reports anew; what it lost
// meanwhile is in neither.
TEST_F(DirectoryReport, WhatAReportLeavesOutIsNotThere) {
  const std::set<std::uint64_t> lost{1, 5, 400, 401, 1'000};
  report(2, lost);
  EXPECT_EQ(copies(5), 3u) << "it may have come since";
  auto more_to_tell = next_beat(2);
  more_to_tell.all_told = false;
  (void) say(more_to_tell);
  EXPECT_EQ(copies(5), 3u);
  auto rest = next_beat(2);
  rest.arrived = {state_of(400)};
  (void) say(rest);
  for (std::uint64_t i = 1; i <= chunks; ++i)
    EXPECT_EQ(copies(i), lost.contains(i) && i != 400 ? 2u : 3u) << i;
  EXPECT_EQ(machine.state().table.count(chunk_class::under), 4u);
  // It is reckoned with, and told to go, as if it were there and stale.
  const auto& odd = machine.state().table.odd();
  ASSERT_TRUE(odd.contains(chunk_id{5}));
  EXPECT_EQ(odd.at(chunk_id{5}).at(0).fault, replica_fault::stale);
  EXPECT_FALSE(odd.contains(chunk_id{400}));
}

// Found by the simulation (storm, seed 2557): a copy that came while a report
// was on its way for long; the chunk went on without it, and it served readers.
TEST_F(DirectoryReport, WhatIsLeftOutMustNotServeWhenTheChunkGoesOn) {
  // SPEC G5 G6
  report(2, {5});
  (void) beat(2);
  ASSERT_EQ(copies(5), 2u);
  machine.lease(1, {.chunk = chunk_id{5}}, now);
  for (const auto& effect : machine.take_effects())
    if (const auto* row = std::get_if<log_row>(&effect))
      machine.logged(row->token, now);
  for (const auto& effect : machine.take_effects())
    if (const auto* asked = std::get_if<ask_server>(&effect)) {
      auto state = state_of(5);
      state.extent.version = std::get<msg::fence_chunk>(asked->order).version;
      machine.answered(asked->token, server_reply{msg::chunk_fenced{state}},
                       now);
    }
  const auto revoked = say(next_beat(2)).revoked;
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0].chunk, chunk_id{5});
}

// Found by the simulation (storm, seed 121): a primary that had been made, and
// of which the master never heard so, had shown a reader a change that nobody
// was promised; a server that came back with less served that reader next.
TEST_F(DirectoryReport, WhoLacksTheVersionOfAnIntentDoesNotServe) { // SPEC G4
  machine.lease(1, {.chunk = chunk_id{7}}, now);
  const auto intent = machine.state().table.intent(chunk_id{7});
  ASSERT_TRUE(intent);
  auto late = next_beat(3);
  late.arrived = {state_of(7)};
  const auto revoked = say(late).revoked;
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0].chunk, chunk_id{7});
  EXPECT_EQ(revoked[0].extent.version, *intent);
}

TEST_F(DirectoryReport, AnOlderHeartbeatSaysNothingOfAReport) {
  const auto before = next_beat(2); // It is late.
  report(2, {5});
  (void) say(before);
  EXPECT_EQ(copies(5), 3u);
  (void) beat(2);
  EXPECT_EQ(copies(5), 2u);
}

// Found by the simulation (storm, seed 918): a first try of it came 2 s late.
TEST_F(DirectoryReport, ALateReportSaysNothingOfWhatHasComeSince) { // SPEC G3
  const auto late = page_of(2, ++sequences[2], {});
  auto news = next_beat(2);
  news.arrived = {state_of(5)};
  (void) say(news);
  EXPECT_FALSE(machine.report(late, now));
  (void) beat(2);
  EXPECT_EQ(copies(5), 3u);
}

// Found by the simulation (storm, seeds 6375 and 100671): a page was sent
// twice, and one of them came when what it names had been deleted.
TEST_F(DirectoryReport, APageThatComesAgainSaysNothing) { // SPEC G8, G10
  report(1, {});
  const auto again = page_of(1, sequences[1], {5});
  auto without = everything();
  without.erase(5);
  report(4, without);
  ASSERT_EQ(copies(5), 4u);
  for (int i = 0; i < 200 && copies(5) == 4; ++i)
    pass(500ms);
  delete_what_is_ordered();
  ASSERT_EQ(copies(5), 3u);
  ASSERT_FALSE(machine.state().table.holds(0, chunk_id{5}));
  EXPECT_TRUE(machine.report(again, now)) << "the keeper may wait for it";
  EXPECT_FALSE(machine.state().table.holds(0, chunk_id{5}));
}

TEST_F(DirectoryReport, AListThatWasOvertakenSaysNothing) { // SPEC G8, G10
  const auto older = page_of(2, ++sequences[2], {5});
  report(2, {5});
  (void) beat(2);
  EXPECT_EQ(copies(5), 2u);
  EXPECT_FALSE(machine.report(older, now));
  EXPECT_EQ(copies(5), 2u);
  EXPECT_TRUE(machine.state().servers.at(1).reported);
}

TEST_F(DirectoryReport, AReportThatIsCutShortRemovesNothing) {
  msg::report_chunks x;
  x.store = store_id{2};
  x.boot = boot_id{102};
  x.listed_at = ++sequences[2];
  x.chunks = {state_of(3)};
  ASSERT_TRUE(machine.report(x, now));
  (void) beat(2);
  EXPECT_EQ(copies(1), 3u);
  EXPECT_EQ(copies(2), 3u);
  report(2, {}); // It begins anew.
  (void) beat(2);
  EXPECT_EQ(copies(1), 3u);
}

TEST_F(DirectoryReport, WhatNeedNotBeThereMayBeLeftOut) {
  const auto made = machine.allocate({1, 4, {}}, now);
  ASSERT_TRUE(made);
  const auto fresh = made->grants.at(0).chunk;
  auto bad = next_beat(2);
  bad.corrupt = {chunk_id{7}};
  (void) say(bad);
  report(2, {7});
  (void) beat(2);
  EXPECT_EQ(copies(fresh.value()), 4u) << "a client may be about to write it";
  ASSERT_NE(machine.state().table.odd().count(chunk_id{7}), 0u)
    << "what is in quarantine is to be purged once there are others";
}

TEST_F(DirectoryReport, WhatAServerHoldsCountsOnceItServes) { // SPEC G10
  ++lives[2];
  enlist(2);
  (void) beat(2);
  for (int i = 0; i < 5; ++i)
    machine.tick(now += 100ms);
  report(2, {});
  EXPECT_EQ(machine.state().table.count(chunk_class::under), chunks);
  (void) beat(2); // Its node lease begins.
  for (int i = 0; i < 5; ++i)
    machine.tick(now += 100ms);
  EXPECT_EQ(machine.state().table.count(chunk_class::healthy), chunks);
}

TEST_F(DirectoryReport, OrphansThatAreLeftOutAreForgotten) {
  report(2, {}, {5'000, 5'001});
  EXPECT_EQ(machine.collector().orphans(), 2u);
  report(2, {}, {5'001});
  (void) beat(2);
  EXPECT_EQ(machine.collector().orphans(), 1u);
}

// Readers would ask for the end of it for ever, and copies too many stay.
TEST_F(DirectoryReport, AFileWrittenWholeDoesNotGrowAgain) {
  const auto made = machine.allocate({1, 3, {}}, now);
  ASSERT_TRUE(made);
  const auto& grant = made->grants.at(0);
  auto state = state_of(grant.chunk.value());
  state.extent.version = grant.version;
  machine.keep({inode_id{77}, {state}, 3}, now);
  const auto entry = [&] { return *machine.state().table.find(grant.chunk); };
  EXPECT_TRUE(entry().has(chunk_entry::settled));
  auto news = next_beat(grant.chain.front().store.value());
  news.led = {{grant.chunk, grant.epoch, state.extent, true, false, false}};
  EXPECT_EQ(say(news).ended, std::vector{grant.epoch});
  EXPECT_TRUE(entry().has(chunk_entry::settled));
  // Unless more was changed than whoever made the file has told.
  news = next_beat(grant.chain.front().store.value());
  auto longer = state.extent;
  longer.serial = mutation_serial{6};
  longer.length = longer.padded_from = 11;
  news.led = {{grant.chunk, grant.epoch, longer, true, false, false}};
  (void) say(news);
  EXPECT_FALSE(entry().has(chunk_entry::settled));
  EXPECT_EQ(entry().length, 11u);
}

// SPEC G9, G12: what is left of it in quarantine takes space for ever if nobody
// orders it to go.
TEST_F(DirectoryReport, ACorruptReplicaOfNoFileGoesLikeAnyOrphan) {
  constexpr auto given = (1ull << 40) + 5'000; // In the first term.
  auto found = next_beat(2);
  found.corrupt = {chunk_id{given}};
  (void) say(found);
  EXPECT_EQ(machine.collector().orphans(), 1u);
  EXPECT_TRUE(machine.state().table.odd().empty());
  pass(500ms);
  EXPECT_TRUE(ordered_to_go().empty()) << "a file may get it yet (D3)";
  for (int i = 0; i < 120; ++i)
    pass(500ms);
  EXPECT_EQ(ordered_to_go(),
            (std::vector<std::pair<server_index, std::uint64_t>>{{1, given}}));
}

// It is no copy any more that a file could be given.
TEST_F(DirectoryReport, AnOrphanThatTurnsOutToBeCorruptHasNoVersion) {
  report(2, {}, {5'000});
  report(3, {}, {5'000});
  auto found = next_beat(2);
  found.corrupt = {chunk_id{5'000}};
  (void) say(found);
  (void) beat(3);
  const auto holders = machine.collector().holders_of(chunk_id{5'000});
  ASSERT_EQ(holders.size(), 2u);
  EXPECT_EQ(holders[0].server, 1);
  EXPECT_EQ(holders[0].extent.version, chunk_version{});
  EXPECT_EQ(holders[1].server, 2);
  EXPECT_EQ(holders[1].extent.version, chunk_version{1});
}

TEST_F(DirectoryReport, ADoubtedReplicaIsLookedAt) { // SPEC G9
  doubt(7, 2);
  EXPECT_TRUE(beat(1).doubted.empty());
  EXPECT_EQ(beat(2).doubted, std::vector{chunk_id{7}});
  EXPECT_EQ(beat(2).doubted, std::vector{chunk_id{7}}) << "it was not heard";
  heard[2] = sequences[2];
  EXPECT_TRUE(beat(2).doubted.empty());
  doubt(7, 2);
  EXPECT_TRUE(beat(2).doubted.empty()) << "it has just been looked at";
  for (int i = 0; i < 130; ++i)
    pass(500ms);
  doubt(7, 2);
  EXPECT_EQ(beat(2).doubted, std::vector{chunk_id{7}});
}

TEST_F(DirectoryReport, ADoubtThatSaysNothingIsNoDoubt) {
  doubt(7, 2, ec::unavailable);
  doubt(7, 4);     // Has no replica.
  doubt(7, 9);     // Is nobody.
  doubt(5'000, 2); // Is no chunk.
  for (const std::uint64_t i : {1, 2, 3, 4})
    EXPECT_TRUE(beat(i).doubted.empty()) << i;
  for (std::uint64_t chunk = 1; chunk <= chunks; ++chunk)
    doubt(chunk, 2);
  EXPECT_LE(machine.state().servers.at(1).doubted.size(), 256u);
  EXPECT_LE(beat(2).doubted.size(), 16u);
}

TEST_F(DirectoryReport, WhatIsBadIsReplaced) { // SPEC G9, G10
  (void) machine.take_effects();
  auto found = next_beat(2);
  found.corrupt = {chunk_id{7}};
  (void) say(found);
  EXPECT_EQ(copies(7), 2u);
  pass(500ms);
  bool ordered = false;
  for (const auto& effect : machine.take_effects())
    if (const auto* x = std::get_if<ask_server>(&effect))
      if (const auto* copy = std::get_if<msg::copy_chunk>(&x->order))
        ordered = ordered || copy->wanted.chunk == chunk_id{7};
  EXPECT_TRUE(ordered);
}

} // namespace
} // namespace dfs::core
