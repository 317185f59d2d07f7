#include "support/sim/multicast.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// A server's thread, as `multicast_driver` has it: a turn takes all that is
// there, and what comes of it is done at its end.

namespace dfs::sim {

using namespace std::chrono_literals;

// -- what rings the bell ------------------------------------------------------

void multicast_node::post(
  std::function<core::multicast_effects(instant)> give) {
  posted_.push_back({host_.now(), std::move(give)});
  begin_turn();
}

void multicast_node::on_datagram(const datagram& packet) {
  const auto* x = cluster_.packet(packet);
  if (!x || dead_ || !is_whole(packet))
    return;
  heard_.push_back({host_.now(), [this, packet = *x](instant now) {
                      return hear(packet, now);
                    }});
  begin_turn();
}

// Each datagram of a packet has its own fate.
bool multicast_node::is_whole(const datagram& packet) {
  const auto count = multicast_cluster::fragments(packet);
  if (count == 1)
    return true;
  const auto which = packet.body.substr(0, packet.body.rfind(':'));
  auto& there = fragments_[which];
  there.insert(packet.body);
  if (there.size() < count)
    return false;
  fragments_.erase(which);
  return true;
}

core::multicast_effects
multicast_node::hear(const msg::multicast_packet& packet, instant now) {
  for (const auto& part : packet.parts)
    if (doomed(multicast_doom::deed::hears, part.index()))
      return {};
  return machine_->on_packet(packet, now);
}

void multicast_node::on_timer() {
  if (dead_)
    return;
  if (host_.now() >= submit_at_)
    submit();
  if (const auto due = machine_->next_deadline(); due && *due <= host_.now())
    begin_turn();
}

std::optional<instant> multicast_node::next_deadline() const {
  if (dead_ || !machine_)
    return std::nullopt;
  std::optional<instant> due;
  if (!turning_)
    due = machine_->next_deadline();
  if (!cluster_.resting())
    due = due ? std::min(*due, submit_at_) : submit_at_;
  return due;
}

void multicast_node::force(bool blank) {
  post([this, blank](instant now) {
    return machine_->force_primary(now,
                                   blank || cluster_.mutant("force-nothing"));
  });
}

void multicast_node::suspect(server_id server, life_id life) {
  post([this, server, life](instant now) {
    return machine_->suspect(server, life, now);
  });
}

// -- a turn -------------------------------------------------------------------

void multicast_node::begin_turn() {
  if (turning_ || dead_)
    return;
  turning_ = true;
  turn_at_ = host_.now();
  auto& random = host_.random();
  auto most = cluster_.turn_most();
  if (random.one_in(200)) // Others have the processor.
    most *= 10;
  host_.later(up_to(random, most), [this] { turn(); });
}

void multicast_node::turn() {
  machine_->begin_batch();
  take(posted_, posted_.size());
  auto& random = host_.random();
  take(heard_, random.one_in(8) ? 1 + random.below(4) : heard_.size());
  if (dead_)
    return; // Nothing of this turn has been.
  if (durable_ > told_durable_) {
    told_durable_ = durable_;
    (void) machine_->stored(durable_, turn_at_);
  }
  const auto now = host_.now();
  if (const auto due = machine_->next_deadline(); due && *due <= now)
    (void) machine_->tick(now);
  auto effects = machine_->end_batch(now);
  turning_ = false;
  perform(std::move(effects));
  if (!posted_.empty() || !heard_.empty())
    begin_turn();
}

// Each at its own time: the turn goes on while it takes them.
void multicast_node::take(std::deque<input>& from, std::size_t most) {
  const bool several = from.size() > 1;
  for (auto left = std::min(most, from.size()); left > 0; --left) {
    if (several && doomed(multicast_doom::deed::takes_input, 0))
      return;
    const auto x = std::move(from.front());
    from.pop_front();
    turn_at_ = std::max(turn_at_, x.came);
    turn_at_ += up_to(host_.random(), host_.now() - turn_at_);
    const auto early = x.give(turn_at_);
    DFS_ASSERT(early.empty());
    if (dead_)
      return;
  }
}

// -- the clients of this server -----------------------------------------------

void multicast_node::submit() {
  auto& random = host_.random();
  const auto count = random.one_in(6) ? 2 + random.below(6) : 1;
  submit_at_
    = host_.now()
      + up_to(random, 2 * static_cast<int>(count) * cluster_.options().pace);
  if (cluster_.resting() || !machine_->serving())
    return;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto token = ++submitted_;
    auto payload
      = fmt::format("{}.{}.{} ", host_.index(), host_.life(), submitted_);
    std::size_t size = 10 + random.below(60);
    if (random.one_in(20))
      size = 500 + random.below(780);
    if (cluster_.options().large > 0 && random.one_in(cluster_.options().large))
      size = 1'301 + random.below(9'000);
    payload.resize(std::max(payload.size(), size), 'x');
    pending_[token] = payload;
    cluster_.witness().submits(host_.index(), payload);
    const auto give = [&](core::submit_token as) {
      post([this, as, payload](instant now) {
        return machine_->submit(as, payload, now);
      });
    };
    if (cluster_.mutant("double-send") && random.one_in(50))
      give(token + (std::uint64_t{1} << 40));
    give(token);
  }
}

} // namespace dfs::sim
