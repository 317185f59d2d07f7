#pragma once

#include "actors/failure_detector.hpp"
#include "actors/membership.hpp"
#include "actors/support/to_caf.hpp"
#include "support/deterministic_system.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// Carries datagrams between failure detectors of one actor system at once,
/// unless a rule says otherwise.
struct datagram_fabric {
  std::map<endpoint, std::pair<socket_kind, actors::failure_detector_actor>>
    sockets;
  /// Whether what `from` sends to `to` arrives; by group address.
  std::function<bool(const endpoint& from, const endpoint& to)> passes
    = [](const endpoint&, const endpoint&) { return true; };
};

/// One node's end of the fabric; counts as the real socket does.
class fabric_sender final : public net::datagram_sender {
public:
  fabric_sender(std::shared_ptr<datagram_fabric> fabric, endpoint ping,
                endpoint group)
    : fabric_{std::move(fabric)},
      ping_{ping},
      group_{group} {
    // nop
  }

  void send(socket_kind via, const endpoint& to, std::string_view body,
            std::uint8_t of) override {
    auto& total = counts_.out[of];
    ++total.packets;
    total.payload_bytes += body.size() + 42;
    total.wire_bytes += body.size() + 70;
    classes_agree = classes_agree && actors::traffic_class_of(body) == of;
    const auto found = fabric_->sockets.find(to);
    if (found == fabric_->sockets.end() || found->second.first != via
        || !fabric_->passes(group_, {to.ip, 7401}))
      return;
    caf::anon_send(
      found->second.second,
      msg::group_datagram{via, via == socket_kind::ping ? ping_ : group_,
                          std::string{body}});
  }

  [[nodiscard]] net::traffic traffic_so_far() const override {
    return counts_;
  }

  net::traffic reset_traffic() override {
    return std::exchange(counts_, {});
  }

  bool classes_agree = true;

private:
  std::shared_ptr<datagram_fabric> fabric_;
  endpoint ping_;
  endpoint group_;
  net::traffic counts_;
};

/// A node as far as the group plane goes: both actors, no socket, no disk.
struct group_node {
  msg::member_record record;
  std::shared_ptr<fabric_sender> network;
  actors::membership_actor membership;
  actors::failure_detector_actor detector;
  /// What was asked for and written down, and what was told.
  std::shared_ptr<std::vector<std::uint64_t>> stamps
    = std::make_shared<std::vector<std::uint64_t>>();
  std::shared_ptr<std::vector<msg::member_record>> lives
    = std::make_shared<std::vector<msg::member_record>>();
  std::shared_ptr<std::vector<core::known_address>> known
    = std::make_shared<std::vector<core::known_address>>();
  std::shared_ptr<std::vector<core::group_reach>> reaches
    = std::make_shared<std::vector<core::group_reach>>();
};

/// Several of them, under virtual time.
struct detector_group : deterministic_system {
  std::shared_ptr<datagram_fabric> fabric = std::make_shared<datagram_fabric>();
  std::vector<std::unique_ptr<group_node>> nodes;

  detector_group() {
    // Time begins where no deadline of a test is before the clock's zero.
    advance(std::chrono::hours{1});
  }

  ~detector_group() {
    for (const auto& node : nodes)
      end(*node);
    fabric->sockets.clear();
  }

  static endpoint address(std::size_t number) {
    return {*ip_address::parse("10.0.0." + std::to_string(number)), 7401};
  }

  group_node&
  spawn(msg::role role, bool may_found = false, master_term term = {}) {
    const auto number = nodes.size() + 1;
    auto& node = *nodes.emplace_back(std::make_unique<group_node>());
    auto& record = node.record;
    record.id = {address(number).ip, 7401, 1'000};
    record.name = "node-" + std::to_string(number);
    record.roles = static_cast<msg::role_set>(role);
    record.ping_port = 7400;
    record.control_port = 7402;
    record.stream_port = 7403;
    record.version = "0.1.0";
    record.term = term;
    node.network = std::make_shared<fabric_sender>(
      fabric, record.ping_address(), record.id.address());
    node.membership = sys.spawn(
      actors::membership,
      actors::membership_options{record, [] { return unix_milliseconds{}; }},
      std::make_shared<actors::membership_log>(
        *actors::membership_log::open("")));
    actors::failure_detector_options options;
    options.self = record;
    options.seed = number;
    options.introducers = {address(1)};
    options.may_found = may_found;
    options.network = node.network;
    options.new_stamp
      = [stamps = node.stamps](std::uint64_t least) -> result<std::uint64_t> {
      stamps->push_back(least);
      return least;
    };
    options.keep_stamp = [stamps = node.stamps](std::uint64_t given) {
      stamps->push_back(given);
    };
    options.keep_addresses
      = [known = node.known](std::vector<core::known_address> all) {
          *known = std::move(all);
        };
    options.on_reach = [reaches = node.reaches](core::group_reach x) {
      reaches->push_back(x);
    };
    options.on_new_life = [lives = node.lives](const msg::member_record& x) {
      lives->push_back(x);
    };
    node.detector
      = sys.spawn(actors::failure_detector, options, node.membership);
    fabric->sockets[record.ping_address()] = {socket_kind::ping, node.detector};
    fabric->sockets[record.id.address()] = {socket_kind::group, node.detector};
    run();
    return node;
  }

  void end(const group_node& node) {
    stop(node.detector);
    stop(node.membership);
  }

  /// In steps that are small against every time of the protocol.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds step{10};
    for (; time > step; time -= step)
      advance(step);
    advance(time);
  }

  /// Sends `request` and lets time pass until it is answered.
  template <class Reply, class Handle, class Request>
  caf::expected<Reply>
  ask_for(const Handle& to, Request request, std::chrono::milliseconds time) {
    caf::expected<Reply> answer{caf::sec::request_timeout};
    auto asked = self->request(to, caf::infinite, std::move(request));
    pass(time);
    if (self->mailbox().empty())
      return answer;
    asked.receive([&](Reply& x) { answer = std::move(x); },
                  [&](caf::error& x) { answer = std::move(x); });
    return answer;
  }

  caf::expected<msg::group_joined> join(const group_node& node) {
    return ask_for<msg::group_joined>(node.detector, msg::join_group{},
                                      std::chrono::seconds{3});
  }

  /// The ids in the node's list.
  std::vector<msg::member_id> list(const group_node& node) {
    std::vector<msg::member_id> ids;
    if (const auto all
        = ask<msg::member_list>(node.membership, msg::list_members{}))
      for (const auto& member : all->members)
        ids.push_back(member.id);
    return ids;
  }

  msg::detector_status status(const group_node& node) {
    return *ask<msg::detector_status>(node.detector,
                                      msg::get_detector_status{});
  }
};

} // namespace dfs::test
