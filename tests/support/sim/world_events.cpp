#include "support/sim/world.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

// The half of the world that makes things happen: packets, timers, calls.

namespace dfs::sim {

namespace {

// How many nodes a story tells of, unless it is asked about certain ones.
constexpr std::size_t recent_max = 4;

} // namespace

void world::transmit(node& from, datagram packet) {
  const auto& costs = options_.costs;
  const auto bytes = packet.body.size() + costs.headers + costs.seal;
  ++from.traffic_.packets_out;
  from.traffic_.bytes_out += bytes;
  if (auto* x = from.trace_.add(now_, trace_kind::sent)) {
    x->peer = packet.to;
    x->local_port = packet.from.port;
    x->body = packet.body;
  }
  const auto to = node_at(packet.to.ip);
  if (!to || *to >= nodes_.size())
    return;
  const auto fate = network_.judge(from.index_, *to, packet);
  for (std::uint32_t i = 0; i < fate.copies; ++i) {
    std::uint32_t slot;
    if (free_packets_.empty()) {
      slot = static_cast<std::uint32_t>(packets_.size());
      packets_.emplace_back();
    } else {
      slot = free_packets_.back();
      free_packets_.pop_back();
    }
    if (i + 1 < fate.copies)
      packets_[slot] = packet;
    else
      packets_[slot] = std::move(packet);
    queue_.push(now_ + fate.delays[i], event_kind::datagram, slot);
  }
}

void world::release(std::uint32_t slot) {
  packets_[slot].body.clear();
  free_packets_.push_back(slot);
}

void world::add_call(virtual_time when, call x) {
  std::uint32_t slot;
  if (free_calls_.empty()) {
    slot = static_cast<std::uint32_t>(calls_.size());
    calls_.emplace_back();
  } else {
    slot = free_calls_.back();
    free_calls_.pop_back();
  }
  calls_[slot] = std::move(x);
  queue_.push(std::max(when, now_), event_kind::call, slot);
}

void world::serve(const event& x) {
  switch (x.kind) {
    case event_kind::datagram:
      serve_datagram(x);
      break;
    case event_kind::call:
      serve_call(x);
      break;
    case event_kind::timer:
      auto& n = at(x.slot);
      // Another deadline may have replaced the one that this event is for.
      if (n.timer_ == x.due) {
        n.timer_ = virtual_time::max();
        serve_timer(n);
      }
      break;
  }
}

void world::serve_datagram(const event& x) {
  auto& n = at(*node_at(packets_[x.slot].to.ip));
  if (n.state_ == node_state::running) {
    deliver(n, x.slot);
    return;
  }
  if (n.state_ == node_state::paused
      && n.held_.size() < options_.receive_buffer) {
    n.held_.push_back(x);
    return;
  }
  const auto& packet = packets_[x.slot];
  if (auto* line = n.trace_.add(now_, trace_kind::dropped)) {
    line->peer = packet.from;
    line->local_port = packet.to.port;
    line->body = packet.body;
  }
  release(x.slot);
}

void world::deliver(node& n, std::uint32_t slot) {
  if (options_.costs.first_contact && !prove(n, slot))
    return;
  // Taken out of the pool: the process sends, and the pool may move.
  auto packet = std::move(packets_[slot]);
  ++n.traffic_.packets_in;
  n.traffic_.bytes_in
    += packet.body.size() + options_.costs.headers + options_.costs.seal;
  if (auto* line = n.trace_.add(now_, trace_kind::received)) {
    line->peer = packet.from;
    line->local_port = packet.to.port;
    line->body = packet.body;
  }
  n.process_->on_datagram(packet);
  packets_[slot] = std::move(packet);
  release(slot);
  settle(n);
}

// The seal's first contact: a packet of a process that the receiver does not
// know waits for a question and its answer, and is lost if one of them is.
// @returns whether the packet may be delivered now.
bool world::prove(node& to, std::uint32_t slot) {
  auto& packet = packets_[slot];
  const auto sender = *node_at(packet.from.ip);
  if (std::exchange(packet.proven, false)) {
    learn(to.index_, sender);
    return true;
  }
  if (knows(to.index_, sender))
    return true;
  const auto& costs = options_.costs;
  auto& from = at(sender);
  const auto question = costs.headers + costs.seal + costs.challenge;
  ++to.traffic_.packets_out;
  to.traffic_.bytes_out += question;
  const auto out = network_.pass(to.index_, sender);
  if (out && from.state_ == node_state::running) {
    const auto answer = costs.headers + costs.seal + costs.nonce
                        + static_cast<std::uint32_t>(packet.body.size());
    ++from.traffic_.packets_in;
    from.traffic_.bytes_in += question;
    ++from.traffic_.packets_out;
    from.traffic_.bytes_out += answer;
    if (const auto back = network_.pass(sender, to.index_)) {
      packet.proven = true;
      queue_.push(now_ + *out + *back, event_kind::datagram, slot);
      return false;
    }
  }
  release(slot);
  return false;
}

void world::serve_call(const event& x) {
  auto& c = calls_[x.slot];
  if (c.life == 0) {
    const auto run = std::move(c.run);
    c.run = nullptr;
    free_calls_.push_back(x.slot);
    run();
    return;
  }
  auto& n = at(c.owner);
  if (n.life_ == c.life && n.state_ == node_state::paused) {
    n.held_.push_back(x);
    return;
  }
  const auto run = std::move(c.run);
  const auto alive = n.life_ == c.life && n.state_ == node_state::running;
  c.run = nullptr;
  free_calls_.push_back(x.slot);
  if (alive) {
    run();
    settle(n);
  }
}

void world::serve_timer(node& n) {
  if (n.state_ != node_state::running)
    return;
  const auto deadline = n.process_->next_deadline();
  if (deadline && *deadline <= n.now())
    n.process_->on_timer();
  settle(n);
}

void world::resume(node& n) {
  n.state_ = node_state::running;
  n.wakes_ = {};
  thaw(n);
  if (auto* x = n.trace_.add(now_, trace_kind::life))
    x->body = "goes on";
  const auto held = std::exchange(n.held_, {});
  // Whether the timers or the packets come first is up to the scheduler.
  const auto life = n.life_;
  if (n.random_.one_in(2))
    serve_timer(n);
  for (const auto& x : held) {
    // An earlier one may have ended the process: then the rest goes its way.
    if (n.life_ == life)
      serve(x);
  }
  if (n.state_ == node_state::running)
    serve_timer(n);
}

// Deadlines are on the steady clock, which is behind now.
void world::thaw(node& n) {
  if (!n.suspended_)
    return;
  n.clock_.freeze(*n.suspended_, now_);
  n.suspended_.reset();
  n.timer_ = virtual_time::max();
}

void world::end_process(node& n) {
  thaw(n);
  n.state_ = node_state::down;
  n.wakes_ = {};
  n.timer_ = virtual_time::max();
  n.process_.reset();
  n.disk_.close_all();
  for (const auto& x : std::exchange(n.held_, {})) {
    if (x.kind == event_kind::datagram) {
      release(x.slot);
    } else {
      calls_[x.slot].run = nullptr;
      free_calls_.push_back(x.slot);
    }
  }
}

// After each event of a process.
void world::settle(node& n) {
  if (n.exiting_) {
    n.exiting_ = false;
    end_process(n);
  } else {
    schedule_timer(n);
  }
  if (recent_.empty() || recent_.back() != n.index_) {
    std::erase(recent_, n.index_);
    if (recent_.size() == recent_max)
      recent_.erase(recent_.begin());
    recent_.push_back(n.index_);
  }
  for (auto& x : oracles_) {
    if (auto wrong = x.what->after_event(*this, n.index_))
      report(x.what->name(), *std::move(wrong));
  }
}

void world::schedule_timer(node& n) {
  const auto deadline = n.process_->next_deadline();
  if (!deadline)
    return;
  const auto due = std::max(n.clock_.due(*deadline), now_);
  // One that comes too early only asks again, and costs less than a search.
  if (n.timer_ <= due)
    return;
  n.timer_ = due;
  queue_.push(due, event_kind::timer, n.index_);
}

bool world::knows(node_index receiver, node_index sender) const {
  if (receiver >= known_.size())
    return false;
  const auto& row = known_[receiver];
  return sender < row.size() && row[sender];
}

void world::learn(node_index receiver, node_index sender) {
  if (known_.size() <= receiver)
    known_.resize(nodes_.size());
  if (known_[receiver].size() <= sender)
    known_[receiver].resize(nodes_.size());
  known_[receiver][sender] = true;
}

void world::acquaint() {
  known_.assign(size(), std::vector<bool>(size(), true));
}

void world::forget(node_index i) {
  if (i < known_.size())
    known_[i].clear();
  for (auto& row : known_) {
    if (i < row.size())
      row[i] = false;
  }
}

} // namespace dfs::sim
