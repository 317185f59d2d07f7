#include "chunkserver/data_hands.hpp"
#include "chunkserver/lease_clock.hpp"
#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

// What a chunk keeper orders beside leases: docs/protocols/chunks.md, "A lease
// alone does not make a replica current".

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::pattern;
using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr chunk_version second{2};

struct Revoke : ::testing::Test {
  test::data_chain servers{2};
  msg::chunk_grant grant = servers.grant(chunk);
  std::unique_ptr<test::data_caller> writer = servers.caller(0);
  std::string bytes = pattern(1'000, 1);

  void write() {
    ASSERT_TRUE(writer->call(write_of(grant, 0, bytes), bytes).message);
  }

  data_service& service(std::size_t i) {
    return *servers.nodes[i]->service;
  }

  void revoke(std::size_t i, chunk_version below, chunk_id which = chunk) {
    std::promise<void> held;
    service(i).revoke({{which, {below, {}, 0, 0}}}, [&] { held.set_value(); });
    held.get_future().wait();
  }

  std::optional<ec> read(std::size_t i, chunk_version version) {
    auto reader = servers.caller(i, rights::reader);
    // What is committed is known to the others a millisecond later.
    std::optional<ec> answer;
    (void) test::eventually([&] {
      answer
        = refusal(reader->call(read_of(chunk, version, {}, 0, 1'000)).message);
      return answer != ec::not_primary;
    });
    return answer;
  }

  result<msg::chunk_state> fence(std::size_t i, chunk_version version,
                                 bool fresh = false, chunk_id which = chunk) {
    return test::data_chain::wait<msg::chunk_state>(
      [&](auto done) { service(i).fence(which, version, done, fresh); });
  }
};

} // namespace

TEST_F(Revoke, EndsReadsOfWhatIsNotCurrent) { // SPEC G4, never stale
  write();
  EXPECT_EQ(read(1, first), std::nullopt);
  revoke(1, second);
  EXPECT_EQ(read(1, first), ec::stale);
  EXPECT_EQ(read(0, first), std::nullopt); // The other one is.
  revoke(1, first); // Of an older order: changes nothing.
  EXPECT_EQ(read(1, first), ec::stale);
  // Brought to the version, it is current again.
  ASSERT_TRUE(fence(1, second));
  EXPECT_EQ(read(1, second), std::nullopt);
}

TEST_F(Revoke, EndsTheLeaseOfAPrimary) { // I1
  write();
  revoke(0, second);
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  EXPECT_EQ(refusal(answer.message), ec::stale);
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard guard{servers.nodes[0]->mutex};
    return !servers.nodes[0]->ended.empty();
  }));
}

TEST_F(Revoke, TakesNoChangesFromAnOldPrimary) { // I6
  write();
  revoke(1, second);
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  EXPECT_NE(refusal(answer.message), std::nullopt);
  EXPECT_EQ(servers.state(1, chunk).serial, mutation_serial{1});
}

TEST_F(Revoke, MakesNoChunkBelowAVersion) { // I6
  revoke(0, second);
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  EXPECT_EQ(refusal(answer.message), ec::stale);
  EXPECT_FALSE(servers.nodes[0]->store->state(chunk));
  EXPECT_EQ(refusal(fence(0, first, true)), ec::stale);
}

// V1, and that the table is bounded: docs/protocols/chunks.md, "Node leases".
TEST_F(Revoke, ForgetsOnlyWhatNothingRefersTo) {
  const chunk_id elsewhere{8};
  write();
  revoke(1, second);
  revoke(1, second, elsewhere);
  servers.pass(170s);
  for (std::uint64_t i = 0; i < 2'000; ++i)
    revoke(1, second, chunk_id{100 + i});
  EXPECT_EQ(refusal(fence(1, first, true, elsewhere)), ec::stale);
  servers.pass(30min);
  for (std::uint64_t i = 0; i < 3'000; ++i)
    revoke(1, second, chunk_id{10'000 + i});
  EXPECT_EQ(read(1, first), ec::stale);
  EXPECT_EQ(refusal(fence(1, first, true, elsewhere)), std::nullopt);
}

TEST_F(Revoke, FencesAChunkThatNobodyMayHaveMade) {
  EXPECT_EQ(refusal(fence(0, first)), ec::not_found);
  EXPECT_EQ(refusal(fence(1, second, true)), std::nullopt);
  EXPECT_EQ(servers.state(1, chunk).version, second);
  EXPECT_EQ(servers.nodes[1]->arrived.size(), 1u);
  // The client that holds the first grant is too late there.
  (void) writer->call(write_of(grant, 0, bytes), bytes);
  EXPECT_EQ(servers.state(1, chunk).serial, mutation_serial{});
}

TEST_F(Revoke, ServesNothingAfterAFenceThatFailed) {
  write();
  EXPECT_EQ(read(1, first), std::nullopt);
  servers.nodes[1]->store->close(); // As good as a disk that fails.
  const auto failed = fence(1, second);
  ASSERT_FALSE(failed);
  EXPECT_EQ(read(1, first), ec::stale);
}

TEST_F(Revoke, ForgetsWhatWasCountedBeforeTheClocksJumped) { // DESIGN 3
  write();
  service(0).forget_clocks();
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  EXPECT_NE(refusal(answer.message), std::nullopt);
  // Neither does a grant for another chunk count that was given before.
  auto other = servers.grant(chunk_id{8});
  EXPECT_EQ(refusal(writer->call(write_of(other, 0, bytes), bytes).message),
            ec::lease_expired);
  service(0).note_heartbeat(2, servers.now());
  other = servers.grant(chunk_id{9});
  other.heartbeat = 2;
  seal_grant(other, *servers.keys);
  EXPECT_TRUE(writer->call(write_of(other, 0, bytes), bytes).message);
}

TEST(LeaseClock, CountsFromTheFirstOfABurst) {
  lease_clock clock{{[] { return boot_instant{1h}; }, [] { return 100h; }}};
  msg::chunk_grant grant;
  grant.lease_ms = 60'000;
  for (std::uint64_t i = 1; i <= 40; ++i)
    clock.note_heartbeat(i, boot_instant{1h} + i * 1ms);
  clock.note_heartbeat(41, boot_instant{1h} + 500ms);
  grant.heartbeat = 30;
  const auto burst = clock.end_of(grant);
  grant.heartbeat = 1;
  ASSERT_TRUE(burst && clock.end_of(grant));
  EXPECT_EQ(*burst, *clock.end_of(grant));
  grant.heartbeat = 41;
  EXPECT_GT(*clock.end_of(grant), *burst);
  grant.heartbeat = 42; // Never sent.
  EXPECT_EQ(refusal(clock.end_of(grant)), ec::lease_expired);
}

// However many there are: a client may hold a grant for a minute.
TEST(LeaseClock, RemembersHeartbeatsForLongerThanALease) {
  lease_clock clock{{[] { return boot_instant{1h}; }, [] { return 100h; }}};
  msg::chunk_grant grant;
  grant.lease_ms = 60'000;
  grant.heartbeat = 1;
  auto at = boot_instant{1h};
  for (std::uint64_t i = 1; at < boot_instant{1h} + 119s; ++i, at += 10ms)
    clock.note_heartbeat(i, at);
  EXPECT_TRUE(clock.end_of(grant));
  clock.note_heartbeat(100'000, at + 10s);
  EXPECT_FALSE(clock.end_of(grant));
}

} // namespace dfs::chunkserver
