#include "core/queues/queue_caller.hpp"

#include "base/assert.hpp"
#include "core/queues/queue_rules.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

using std::chrono::milliseconds;

/// The server says that it has not begun with it.
bool is_refused(ec code) {
  return code == ec::not_primary || code == ec::shutting_down
         || code == ec::busy || code == ec::unavailable
         || code == ec::unsupported;
}

/// Another server would say the same.
bool is_hopeless(ec code) {
  return code == ec::denied || code == ec::unauthenticated
         || code == ec::invalid_argument || code == ec::configuration;
}

/// That one never was a server of queues tells less than what those said that
/// are, or that they are gone.
bool is_no_server(const error& reason, const std::optional<error>& before) {
  return reason.code == ec::unsupported && before
         && before->code != ec::unsupported;
}

milliseconds left_until(instant then, instant now) {
  return std::max(std::chrono::ceil<milliseconds>(then - now), milliseconds{0});
}

error unknown(const std::string& why) {
  return fail(ec::outcome_unknown, "it may or may not have happened: " + why);
}

bool is_too_late(msg::queue_status status) {
  return status == msg::queue_status::session_expired
         || status == msg::queue_status::outside_window;
}

} // namespace

queue_caller::queue_caller(std::vector<std::string> contacts, randomness bits,
                           queue_caller_options options)
  : options_{options},
    bits_{std::move(bits)},
    servers_{std::move(contacts)},
    window_{options.window} {
  // nop
}

// -- greetings ----------------------------------------------------------------

void queue_caller::greet(instant now, queue_effects& out) {
  if (greeted_ || (greet_at_ && *greet_at_ > now))
    return;
  greet_at_.reset();
  greeted_ = servers_.here();
  out.emplace_back(
    queue_greet{servers_.address(*greeted_), options_.greeting_max});
}

queue_effects
queue_caller::on_greeting(const result<queue_greeting_heard>& heard,
                          const std::vector<std::string>& others, instant now) {
  queue_effects out;
  if (!greeted_)
    return out;
  const auto server = *greeted_;
  greeted_.reset();
  for (const auto& x : others)
    servers_.add(x);
  if (!heard) {
    const auto without = heard.error().code == ec::unsupported;
    if (without && servers_.useless(server))
      refuse_idle(
        fail(ec::unsupported, "no file server of this cluster serves queues"),
        out);
    leave(server);
    greeting_failed(heard.error(), now, out);
    return out;
  }
  greeting_failures_ = 0;
  greeting_pause_ = milliseconds{0};
  found_ = true;
  servers_.useful(server);
  for (const auto& x : heard->others)
    servers_.add(x);
  if (!heard->primary && !heard->primaries.empty())
    servers_.prefer(servers_.add(heard->primaries.front()));
  window_.begin({bits_(), heard->birth});
  host_.reset();
  endable_ = true;
  advance(now, out);
  return out;
}

void queue_caller::greeting_failed(const error& reason, instant now,
                                   queue_effects& out) {
  if (is_hopeless(reason.code))
    return refuse_idle(reason, out);
  for (auto* ready : {&unnumbered_, &sendable_})
    for (const auto id : *ready)
      if (auto& why = calls_.at(id).reason; !is_no_server(reason, why))
        why = reason;
  // The round gets shorter by those without queues.
  if (reason.code != ec::unsupported
      && ++greeting_failures_ >= servers_.size()) {
    greeting_failures_ = 0;
    greeting_pause_
      = std::clamp(greeting_pause_ * 2, options_.pause_min, options_.pause_max);
    greet_at_ = now + greeting_pause_;
  }
  advance(now, out);
}

/// Answers those that nobody has been asked about.
void queue_caller::refuse_idle(const error& reason, queue_effects& out) {
  std::vector<queue_call> idle{unnumbered_.begin(), unnumbered_.end()};
  idle.insert(idle.end(), sendable_.begin(), sendable_.end());
  for (const auto id : idle) {
    const auto x = calls_.find(id);
    if (!x->second.maybe_done)
      finish(x, reason, out);
  }
}

// -- sending ------------------------------------------------------------------

void queue_caller::make_ready(calls::iterator x) {
  auto& state = x->second;
  state.now = phase::ready;
  const auto numbered = state.request.number != 0;
  (numbered || !is_change(state.request.verb) ? sendable_ : unnumbered_)
    .insert(x->first);
  set_timer(x);
}

/// Sends what can be sent.
void queue_caller::advance(instant now, queue_effects& out) {
  while (!unnumbered_.empty()) {
    const auto number = window_.take();
    if (!number)
      break;
    const auto x = calls_.find(*unnumbered_.begin());
    unnumbered_.erase(unnumbered_.begin());
    x->second.request.number = *number;
    x->second.request.session = window_.session();
    x->second.generation = window_.generation();
    sendable_.insert(x->first);
  }
  const auto wants_session = !unnumbered_.empty() && !window_.is_open();
  if (wants_session || (!sendable_.empty() && !found_))
    greet(now, out);
  while (found_ && !sendable_.empty()) {
    const auto x = calls_.find(*sendable_.begin());
    sendable_.erase(sendable_.begin());
    send(x, now, out);
  }
}

void queue_caller::send(calls::iterator x, instant now, queue_effects& out) {
  auto& state = x->second;
  state.now = phase::sent;
  state.attempt = ++last_attempt_;
  state.server = servers_.here();
  attempts_[state.attempt] = x->first;
  auto request = state.request;
  if (request.number == 0)
    request.number = 1; // A read belongs to no session.
  else
    request.first = state.generation == window_.generation()
                      ? window_.first()
                      : std::max<std::uint64_t>(state.request.first, 1);
  state.request.first = request.first;
  milliseconds patience{0};
  if (request.wait)
    patience
      = std::min(left_until(state.wait_until, now), options_.patience_max);
  if (patience == milliseconds{0})
    request.wait = false;
  const auto timeout = std::min(left_until(state.deadline, now),
                                patience + options_.attempt_max);
  set_timer(x);
  out.emplace_back(queue_send{state.attempt, servers_.address(state.server),
                              std::move(request), patience,
                              std::max(timeout, milliseconds{1})});
}

// -- answers ------------------------------------------------------------------

queue_effects queue_caller::on_answer(queue_attempt attempt,
                                      const result<msg::queue_answer>& answer,
                                      instant now) {
  queue_effects out;
  const auto known = attempts_.find(attempt);
  if (known == attempts_.end())
    return out; // Nobody waits for it any more.
  const auto x = calls_.find(known->second);
  attempts_.erase(known);
  const auto& asked = x->second.request;
  if (!answer)
    on_failure(x, answer.error(), now, out);
  else if (answer->verb != asked.verb
           || (asked.number != 0
               && (answer->number != asked.number
                   || answer->session != asked.session)))
    on_failure(x, fail(ec::malformed, "an answer to another request"), now,
               out);
  else if (x->second.again && is_too_late(answer->status))
    finish(x, *answer, out);
  else if (answer->status == msg::queue_status::session_expired)
    on_expired(x, now, out);
  else if (is_final(answer->status))
    on_final(x, *answer, now, out);
  else
    on_failure(x,
               fail(ec::busy, "the queues said "
                                + std::string{to_string(answer->status)}),
               now, out);
  advance(now, out);
  return out;
}

void queue_caller::on_final(calls::iterator x, const msg::queue_answer& answer,
                            instant now, queue_effects& out) {
  auto& state = x->second;
  servers_.useful(state.server);
  note_answer(state);
  if (answer.stale && !is_change(answer.verb)) {
    state.stale = answer;
    leave(state.server);
    if (state.failures + 1 >= servers_.size())
      return finish(x, answer, out);
    return try_again(x, false, now, out);
  }
  // The number was answered, but somebody still waits.
  if (answer.status == msg::queue_status::empty && state.request.wait
      && state.wait_until > now)
    return ask_anew(x, false, now);
  // Answers of others are on their way here: there will be room.
  if (answer.status == msg::queue_status::unread && window_.open() > 1)
    return ask_anew(x, true, now);
  finish(x, answer, out);
}

void queue_caller::on_expired(calls::iterator x, instant now,
                              queue_effects& out) {
  auto& state = x->second;
  if (state.maybe_done)
    return finish(x, unknown("the session expired in between"), out);
  if (state.generation == window_.generation() && window_.is_open()) {
    window_.end();
    leave(state.server); // Its births may be those of a discarded branch.
  }
  ask_anew(x, true, now);
}

void queue_caller::on_failure(calls::iterator x, const error& reason,
                              instant now, queue_effects& out) {
  auto& state = x->second;
  if (!is_refused(reason.code))
    note_loss(state);
  if (is_hopeless(reason.code)) {
    if (state.maybe_done)
      return finish(x, unknown(reason.context), out);
    return finish(x, reason, out);
  }
  state.maybe_done = state.maybe_done || !is_refused(reason.code);
  // Who is primary tells more than that others are gone.
  const auto primary_known
    = state.reason && state.reason->code == ec::not_primary;
  if (!(primary_known && reason.code == ec::unavailable)
      && !is_no_server(reason, state.reason))
    state.reason = reason;
  if (reason.code == ec::unsupported)
    servers_.useless(state.server);
  else if (reason.code != ec::busy)
    leave(state.server);
  if (state.stale && state.failures + 1 >= servers_.size())
    return finish(x, *state.stale, out);
  try_again(x, reason.code == ec::busy, now, out);
}

void queue_caller::leave(std::size_t server) {
  if (server == servers_.here())
    ++moves_;
  servers_.failed(server);
}

/// @param wait Asking at once would not help.
void queue_caller::try_again(calls::iterator x, bool wait, instant now,
                             queue_effects& out) {
  auto& state = x->second;
  ++state.failures;
  if (wait || state.failures % servers_.size() == 0)
    pause(x, now);
  else
    make_ready(x);
  // It is known not to have happened. A try whose answer comes too late would
  // leave that open.
  const auto next = state.now == phase::pausing ? state.wake : now;
  if (is_change(state.request.verb) && !state.maybe_done
      && next > state.last_try)
    finish(x, *state.reason, out);
}

/// The number has ended without the effect that was asked for: another one.
void queue_caller::ask_anew(calls::iterator x, bool wait, instant now) {
  drop_number(x->second);
  x->second.maybe_done = false;
  if (wait)
    pause(x, now);
  else
    make_ready(x);
}

void queue_caller::pause(calls::iterator x, instant now) {
  auto& state = x->second;
  state.now = phase::pausing;
  state.pause
    = std::clamp(state.pause * 2, options_.pause_min, options_.pause_max);
  state.wake = now + state.pause;
  set_timer(x);
}

// -- the end of a call --------------------------------------------------------

void queue_caller::drop_number(pending& x) {
  if (x.request.number != 0 && x.generation == window_.generation())
    window_.close(x.request.number);
  x.request.number = 0;
  x.request.first = 1;
}

void queue_caller::finish(calls::iterator x, result<msg::queue_answer> told,
                          queue_effects& out) {
  auto& state = x->second;
  const bool lost = state.request.number != 0 && !told
                    && told.error().code == ec::outcome_unknown;
  out.emplace_back(queue_told{x->first, std::move(told), {}});
  if (lost)
    std::get<queue_told>(out.back()).unknown = state.request;
  if (!lost || !options_.keep_unknown)
    drop_number(state);
  else if (state.generation == window_.generation())
    window_.end();
  attempts_.erase(x->second.attempt);
  unnumbered_.erase(x->first);
  sendable_.erase(x->first);
  timers_.erase({x->second.timer, x->first});
  calls_.erase(x);
}

/// Its time is over.
void queue_caller::give_up(calls::iterator x, queue_effects& out) {
  auto& state = x->second;
  const auto change = is_change(state.request.verb);
  if (state.now == phase::sent)
    note_loss(state);
  if (state.stale)
    return finish(x, *state.stale, out);
  if (change && (state.maybe_done || state.now == phase::sent))
    return finish(
      x, unknown(state.reason ? state.reason->context : "no answer in time"),
      out);
  // A read has no outcome.
  if (state.reason && state.reason->code == ec::outcome_unknown)
    state.reason->code = ec::timed_out;
  if (state.reason)
    return finish(x, *state.reason, out);
  finish(x,
         fail(state.now == phase::sent ? ec::timed_out : ec::unavailable,
              "no server of the queues answered in time"),
         out);
}

// -- time ---------------------------------------------------------------------

void queue_caller::set_timer(calls::iterator x) {
  auto& state = x->second;
  timers_.erase({state.timer, x->first});
  state.timer = state.now == phase::pausing
                  ? std::min(state.wake, state.deadline)
                  : state.deadline;
  timers_.emplace(state.timer, x->first);
}

queue_effects queue_caller::tick(instant now) {
  queue_effects out;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto x = calls_.find(timers_.begin()->second);
    if (x->second.deadline <= now)
      give_up(x, out);
    else
      make_ready(x);
  }
  advance(now, out);
  return out;
}

std::optional<instant> queue_caller::next_deadline() const {
  std::optional<instant> next;
  if (!timers_.empty())
    next = timers_.begin()->first;
  const auto wanted = !unnumbered_.empty() || (!found_ && !sendable_.empty());
  if (greet_at_ && wanted && (!next || *greet_at_ < *next))
    next = greet_at_;
  return next;
}

void queue_caller::check() const {
  DFS_ASSERT(timers_.size() == calls_.size());
  for (const auto& [id, x] : calls_) {
    DFS_ASSERT(timers_.contains({x.timer, id}));
    const auto waits = unnumbered_.contains(id) || sendable_.contains(id);
    DFS_ASSERT(waits == (x.now == phase::ready));
    DFS_ASSERT((x.now == phase::sent) == attempts_.contains(x.attempt));
    if (x.request.number != 0 && x.generation == window_.generation())
      DFS_ASSERT(x.request.number >= window_.first());
  }
}

} // namespace dfs::core
