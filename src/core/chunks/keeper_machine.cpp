#include "core/chunks/keeper_machine.hpp"

#include "base/assert.hpp"
#include "core/lineage/master_lineage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// Whom it talks to, and the report. Heartbeats and what comes of them are in
// keeper_beats.cpp.

namespace dfs::core {

keeper_machine::keeper_machine(keeper_config config, keeper_identity self,
                               const msg::master_mark& newest,
                               std::uint64_t last, const clock_pair& now)
  : config_{config},
    self_{std::move(self)},
    lease_{config.lease, self_.boot, last},
    news_{config.news_max},
    newest_{newest},
    retry_at_{now.boot} {
  // nop
}

keeper_effects keeper_machine::tick(const clock_pair& now) {
  watch_lease(now);
  watch_patience(now);
  if (phase_ == phase::talking) {
    if (page_due_ && now.boot >= *page_due_)
      send_next_page();
    if (news_.overflowed() && !reporting_)
      begin_report();
    if (leaving_ && (now.boot >= *leaving_ || !led_.first()))
      finish(now);
    beat_when_due(now);
  }
  if (phase_ == phase::alone && now.boot >= retry_at_) {
    phase_ = phase::finding;
    retry_at_ = now.boot + 2 * config_.answer_timeout;
    out_.push_back(find_master{});
  }
  return take_out();
}

keeper_effects keeper_machine::master_found(const msg::member_id& self,
                                            const clock_pair& now) {
  if (phase_ != phase::finding)
    return {};
  member_ = self;
  ask_to_register(now);
  return take_out();
}

keeper_effects keeper_machine::master_missing(const clock_pair& now) {
  if (phase_ == phase::finding)
    retire(now, config_.retry, "no master can be reached");
  return take_out();
}

keeper_effects keeper_machine::master_lost(const clock_pair& now) {
  if (phase_ == phase::talking)
    note(keeper_note::kind::master_lost, "the connection is gone");
  if (phase_ == phase::talking || phase_ == phase::registering
      || phase_ == phase::persisting || phase_ == phase::leaving)
    retire(now, {}, "the connection to the master is gone");
  return take_out();
}

keeper_effects keeper_machine::registered(keeper_talk talk,
                                          const msg::chunkserver_registered& x,
                                          const clock_pair& now) {
  if (talk != talk_ || phase_ != phase::registering)
    return {};
  terms_ = x;
  const msg::master_mark told{x.term, x.life, x.durable};
  if (contradicts(told, newest_)) { // K1
    refuse_master(now, fmt::format("its metadata (term {}, {} rows) are older "
                                   "than what was obeyed here (term {}, {} "
                                   "rows), or went another way",
                                   x.term.value(), x.durable,
                                   newest_.term.value(), newest_.sequence));
  } else if (!goes_beyond(told, newest_)) {
    begin_talk(now);
  } else {
    phase_ = phase::persisting;
    remember(told, now);
  }
  return take_out();
}

void keeper_machine::refuse_master(const clock_pair& now,
                                   const std::string& why) {
  note(keeper_note::kind::refused, why + "; " + way_out(newest_));
  retire(now, config_.refused_retry, "the master was refused: " + why);
}

void keeper_machine::remember(const msg::master_mark& told,
                              const clock_pair& now) {
  marking_ = true;
  mark_at_ = now.boot + config_.mark_pace;
  out_.push_back(persist_mark{told});
}

keeper_effects keeper_machine::registration_failed(keeper_talk talk,
                                                   const error& why,
                                                   const clock_pair& now) {
  if (talk != talk_ || phase_ != phase::registering)
    return {};
  const auto refused
    = why.code == ec::stale || why.code == ec::denied || why.code == ec::in_use;
  const auto text = std::string{to_string(why.code)} + ": " + why.context;
  auto trouble = "the master did not register this server: " + text;
  if (refused && trouble != trouble_) // It is asked again and again.
    note(keeper_note::kind::refused, text);
  retire(now, refused ? config_.refused_retry : config_.retry,
         std::move(trouble));
  return take_out();
}

keeper_effects keeper_machine::mark_persisted(const msg::master_mark& mark,
                                              bool durable,
                                              const clock_pair& now) {
  marking_ = false;
  if (durable && goes_beyond(mark, newest_))
    newest_ = mark;
  // Two masters at once: the older one must not be obeyed any longer.
  if (phase_ == phase::talking && term_ < newest_.term)
    retire(now, {}, "a newer master has been heard of");
  if (phase_ != phase::persisting || mark.term != terms_.term)
    return take_out();
  // How far it has come may wait for another time, who it is may not.
  if (durable || mark.term == newest_.term) {
    begin_talk(now);
  } else {
    constexpr auto why = "the master's term cannot be made durable here";
    note(keeper_note::kind::refused, why);
    retire(now, config_.refused_retry, why);
  }
  return take_out();
}

keeper_effects keeper_machine::replicas_listed(std::uint64_t ticket,
                                               replica_list all,
                                               const clock_pair&) {
  if (ticket != listing_)
    return {};
  listing_ = 0;
  report_ = std::move(all);
  page_ = 0;
  if (phase_ == phase::talking)
    send_next_page();
  return take_out();
}

keeper_effects keeper_machine::page_answered(keeper_talk talk,
                                             std::uint32_t page,
                                             const clock_pair& now) {
  if (talk != talk_ || phase_ != phase::talking || !reporting_ || listing_ != 0
      || page != page_)
    return {};
  ++page_;
  if (std::size_t{page_} * msg::chunk_page_max < report_.chunks.size()) {
    send_next_page();
    return take_out();
  }
  note(keeper_note::kind::reported,
       std::to_string(report_.chunks.size()) + " chunks");
  reporting_ = false;
  reported_ = true;
  reported_at_ = lease_.sequence();
  report_ = {};
  beat_soon(now.boot); // The lease may hang on it.
  beat_when_due(now);
  return take_out();
}

keeper_effects keeper_machine::page_failed(keeper_talk talk, const error& why,
                                           const clock_pair& now) {
  if (talk != talk_ || phase_ != phase::talking || !reporting_ || listing_ != 0)
    return {};
  if (why.code == ec::not_found) {
    retire(now, config_.retry, "the master asks to register again");
  } else {
    // Not the next page: an answer was lost, or the master has begun anew.
    if (why.code == ec::stale)
      page_ = 0;
    page_due_ = now.boot + config_.retry;
  }
  return take_out();
}

// What was listed, or told, before may come to the master after the answer to
// its order; and another master than the one that ordered it gets no answer.
void keeper_machine::deleted(master_term term,
                             const std::vector<chunk_id>& chunks) {
  for (const auto chunk : chunks)
    if (reporting_ || term < newest_.term)
      news_.lost(chunk);
    else
      news_.deleted(chunk);
}

keeper_effects keeper_machine::leave(const clock_pair& now) {
  if (phase_ == phase::leaving || leaving_)
    return {};
  leaving_ = now.boot + config_.goodbye_patience;
  if (phase_ == phase::talking) {
    led_.begin_last_round();
    beat_soon(now.boot);
    beat_when_due(now);
  } else {
    finish(now);
  }
  return take_out();
}

keeper_effects keeper_machine::goodbye_said(keeper_talk talk) {
  if (talk != talk_ || phase_ != phase::leaving || gone_)
    return {};
  gone_ = true;
  note(keeper_note::kind::left);
  return take_out();
}

result<nothing> keeper_machine::obey(master_term term) const {
  if (phase_ == phase::leaving)
    return fail(ec::shutting_down, "this chunkserver is going");
  if (term < newest_.term)
    return fail(ec::stale, "a newer master was obeyed here");
  if (term > newest_.term)
    return fail(ec::unavailable, "this chunkserver is about to register");
  return done;
}

result<boot_instant> keeper_machine::end_of(const msg::chunk_grant& x) const {
  if (x.boot != self_.boot)
    return fail(ec::stale, "the grant is to another life of this chunkserver");
  if (const auto end = lease_.end_of(x.heartbeat, x.lease_ms))
    return *end;
  return fail(ec::stale, "the grant counts from a heartbeat that is forgotten");
}

keeper_machine::standing keeper_machine::status() const {
  standing x;
  x.registered = phase_ == phase::talking;
  x.reported = reported_;
  x.term = term_;
  x.newest = newest_.term;
  x.lease_until = lease_.until();
  x.sequence = lease_.sequence();
  x.beats_answered = answered_;
  x.beats_failed = failed_;
  x.news = news_.size();
  x.trouble = !impediment_.empty() ? impediment_
              : stuck_             ? "the data server is stuck"
                                   : trouble_;
  return x;
}

void keeper_machine::check() const {
  lease_.check_invariants();
  news_.check();
  DFS_ASSERT(phase_ != phase::talking || term_ == newest_.term); // K1
  DFS_ASSERT(listing_ == 0 || reporting_);
  DFS_ASSERT(!reported_ || !reporting_);
  DFS_ASSERT(!gone_ || phase_ == phase::leaving);
}

void keeper_machine::note(keeper_note::kind what, std::string text) {
  out_.push_back(keeper_note{what, std::move(text)});
}

keeper_effects keeper_machine::take_out() {
  return std::exchange(out_, {});
}

// For what may never be answered at all.
void keeper_machine::watch_patience(const clock_pair& now) {
  const auto late = now.boot >= retry_at_;
  if ((phase_ == phase::finding || phase_ == phase::registering) && late)
    retire(now, config_.retry, "the master does not answer");
  else if (phase_ == phase::leaving && !gone_ && late)
    retire(now, {}, {});
  if (phase_ == phase::talking && impediment_.empty() && !stuck_
      && now.boot - heard_at_ >= config_.silence_max) {
    note(keeper_note::kind::master_lost, "no heartbeat was answered");
    retire(now, config_.retry, "the master does not answer heartbeats");
  }
}

/// This talk is over; the lease is not.
void keeper_machine::retire(const clock_pair& now,
                            std::chrono::milliseconds wait, std::string why) {
  pending_.reset();
  beats_.clear();
  beat_waits_ = false;
  page_due_.reset();
  ++talk_;
  if (leaving_) {
    phase_ = phase::alone;
    finish(now);
    return;
  }
  phase_ = phase::alone;
  retry_at_ = now.boot + wait;
  trouble_ = std::move(why);
}

void keeper_machine::ask_to_register(const clock_pair& now) {
  phase_ = phase::registering;
  retry_at_ = now.boot + 2 * config_.answer_timeout;
  msg::register_chunkserver x;
  x.store = self_.store;
  x.boot = self_.boot;
  x.member = member_;
  x.name = self_.name;
  x.zone = self_.zone;
  x.data = self_.data;
  x.volumes = volumes_;
  x.obeyed = newest_;
  out_.push_back(
    send_registration{++talk_, std::move(x), config_.answer_timeout});
}

void keeper_machine::begin_talk(const clock_pair& now) {
  if (term_ != terms_.term)
    reported_ = reporting_ = false;
  term_ = terms_.term;
  phase_ = phase::talking;
  trouble_.clear();
  heard_at_ = now.boot;
  lease_.enter(term_);
  led_.restart();
  if (!std::exchange(alive_, true))
    out_.push_back(begin_life{terms_.granted});
  note(keeper_note::kind::registered, "term " + std::to_string(term_.value()));
  if (!reported_)
    begin_report();
  beat_soon(now.boot);
  beat_when_due(now);
}

void keeper_machine::begin_report() {
  reporting_ = true;
  reported_ = false;
  // Two lists without a heartbeat between them must not look like one.
  listed_at_ = lease_.number();
  listing_ = ++ticket_;
  report_ = {};
  page_due_.reset();
  news_.clear(); // K3
  out_.push_back(list_replicas{listing_});
}

void keeper_machine::send_next_page() {
  page_due_.reset();
  const auto from
    = std::min(std::size_t{page_} * msg::chunk_page_max, report_.chunks.size());
  const auto to = std::min(from + msg::chunk_page_max, report_.chunks.size());
  msg::report_chunks x{
    self_.store, self_.boot, page_, to == report_.chunks.size(),
    listed_at_,  {},         {}};
  const auto begin = report_.chunks.begin();
  x.chunks.assign(begin + static_cast<std::ptrdiff_t>(from),
                  begin + static_cast<std::ptrdiff_t>(to));
  for (const auto& state : x.chunks)
    if (std::ranges::binary_search(report_.refused, state.chunk))
      x.refused.push_back(state.chunk);
  out_.push_back(send_page{talk_, std::move(x), config_.answer_timeout});
}

/// K5: from here on there is no lease, and nothing that could renew it.
void keeper_machine::finish(const clock_pair& now) {
  const auto talking = phase_ == phase::talking;
  lease_.drop();
  lease_ran_ = false;
  pending_.reset();
  out_.push_back(set_node_lease{boot_instant{}});
  phase_ = phase::leaving;
  if (talking) {
    retry_at_ = now.boot + 2 * config_.answer_timeout;
    out_.push_back(
      say_goodbye{talk_, {self_.store, self_.boot}, config_.answer_timeout});
  } else {
    gone_ = true;
    note(keeper_note::kind::left);
  }
}

} // namespace dfs::core
