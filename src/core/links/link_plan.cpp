#include "core/links/link_plan.hpp"

#include "base/assert.hpp"
#include "core/links/leading_member.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

using msg::link_state;

// A peer that grants more than this is mistaken.
constexpr std::uint32_t credits_max = 1024;

// Why this is not whom we look for, or nothing.
std::string
objection(const msg::member_record& wanted, const msg::introduction& who) {
  if (who.self.id != wanted.id)
    return "another incarnation answered: " + to_string(who.self.id);
  if (who.self.name != wanted.name)
    return "another node answered: " + who.self.name;
  if (who.protocol < msg::control_protocol_min
      || who.protocol_min > msg::control_protocol)
    return "it speaks control protocol " + std::to_string(who.protocol_min)
           + " to " + std::to_string(who.protocol) + ", we "
           + std::to_string(msg::control_protocol_min) + " to "
           + std::to_string(msg::control_protocol);
  return {};
}

} // namespace

link_plan::link_plan(link_config config, rng random, link_epoch before)
  : config_{config},
    random_{random},
    epoch_{before} {
  DFS_ASSERT(config.misses_max > 0);
  DFS_ASSERT(config.wait_first.count() > 0);
}

link_effects
link_plan::aim_at(const std::optional<msg::member_record>& peer, instant now) {
  link_effects out;
  if (peer && peer_ && peer->id == peer_->id) {
    peer_ = peer;
    next_.reset();
    return out;
  }
  const bool kept
    = is_beating(epoch_) ? !(peer && is_newer(*peer)) : !peer && is_kept(now);
  if (kept) { // I5
    if (!next_ && is_beating(epoch_))
      beat(out, now, now); // Perhaps it is so.
    next_ = peer;
    return out;
  }
  if (peer_ && state_ != link_state::waiting)
    out.push_back(drop_link{*peer_});
  turn_to(peer);
  failures_in_row_ = 0;
  misses_ = 0;
  unanswered_.clear();
  round_trip_ = {};
  cause_.clear();
  if (peer_)
    begin_attempt(out, now);
  else
    enter(out, link_state::idle, now);
  return out;
}

link_effects link_plan::rest(instant now) {
  heard_.reset();
  link_effects out;
  if (!peer_)
    return out;
  if (state_ != link_state::waiting)
    out.push_back(drop_link{*peer_});
  unanswered_.clear();
  enter(out, link_state::idle, now);
  turn_to(std::nullopt);
  return out;
}

link_effects link_plan::directory_found(link_epoch epoch, instant now) {
  link_effects out;
  if (!is_current(epoch, link_state::connecting))
    return out;
  enter(out, link_state::introducing, now);
  // The shell answers by then; should it not, we do not wait for ever.
  deadline_ = now + 2 * config_.introduce_timeout;
  out.push_back(ask_introduction{epoch_, config_.introduce_timeout});
  return out;
}

link_effects link_plan::introduced(link_epoch epoch,
                                   const msg::introduction& who, instant now) {
  link_effects out;
  const auto again = keeperless_ && is_beating(epoch);
  if (!again && !is_current(epoch, link_state::introducing))
    return out;
  if (auto why = objection(*peer_, who); !why.empty()) {
    give_up(out, std::move(why), now);
    return out;
  }
  keeperless_ = false;
  if (!again)
    enter(out, link_state::confirming, now);
  beat(out, now, now);
  return out;
}

link_effects
link_plan::attempt_failed(link_epoch epoch, const error& why, instant now) {
  link_effects out;
  if (is_current(epoch, link_state::connecting)
      || is_current(epoch, link_state::introducing))
    give_up(out, std::string{to_string(why.code)} + ": " + why.context, now);
  return out;
}

link_effects
link_plan::heartbeat_answered(const msg::link_heartbeat_ack& answer,
                              instant now) {
  link_effects out;
  if (!is_beating(answer.epoch))
    return out;
  const auto sent = unanswered_.find(answer.sequence);
  if (sent == unanswered_.end())
    return out;
  round_trip_
    = std::chrono::duration_cast<std::chrono::microseconds>(now - sent->second);
  unanswered_.erase(sent);
  heard_ = now;
  misses_ = 0;
  keeper_lost_.reset();
  credits_ = std::clamp(answer.credits, 1u, credits_max);
  ++answered_;
  if (state_ == link_state::confirming)
    enter(out, link_state::up, now);
  return out;
}

link_effects link_plan::heartbeat_failed(link_epoch epoch,
                                         std::uint64_t sequence,
                                         const error& why, instant now) {
  link_effects out;
  if (!is_beating(epoch) || unanswered_.erase(sequence) == 0)
    return out;
  ++misses_;
  if (state_ == link_state::confirming || misses_ >= config_.misses_max)
    give_up(out,
            "heartbeats failed: " + std::to_string(misses_) + ", "
              + std::string{to_string(why.code)} + ": " + why.context,
            now);
  return out;
}

link_effects link_plan::keeper_lost(link_epoch epoch, instant now) { // I7
  link_effects out;
  if (!is_beating(epoch) || keeperless_)
    return out;
  keeperless_ = true;
  unanswered_.clear(); // Nobody answers them any more.
  if (keeper_lost_)
    return out; // The one that it named is gone, too: asked for in time.
  keeper_lost_ = now;
  ask_keeper(out, now);
  return out;
}

link_effects link_plan::connection_lost(link_epoch epoch, instant now) {
  link_effects out;
  if (epoch == epoch_
      && (state_ == link_state::introducing || is_beating(epoch)))
    give_up(out, "connection lost", now);
  return out;
}

link_effects link_plan::tick(instant now) {
  link_effects out;
  if (!peer_ || now < deadline_)
    return out;
  switch (state_) {
    case link_state::idle:
      break;
    case link_state::waiting:
      if (next_ && !is_kept(now)) {
        enter(out, link_state::idle, now);
        turn_to(std::nullopt);
      } else {
        begin_attempt(out, now);
      }
      break;
    case link_state::connecting:
    case link_state::introducing:
      give_up(out, "no answer at all to an attempt", now);
      break;
    case link_state::confirming:
    case link_state::up:
      if (miss_forgotten(out, now))
        break;
      if (keeperless_) {
        ask_keeper(out, now);
        break;
      }
      // From when it was due: a coarse clock must not make beats rarer.
      beat(out, std::max(deadline_, now - config_.heartbeat / 2), now);
      break;
  }
  return out;
}

std::optional<instant> link_plan::next_deadline() const {
  if (!peer_)
    return std::nullopt;
  return deadline_;
}

msg::link_status link_plan::status(instant now) const {
  msg::link_status x;
  if (peer_) {
    x.peer = peer_->id;
    x.name = peer_->name;
  }
  x.outgoing = true;
  x.state = state_;
  if (since_ != instant{})
    x.since
      = std::chrono::duration_cast<std::chrono::milliseconds>(now - since_);
  x.round_trip = round_trip_;
  x.heartbeats = answered_;
  x.failures = failures_;
  x.cause = cause_;
  return x;
}

void link_plan::check() const {
  DFS_ASSERT(peer_.has_value() == (state_ != link_state::idle));
  DFS_ASSERT(peer_.has_value() == next_deadline().has_value()); // I4
  DFS_ASSERT(unanswered_.empty() || is_beating(epoch_));
  DFS_ASSERT(misses_ < config_.misses_max);
  DFS_ASSERT(!keeperless_ || (keeper_lost_ && is_beating(epoch_))); // I7
  DFS_ASSERT(!next_ || is_beating(epoch_) || (!*next_ && peer_));
}

void link_plan::enter(link_effects& out, msg::link_state state, instant now,
                      std::string cause) {
  state_ = state;
  since_ = now;
  out.push_back(link_changed{peer_.value_or(msg::member_record{}), state,
                             std::move(cause)});
}

void link_plan::begin_attempt(link_effects& out, instant now) {
  epoch_ = epoch_.next(); // I1
  sequence_ = 0;
  misses_ = 0;
  credits_ = 1;
  unanswered_.clear();
  keeperless_ = false;
  keeper_lost_.reset();
  enter(out, link_state::connecting, now);
  deadline_ = now + 2 * config_.connect_timeout; // As for introductions.
  out.push_back(find_directory{epoch_, *peer_, config_.connect_timeout});
}

void link_plan::give_up(link_effects& out, std::string cause, instant now) {
  if (state_ == link_state::up && now - since_ >= config_.stable)
    failures_in_row_ = 0;
  ++failures_;
  cause_ = cause;
  misses_ = 0;
  unanswered_.clear();
  keeperless_ = false;
  keeper_lost_.reset();
  out.push_back(drop_link{*peer_});
  deadline_ = now + next_wait();
  const bool unlisted = next_ && !*next_;
  const bool rests = unlisted && !is_kept(now);
  enter(out, rests ? link_state::idle : link_state::waiting, now,
        std::move(cause));
  if (rests)
    turn_to(std::nullopt);
  else if (next_ && !unlisted)
    turn_to(*next_);
}

void link_plan::turn_to(std::optional<msg::member_record> peer) {
  peer_ = std::move(peer);
  next_.reset();
  heard_.reset();
  keeperless_ = false;
  keeper_lost_.reset();
}

bool link_plan::is_kept(instant now) const {
  return heard_ && now - *heard_ < config_.kept_for;
}

bool link_plan::miss_forgotten(link_effects& out, instant now) {
  const auto forgotten = std::erase_if(unanswered_, [&](const auto& sent) {
    return now - sent.second >= config_.misses_max * config_.heartbeat_timeout;
  });
  misses_ += static_cast<std::uint32_t>(forgotten);
  const auto gone
    = keeper_lost_
      && now - *keeper_lost_ >= config_.misses_max * config_.heartbeat_timeout;
  if (misses_ < config_.misses_max && !gone)
    return false;
  give_up(out,
          gone ? "the peer's links have ended" : "heartbeats are not even sent",
          now);
  return true;
}

void link_plan::ask_keeper(link_effects& out, instant now) {
  deadline_ = now + config_.heartbeat;
  out.push_back(ask_introduction{epoch_, config_.heartbeat_timeout});
}

void link_plan::beat(link_effects& out, instant due, instant now) {
  deadline_ = due + config_.heartbeat;
  if (unanswered_.size() >= credits_) // I3
    return;
  unanswered_.emplace(++sequence_, now);
  out.push_back(send_heartbeat{epoch_, sequence_, config_.heartbeat_timeout});
}

bool link_plan::is_current(link_epoch epoch, link_state state) const {
  return epoch == epoch_ && state_ == state;
}

bool link_plan::is_newer(const msg::member_record& other) const {
  return is_master_rather_than(other, *peer_);
}

bool link_plan::is_beating(link_epoch epoch) const {
  return is_current(epoch, link_state::confirming)
         || is_current(epoch, link_state::up);
}

// Doubled, and ± 50 %: servers that lost the same master come back spread out.
std::chrono::nanoseconds link_plan::next_wait() {
  constexpr std::uint32_t doublings_max = 16;
  const auto doublings = std::min(failures_in_row_++, doublings_max);
  const std::chrono::nanoseconds wait
    = std::min(config_.wait_first * (1 << doublings), config_.wait_max);
  const auto jitter = random_.below(static_cast<std::uint64_t>(wait.count()));
  return wait / 2 + std::chrono::nanoseconds{jitter};
}

} // namespace dfs::core
