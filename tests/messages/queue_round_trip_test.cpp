#include "round_trip.hpp"

#include <chrono>

namespace dfs::msg {
namespace {

using namespace std::chrono_literals;
using QueueRoundTrip = test::round_trip;

queue_request request() {
  queue_request x;
  x.session = {{1, 2, 3}, queue_tick{4}};
  x.number = 5;
  x.first = 3;
  x.verb = queue_verb::push;
  x.wait = true;
  x.queue = queue_id{6};
  x.label = "label";
  x.item = {true, 0, "bytes"};
  return x;
}

TEST_F(QueueRoundTrip, Client) {
  expect_unchanged(queue_greeting{});
  expect_unchanged(
    queue_greeted{queue_tick{1},
                  true,
                  server_id{2},
                  {{server_id{3}, "fs-3", "10.0.0.3:7403", true}}});
  expect_unchanged(change_queue{request(), 7ms});
  expect_unchanged(read_queue{request()});
  expect_unchanged(queue_answer{request().session,
                                5,
                                queue_verb::push,
                                queue_status::full,
                                8,
                                {false, 9, {}},
                                {10, 11},
                                true});
}

TEST_F(QueueRoundTrip, Operator) {
  expect_unchanged(get_queue_group{});
  queue_group_status status;
  status.server = server_id{1};
  status.primary = true;
  status.why_not = "why";
  status.configuration = {2, server_id{3}};
  status.first = 4;
  status.members = {{server_id{5}, "fs-5", true, true, 6, 7}};
  status.leader = server_id{8};
  status.owner = server_id{9};
  status.received = 10;
  status.durable = 11;
  status.safe = 12;
  status.stable = 13;
  status.final = 14;
  status.buffered = 15;
  status.waiting_bytes = 16;
  status.retransmissions = 17;
  status.nacks = 18;
  status.conflicts = 19;
  status.discarded = 20;
  status.rule = "majority";
  status.durable_mode = true;
  status.state_hash = 21;
  expect_unchanged(status);
  expect_unchanged(list_queues{queue_id{1}, 2});
  expect_unchanged(queue_list{{{queue_id{1}, "a", 2, 3}}, true, true});
  expect_unchanged(force_queue_primary{"operator", true});
  expect_unchanged(queue_primary_forced{
    {server_id{1}, server_id{2}}, {{server_id{1}, "fs-1", true, true, 7, 7}}});
}

} // namespace
} // namespace dfs::msg
