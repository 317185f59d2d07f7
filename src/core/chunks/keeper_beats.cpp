#include "core/chunks/keeper_machine.hpp"

#include <algorithm>
#include <utility>

// Heartbeats, their answers, and the lease that comes of them.

namespace dfs::core {

namespace {

// A master that asks for other intervals is mistaken.
constexpr std::chrono::milliseconds interval_min{50};
constexpr std::chrono::milliseconds interval_max{1'000};

constexpr std::size_t beats_max = 64;

// A page of volumes; more disks than this are told as if they were not there.
constexpr std::size_t volumes_max = 16;
constexpr std::size_t path_max = 48;

std::chrono::nanoseconds interval_of(const msg::chunkserver_registered& x) {
  if (x.heartbeat_ms == 0)
    return heartbeat_interval;
  return std::clamp(std::chrono::milliseconds{x.heartbeat_ms}, interval_min,
                    interval_max);
}

} // namespace

keeper_effects keeper_machine::led_told(std::uint64_t ticket, led_page found,
                                        const clock_pair& now) {
  if (ticket != led_ticket_)
    return {};
  led_asked_.reset();
  if (led_round_ == led_.round())
    led_.take(std::move(found));
  else // Of another round: what it leaves out is not known now.
    ask_what_is_led(now);
  if (std::exchange(stuck_, false)) {
    note(keeper_note::kind::freed, "the data server answers again");
    heard_at_ = now.boot;
    beat_soon(now.boot);
  }
  if (!led_asked_ && std::exchange(beat_waits_, false) && impediment_.empty())
    beat_now(now);
  return take_out();
}

keeper_effects keeper_machine::beat_answered(keeper_talk talk,
                                             const msg::chunk_heartbeat_ack& x,
                                             const clock_pair& now) {
  watch_lease(now);
  // K2: while something is being revoked, later answers are as good as lost.
  if (talk != talk_ || phase_ != phase::talking || pending_
      || !lease_.counts(x))
    return take_out();
  const msg::master_mark reached{x.term, terms_.life, x.durable};
  if (x.durable != 0 && contradicts(reached, newest_)) { // K1
    refuse_master(now, "its metadata have gone back");
    return take_out();
  }
  if (goes_beyond(reached, newest_) && !marking_ && now.boot >= mark_at_)
    remember(reached, now);
  heard_at_ = now.boot;
  ++answered_;
  if (const auto told = beats_.find(x.sequence); told != beats_.end()) {
    news_.confirmed(told->second.news);
    led_.confirmed(told->second.led);
    beats_.erase(beats_.begin(), std::next(told));
  }
  if (!x.ended.empty())
    out_.push_back(end_leases{x.ended});
  if (x.revoked.empty()) {
    carry_out(x, now);
  } else {
    pending_ = pending_answer{++ticket_, x};
    out_.push_back(revoke_replicas{ticket_, x.revoked});
  }
  return take_out();
}

keeper_effects keeper_machine::beat_failed(keeper_talk talk, const error& why,
                                           const clock_pair& now) {
  if (talk != talk_ || phase_ != phase::talking)
    return {};
  ++failed_;
  if (why.code == ec::not_found) {
    retire(now, config_.retry, "the master asks to register again");
  } else if (why.code == ec::stale) {
    note(keeper_note::kind::refused, why.context);
    retire(now, config_.refused_retry,
           "the master refused a heartbeat: " + why.context);
  }
  return take_out(); // Anything else: the next one goes out in its time.
}

keeper_effects
keeper_machine::revoked(std::uint64_t ticket, const clock_pair& now) {
  watch_lease(now);
  if (!pending_ || pending_->ticket != ticket)
    return take_out();
  const auto answer = std::move(pending_->answer);
  pending_.reset();
  beat_soon(now.boot); // The master waits to hear that it was heard.
  carry_out(answer, now);
  return take_out();
}

void keeper_machine::set_status(std::uint32_t load,
                                std::vector<msg::volume_status> volumes) {
  load_ = load;
  volumes_ = std::move(volumes);
  if (volumes_.size() > volumes_max)
    volumes_.resize(volumes_max);
  for (auto& x : volumes_)
    if (x.path.size() > path_max)
      x.path.resize(path_max);
}

keeper_effects
keeper_machine::impede(const std::string& why, const clock_pair& now) {
  if (why == impediment_)
    return {};
  if (!why.empty()) {
    note(keeper_note::kind::impeded, why);
    beat_waits_ = false;
  } else {
    note(keeper_note::kind::freed, impediment_);
    heard_at_ = now.boot;
    beat_soon(now.boot);
  }
  impediment_ = why;
  beat_when_due(now);
  return take_out();
}

/// The rest of what an answer says. Repeated by nobody: it counts once.
void keeper_machine::carry_out(const msg::chunk_heartbeat_ack& x,
                               const clock_pair& now) {
  if (const auto until = lease_.end_of(x.sequence, terms_.chunk_lease_ms);
      until && !x.renewed.empty() && terms_.chunk_lease_ms != 0)
    out_.push_back(renew_leases{x.renewed, *until});
  const auto former = lease_.until();
  lease_.accept(x.sequence, x.node_lease_ms, now);
  if (lease_.until() > former)
    out_.push_back(set_node_lease{lease_.until()});
  if (!x.doubted.empty())
    out_.push_back(verify_replicas{x.doubted});
  if (!lease_ran_ && lease_.runs(now.boot))
    note(keeper_note::kind::lease_began);
  lease_ran_ = lease_.runs(now.boot);
  if (x.report_wanted && !reporting_ && x.sequence > reported_at_)
    begin_report();
  if (leaving_ && !led_.first()) {
    finish(now);
    return;
  }
  if (led_.first() || (!reporting_ && news_.size() >= keeper_news::gone_max))
    beat_soon(now.boot);
  else if (led_.unfinished())
    beat_soon(now.boot + config_.led_pace);
  beat_when_due(now);
}

void keeper_machine::watch_lease(const clock_pair& now) {
  if (lease_.check(now)) {
    out_.push_back(set_node_lease{boot_instant{}});
    out_.push_back(forget_clocks{});
    note(keeper_note::kind::clock_jumped,
         lease_ran_ ? "the node lease is over" : "");
    lease_ran_ = false;
  } else if (lease_ran_ && !lease_.runs(now.boot)) {
    note(keeper_note::kind::lease_ended);
    lease_ran_ = false;
  }
}

void keeper_machine::beat_soon(boot_instant at) {
  next_beat_ = std::min(next_beat_, at);
}

void keeper_machine::beat_when_due(const clock_pair& now) {
  if (phase_ != phase::talking || !impediment_.empty()) // K4
    return;
  if (led_asked_ && now.boot - *led_asked_ >= config_.stuck_after) {
    if (!std::exchange(stuck_, true))
      note(keeper_note::kind::impeded, "the data server does not answer");
    beat_waits_ = false;
    return;
  }
  if (beat_waits_) {
    if (now.boot - *led_asked_ >= config_.led_patience) {
      beat_waits_ = false;
      beat_now(now);
    }
    return;
  }
  if (now.boot < next_beat_)
    return;
  if (led_asked_) {
    beat_now(now);
    return;
  }
  beat_waits_ = true;
  ask_what_is_led(now);
}

void keeper_machine::ask_what_is_led(const clock_pair& now) {
  led_ticket_ = ++ticket_;
  led_round_ = led_.round();
  led_asked_ = now.boot;
  const auto alone = reporting_ || news_.size() == 0;
  out_.push_back(
    ask_led{led_ticket_, led_.after(),
            alone ? keeper_led::page_max : keeper_led::page_beside_news});
}

void keeper_machine::beat_now(const clock_pair& now) {
  if (phase_ != phase::talking)
    return;
  watch_lease(now);
  const auto interval = interval_of(terms_);
  // From when it was due: a coarse clock must not make beats rarer.
  next_beat_ = std::max(next_beat_ + interval, now.boot + interval / 2);
  const auto sent = lease_.send(now);
  msg::chunk_heartbeat x;
  x.store = self_.store;
  x.boot = self_.boot;
  x.term = term_;
  x.sequence = sent.sequence;
  x.heard = sent.heard;
  x.leased = sent.leased;
  x.load = load_;
  x.volumes = volumes_;
  beat told;
  told.led = led_.tell(x);
  // K3; and what came after a large page was asked for waits for the next.
  if (!reporting_ && x.led.size() <= keeper_led::page_beside_news)
    told.news = news_.tell(x);
  x.all_told = reported_ && news_.ends_with(told.news);
  beats_.emplace(sent.sequence, told);
  if (beats_.size() > beats_max)
    beats_.erase(beats_.begin());
  out_.push_back(
    send_beat{talk_, std::move(x), now.boot, config_.beat_timeout});
}

} // namespace dfs::core
