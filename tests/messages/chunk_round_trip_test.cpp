#include "messages/round_trip.hpp"

#include "core/chunks/keeper_led.hpp"
#include "core/chunks/keeper_news.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace dfs::msg {
namespace {

const member_id id{*ip_address::parse("10.0.0.5"), 7401, 1'700'000'000'000};
const endpoint somewhere = *endpoint::parse("10.0.0.9:7403");
const chunk_state state{chunk_id{1},
                        {chunk_version{2}, mutation_serial{3}, 4, 5}};
const chunk_replica replica{store_id{6}, somewhere};
const volume_status volume{1, 2, 3, true, "/data"};
const chunk_grant grant{
  chunk_id{1},    chunk_version{2}, {replica}, 3, true, master_term{4},
  lease_epoch{5}, boot_id{6},       7,         8, 9,    "seal"};
const led_chunk led{chunk_id{1}, lease_epoch{2}, state.extent,
                    true,        true,           true};

// No control message is above this (docs/protocols/chunks.md).
constexpr std::size_t bytes_max = 16 * 1024;

struct ChunkRoundTrip : test::round_trip {
  template <class T>
  std::size_t bytes_of(const T& x) {
    std::vector<char> bytes;
    caf::binary_serializer out{sys, bytes};
    auto packed = caf::make_message(x);
    EXPECT_EQ(out(packed), caf::none);
    return bytes.size();
  }
};

} // namespace

TEST_F(ChunkRoundTrip, Registration) {
  expect_unchanged(find_chunk_directory{});
  expect_unchanged(get_master_directory{});
  expect_unchanged(register_chunkserver{store_id{1},
                                        boot_id{2},
                                        id,
                                        "chunk-1",
                                        "east",
                                        somewhere,
                                        {volume},
                                        {master_term{3}, 4, 5}});
  expect_unchanged(chunkserver_registered{master_term{1}, 2, 3, 4, 5, 6});
  expect_unchanged(leave_chunkserver{store_id{1}, boot_id{2}});
  expect_unchanged(chunkserver_left{});
}

TEST_F(ChunkRoundTrip, Reports) {
  expect_unchanged(
    report_chunks{store_id{1}, boot_id{2}, 3, true, 4, {state}, {state.chunk}});
  expect_unchanged(chunks_reported{1});
  report_chunks page;
  page.chunks.assign(chunk_page_max, state);
  EXPECT_LE(bytes_of(page), bytes_max);
}

TEST_F(ChunkRoundTrip, Heartbeats) {
  chunk_heartbeat beat{store_id{1},
                       boot_id{2},
                       master_term{3},
                       4,
                       5,
                       true,
                       6,
                       {volume},
                       {led},
                       true,
                       {chunk_id{7}},
                       {chunk_id{8}},
                       {state},
                       true};
  expect_unchanged(beat);
  expect_unchanged(chunk_heartbeat_ack{master_term{1},
                                       boot_id{2},
                                       3,
                                       4,
                                       {lease_epoch{5}},
                                       {lease_epoch{6}},
                                       {state},
                                       true,
                                       {chunk_id{7}}});
  // As full as a keeper makes it.
  beat.volumes.assign(16, {1, 2, 3, true, std::string(48, 'x')});
  beat.led.assign(core::keeper_led::page_beside_news, led);
  beat.lost.assign(core::keeper_news::gone_max, chunk_id{1});
  beat.arrived.assign(core::keeper_news::arrived_max, state);
  EXPECT_LE(bytes_of(beat), bytes_max);
  beat.led.assign(core::keeper_led::page_max, led);
  beat.lost = beat.corrupt = {};
  beat.arrived = {};
  EXPECT_LE(bytes_of(beat), bytes_max);
  // As full as a master makes it: each of a page is renewed, or has ended.
  chunk_heartbeat_ack answer;
  answer.renewed.assign(core::keeper_led::page_max, lease_epoch{1});
  answer.revoked.assign(chunk_page_max, state);
  answer.doubted.assign(16, chunk_id{1});
  EXPECT_LE(bytes_of(answer), bytes_max);
}

TEST_F(ChunkRoundTrip, Orders) {
  expect_unchanged(
    fence_chunk{master_term{1}, chunk_id{2}, chunk_version{3}, true});
  expect_unchanged(chunk_fenced{state});
  expect_unchanged(take_lease{grant, {state}});
  expect_unchanged(lease_taken{state, {store_id{1}}});
  expect_unchanged(release_lease{master_term{1}, chunk_id{2}, lease_epoch{3}});
  expect_unchanged(lease_released{state, true});
  expect_unchanged(copy_chunk{master_term{1}, state, {replica}, 2});
  expect_unchanged(chunk_copied{state});
  expect_unchanged(delete_chunks{master_term{1}, {state}});
  expect_unchanged(chunks_deleted{{chunk_id{1}}});
}

TEST_F(ChunkRoundTrip, Administration) {
  using namespace std::chrono_literals;
  expect_unchanged(get_leases{chunk_id{1}, 2});
  expect_unchanged(
    lease_list{"chunk-1", true, master_term{1}, 2ms, {led}, true, "no master"});
  expect_unchanged(get_scrub{});
  expect_unchanged(scrub_chunks{});
  expect_unchanged(scrub_status{"chunk-1", true, 1, 2, 3, 4, 5, 6, 7ms});
  expect_unchanged(check_chunks{{chunk_id{1}}, chunk_id{2}});
  expect_unchanged(chunks_checked{
    {{chunk_id{1},
      inode_id{2},
      chunk_health::lost,
      3,
      chunk_version{4},
      {{store_id{5}, replica_condition::newer, chunk_version{6}, true}},
      "a copy to c failed"}},
    true,
    chunk_id{7}});
  expect_unchanged(verify_replicas{{chunk_id{1}}});
  expect_unchanged(replicas_verified{
    {{chunk_id{1}, replica_verdict::unreadable, state.extent, 2}}});
  expect_unchanged(forget_server{"chunk-1", true});
  expect_unchanged(server_forgotten{"chunk-1", store_id{1}, 2, 3});
  expect_unchanged(drain_chunkserver{1ms});
  expect_unchanged(chunkserver_drained{});
}

TEST_F(ChunkRoundTrip, Restores) {
  expect_unchanged(confirm_restore{});
  expect_unchanged(restore_confirmed{master_term{1}});
  expect_unchanged(confirm_deletion{"chunk-1"});
  expect_unchanged(deletion_confirmed{"chunk-1", 2});
  expect_unchanged(adopt_orphans{"/lost+found", chunk_id{1}});
  expect_unchanged(orphans_adopted{{{"/lost+found/1", 2}}, chunk_id{3}, true});
  expect_unchanged(claim_orphans{chunk_id{1}, 2});
  expect_unchanged(orphans_claimed{{{state, 3}}, chunk_id{4}, true});
}

} // namespace dfs::msg
