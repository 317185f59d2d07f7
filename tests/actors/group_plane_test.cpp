#include "actors/failure_detector.hpp"
#include "actors/membership.hpp"
#include "messages/register.hpp"
#include "net/group_socket.hpp"
#include "support/eventually.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <thread>

// The whole group plane of several nodes in one process, on real sockets, with
// threads and the real clock: that the parts fit together. What they promise in
// which time is tested with virtual time and with processes.

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

struct plane_config : caf::actor_system_config {
  plane_config() {
    msg::register_messages(*this);
    set("scheduler.max-threads", std::size_t{2});
    // Work stealing polls; these workers sleep.
    set("scheduler.policy", caf::atom("sharing"));
  }
};

struct GroupPlane : ::testing::Test {
  struct node {
    std::shared_ptr<net::group_socket> socket;
    membership_actor membership;
    failure_detector_actor detector;
    msg::member_record record;
  };

  plane_config config;
  caf::actor_system sys{config};
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  std::thread thread{[this] { io.run(); }};
  std::array<node, 3> nodes;
  wire::key_ring ring = *wire::key_ring::parse("1 " + std::string(64, '5'));

  ~GroupPlane() override {
    for (auto& node : nodes)
      end(node);
    work.reset();
    io.stop();
    thread.join();
  }

  void start(node& x, const std::string& name, bool introducer) {
    const endpoint any{*ip_address::parse("127.0.0.1"), 0};
    auto opened
      = net::group_socket::open(io, {any, any, any, ring, traffic_class_of});
    ASSERT_TRUE(opened) << opened.error().context;
    x.socket = *opened;
    x.record.id = {any.ip, x.socket->bound(socket_kind::group).port, 1'000};
    x.record.name = name;
    x.record.roles = static_cast<msg::role_set>(
      introducer ? msg::role::introducer : msg::role::chunkserver);
    x.record.ping_port = x.socket->bound(socket_kind::ping).port;
    x.record.control_port = 1;
    x.record.stream_port = 2;
    x.record.version = "0.1.0";
    x.membership = sys.spawn(
      membership,
      membership_options{x.record, [] { return unix_milliseconds{}; }},
      std::make_shared<membership_log>(*membership_log::open("")));
    failure_detector_options options;
    options.self = x.record;
    options.seed = x.record.id.group_port;
    options.introducers = {nodes[0].record.id.address()};
    options.may_found = introducer;
    options.network = x.socket;
    options.keep_stamp = [](std::uint64_t) {};
    options.new_stamp
      = [](std::uint64_t least) -> result<std::uint64_t> { return least; };
    x.detector = sys.spawn(failure_detector, options, x.membership);
    x.socket->start([detector = x.detector](
                      socket_kind via, const endpoint& from, std::string body) {
      caf::anon_send(detector, msg::group_datagram{via, from, std::move(body)});
    });
    caf::anon_send(x.detector, msg::join_group{});
  }

  void end(node& x) {
    if (!x.socket)
      return;
    x.socket->stop();
    caf::anon_send_exit(x.detector, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(x.membership, caf::exit_reason::user_shutdown);
    x = {};
  }

  template <class Reply, class Handle, class Request>
  Reply ask(const Handle& to, Request request) {
    Reply answer{};
    caf::scoped_actor self{sys};
    self->request(to, 10s, std::move(request))
      .receive([&](Reply& x) { answer = std::move(x); },
               [&](caf::error& x) { ADD_FAILURE() << sys.render(x); });
    return answer;
  }

  bool all_see(std::size_t members) {
    return test::eventually(
      [&] {
        for (auto& node : nodes)
          if (node.socket
              && ask<msg::member_list>(node.membership, msg::list_members{})
                     .members.size()
                   != members)
            return false;
        return true;
      },
      30s);
  }
};

TEST_F(GroupPlane, HoldsTogetherOnRealSockets) { // SPEC M2, M4, M6, M8
  start(nodes[0], "introducer", true);
  start(nodes[1], "chunkserver-1", false);
  start(nodes[2], "chunkserver-2", false);
  ASSERT_TRUE(all_see(3));
  end(nodes[2]); // Without a word.
  EXPECT_TRUE(all_see(2));
  start(nodes[2], "chunkserver-2", false);
  EXPECT_TRUE(all_see(3));
  const auto report
    = ask<msg::bandwidth_report>(nodes[0].detector, msg::get_bandwidth{});
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  for (const auto& row : report.rows)
    (row.name == "dropped" ? dropped : delivered) += row.in.packets;
  EXPECT_GT(delivered, 10 * dropped) << "the seal is in the way";
  EXPECT_EQ(
    ask<msg::detector_status>(nodes[0].detector, msg::get_detector_status{})
      .malformed,
    0u);
}

} // namespace
} // namespace dfs::actors
