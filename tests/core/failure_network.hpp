#pragma once

#include "base/rng.hpp"
#include "core/failure/failure_machine.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

// A handful of failure machines and a bad network, for tests of one protocol
// rule at a time. The whole-cluster simulator is tests/support/sim.

namespace dfs::core::test {

using namespace std::chrono_literals;

inline msg::member_record
make_record(std::uint8_t number, msg::role_set roles = 4,
            std::uint64_t start_ms = 1'700'000'000'000) {
  const auto ip = *ip_address::parse("10.0.0." + std::to_string(number));
  return {{ip, 7401, start_ms},
          "node-" + std::to_string(number),
          roles,
          store_id{number},
          7400,
          7402,
          7403,
          7404,
          "zone",
          "0.1.0"};
}

inline const std::vector<endpoint> first_node{
  {*ip_address::parse("10.0.0.1"), 7401}};

/// Whom packets of one kind go to, and what they say.
template <class T>
std::vector<std::pair<endpoint, T>> sent(const effects& all) {
  std::vector<std::pair<endpoint, T>> found;
  for (const auto& x : all)
    if (const auto* packet = std::get_if<send_packet>(&x))
      if (const auto* body = std::get_if<T>(&packet->packet.body))
        found.emplace_back(packet->to, *body);
  return found;
}

struct network_options {
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  std::chrono::milliseconds delay_max{2}; ///< Larger: packets overtake.
};

/// Virtual time; every packet passes through the codec.
class network {
public:
  struct change {
    instant when;
    std::uint8_t at; ///< Whose list.
    msg::member_changed what;
  };

  struct node {
    std::unique_ptr<failure_machine> machine; ///< None: crashed.
    instant awake{};                          ///< Stalled until then.
    std::vector<rejoined> rejoins;
    std::vector<join_refused> refusals;
    unsigned goodbyes = 0;
    std::uint64_t packets = 0; ///< Sent.
    std::uint64_t bytes = 0;   ///< Sent, bodies only.
  };

  /// Of masters' metadata, for `start`; zero for others.
  std::map<std::uint8_t, master_term> terms;

  network(std::uint64_t seed, network_options options)
    : options_{options},
      random_{seed} {
    // nop
  }

  instant now() const {
    return now_;
  }

  node& at(std::uint8_t number) {
    return nodes_[number];
  }

  failure_machine& machine(std::uint8_t number) {
    return *nodes_.at(number).machine;
  }

  void start(std::uint8_t number, const std::vector<endpoint>& introducers,
             msg::role_set roles = 4,
             std::uint64_t start_ms = 1'700'000'000'000,
             std::vector<known_address> known = {}) {
    auto& x = nodes_[number];
    auto record = make_record(number, roles, start_ms);
    record.term = terms[number];
    x.machine = std::make_unique<failure_machine>(
      failure_config{}, record, rng{random_.below(1u << 30)}, now_);
    perform(number, x.machine->join(introducers, (roles & 1) != 0, now_,
                                    std::move(known)));
  }

  /// Nodes 1 to `count`; the first is the introducer. Runs until all agree.
  void start_group(std::uint8_t count) {
    start(1, first_node, 1);
    for (std::uint8_t i = 2; i <= count; ++i)
      start(i, first_node);
    ASSERT_TRUE(run_until(10s, [&] { return agree(count); }));
  }

  void crash(std::uint8_t number) {
    nodes_[number].machine.reset();
  }

  void leave(std::uint8_t number) {
    perform(number, machine(number).leave(now_));
  }

  /// Neither sends nor hears; what arrives waits for it.
  void stall(std::uint8_t number, std::chrono::milliseconds how_long) {
    nodes_[number].awake = now_ + how_long;
  }

  /// Packets from one to the other are lost, until `heal`.
  void cut(std::uint8_t from, std::uint8_t to) {
    cuts_.emplace(from, to);
  }

  /// Its group port neither hears nor is heard, until `heal`.
  void block_group_port(std::uint8_t number) {
    blocked_.insert(number);
  }

  void split(const std::set<std::uint8_t>& side) {
    for (const auto& [x, a] : nodes_)
      for (const auto& [y, b] : nodes_)
        if (side.contains(x) != side.contains(y))
          cut(x, y);
  }

  void heal() {
    cuts_.clear();
    blocked_.clear();
  }

  void run(std::chrono::milliseconds how_long) {
    run_until(how_long, [] { return false; });
  }

  /// @returns whether it came true within that time.
  bool run_until(std::chrono::milliseconds how_long,
                 const std::function<bool()>& done) {
    const auto end = now_ + how_long;
    while (!done()) {
      if (!step(end)) {
        now_ = end;
        return done();
      }
    }
    return true;
  }

  /// All that run have one list, of that many members.
  bool agree(std::size_t count) const {
    std::set<std::uint64_t> digests;
    for (const auto& [number, x] : nodes_)
      if (x.machine && x.goodbyes == 0
          && (x.refusals.empty() || x.machine->joined())) {
        if (!x.machine->joined() || x.machine->members().size() != count)
          return false;
        digests.insert(x.machine->members().digest());
      }
    return digests.size() == 1;
  }

  bool lists(std::uint8_t whose, std::uint8_t whom) const {
    return nodes_.at(whose).machine->members().find_at(
             make_record(whom).id.address())
           != nullptr;
  }

  /// List changes of all nodes since the last call.
  std::vector<change> changes() {
    return std::exchange(changes_, {});
  }

  std::size_t count_changes(msg::member_change which) const {
    return static_cast<std::size_t>(
      std::count_if(changes_.begin(), changes_.end(),
                    [&](const auto& x) { return x.what.change == which; }));
  }

  /// Hands bytes to a node as if they came from there.
  effects inject(std::uint8_t number, const msg::gossip_packet& packet,
                 const endpoint& from) {
    auto todo = machine(number).on_packet(packet, from, now_);
    auto copy = todo;
    perform(number, std::move(todo));
    return copy;
  }

private:
  struct flight {
    std::uint8_t to;
    endpoint from;
    msg::socket_kind via;
    std::string body;
  };

  static std::uint8_t number_of(const endpoint& x) {
    return x.ip.bytes[15];
  }

  /// @returns whether something happened at or before `end`.
  bool step(instant end) {
    auto when = instant::max();
    std::uint8_t who = 0;
    for (const auto& [number, x] : nodes_)
      if (x.machine)
        if (auto due = x.machine->next_deadline()) {
          const auto at = std::max({*due, x.awake, now_});
          if (at < when) {
            when = at;
            who = number;
          }
        }
    const bool packet = !flights_.empty() && flights_.begin()->first <= when;
    if (packet)
      when = std::max(now_, flights_.begin()->first);
    if (when > end || when == instant::max())
      return false;
    now_ = when;
    if (packet)
      arrive();
    else
      perform(who, nodes_[who].machine->tick(now_));
    return true;
  }

  void arrive() {
    auto x = std::move(flights_.extract(flights_.begin()).mapped());
    auto& to = nodes_[x.to];
    if (!to.machine)
      return;
    if (to.awake > now_) { // In the socket's buffer.
      flights_.emplace(to.awake, std::move(x));
      return;
    }
    const auto packet = wire::decode<msg::gossip_packet>(x.body);
    ASSERT_TRUE(packet);
    perform(x.to, to.machine->on_packet(*packet, x.from, now_));
  }

  void perform(std::uint8_t number, effects todo) {
    auto& self = nodes_[number];
    self.machine->check();
    for (auto& x : todo) {
      if (auto* packet = std::get_if<send_packet>(&x))
        send(number, *packet);
      else if (auto* changed = std::get_if<member_changed_effect>(&x))
        changes_.push_back({now_, number, std::move(changed->event)});
      else if (auto* again = std::get_if<rejoined>(&x))
        self.rejoins.push_back(std::move(*again));
      else if (auto* refused = std::get_if<join_refused>(&x))
        self.refusals.push_back(std::move(*refused));
      else
        ++self.goodbyes;
    }
  }

  void send(std::uint8_t number, const send_packet& x) {
    ASSERT_TRUE(msg::validate(x.packet)) << msg::kind_of(x.packet);
    auto body = wire::encode(x.packet);
    ASSERT_LE(body.size(), msg::gossip_bytes_max + 100);
    ASSERT_EQ(x.to.port, x.via == msg::socket_kind::ping ? 7400 : 7401);
    auto& self = nodes_[number];
    ++self.packets;
    self.bytes += body.size();
    const auto to = number_of(x.to);
    if (cuts_.contains({number, to})
        || (x.via == msg::socket_kind::group
            && (blocked_.contains(number) || blocked_.contains(to))))
      return;
    const unsigned copies
      = random_.below(100) < options_.duplicate_percent ? 2 : 1;
    const auto from = make_record(number);
    for (unsigned i = 0; i < copies; ++i)
      if (random_.below(100) >= options_.loss_percent)
        flights_.emplace(
          now_ + 1ms
            + std::chrono::milliseconds{random_.below(
              static_cast<std::uint64_t>(options_.delay_max.count()))},
          flight{to,
                 x.via == msg::socket_kind::ping ? from.ping_address()
                                                 : from.id.address(),
                 x.via, body});
  }

  network_options options_;
  rng random_;
  instant now_{instant{} + 1h};
  std::map<std::uint8_t, node> nodes_;
  std::multimap<instant, flight> flights_;
  std::set<std::pair<std::uint8_t, std::uint8_t>> cuts_;
  std::set<std::uint8_t> blocked_;
  std::vector<change> changes_;
};

} // namespace dfs::core::test
