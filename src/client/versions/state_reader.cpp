#include "client/versions/state_reader.hpp"

#include "base/counted.hpp"
#include "base/crc32c.hpp"
#include "core/versions/manifest_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Of one request; longer than the machine waits before it asks again.
constexpr auto request_patience = 2'000ms;

/// So long a set may not have R that answer before the master is asked for
/// another one; then longer each time.
constexpr auto round_patience = 500ms;

/// Of a question to the master: it may be down, and the servers not.
constexpr auto locate_patience = 1'000ms;

} // namespace

void state_reader::start(version_session& session, state_wanted what,
                         answer then) {
  std::make_shared<state_reader>(session, std::move(what), std::move(then))
    ->locate();
}

state_reader::state_reader(version_session& session, state_wanted what,
                           answer then)
  : session_{session},
    what_{std::move(what)},
    then_{std::move(then)},
    patience_{what_.timeout},
    timer_{session.io} {
  // nop
}

const msg::group_location& state_reader::where() const {
  return session_.places->group(what_.group);
}

void state_reader::locate() {
  if (rounds_ == 0 && !where().set.servers.empty())
    return begin_round();
  session_.places->refresh(
    what_.group, primary_failed_, rounds_ > 0,
    std::min<std::chrono::milliseconds>(
      rounds_ == 0 ? what_.timeout : locate_patience, patience_.left()),
    [self = shared_from_this()](const result<nothing>& x) {
      // Without the master: as it was, if anything was.
      if (!x && self->where().set.servers.empty())
        return self->end(x.error());
      self->begin_round();
    });
}

void state_reader::begin_round() {
  const auto& at = where();
  ++round_;
  open_.clear();
  answered_.clear();
  hedged_ = false;
  primary_failed_ = {};
  const auto now = instant::clock::now();
  round_ends_ = now + round_patience * (1 << std::min(rounds_, 2));
  ++rounds_;
  std::vector<store_id> nearest;
  for (const auto& x :
       session_.health.order(at.servers, 0, session_.spread++, now))
    if (std::find(at.set.servers.begin(), at.set.servers.end(), x.store)
        != at.set.servers.end())
      nearest.push_back(x.store);
  for (const auto store : at.set.servers) // The master does not know where.
    if (std::find(nearest.begin(), nearest.end(), store) == nearest.end())
      nearest.push_back(store);
  machine_.emplace(session_.read, at.set, what_.file, what_.looked_up_at,
                   std::move(nearest));
  perform(machine_->begin(now));
}

void state_reader::perform(core::read_effects effects) {
  for (auto& x : effects) {
    if (const auto* state = std::get_if<core::ask_state>(&x)) {
      ask(*state);
    } else if (const auto* finish = std::get_if<core::ask_finish>(&x)) {
      finish_there(*finish);
    } else if (const auto* primary = std::get_if<core::ask_settle>(&x)) {
      settle(*primary);
    } else if (auto* gone = std::get_if<core::read_lost>(&x)) {
      return lost(gone->why);
    } else if (auto* last = std::get_if<core::read_over>(&x)) {
      return over(std::move(*last));
    } else if (std::holds_alternative<core::read_outdated>(x)) {
      state_found nothing;
      nothing.outdated = true;
      return end(std::move(nothing));
    }
    if (!then_ || !machine_)
      return;
  }
  arm();
}

void state_reader::ask(const core::ask_state& x) {
  const auto now = instant::clock::now();
  const auto to = session_.places->server(what_.group, x.to);
  // Nothing is lost on the way: who has not answered yet may be slow.
  if (!to || !open_.emplace(x.to, now).second)
    return;
  session_.servers.read_state(
    *to, {x.what, x.bytes && what_.bytes, {}}, request_patience,
    [self = shared_from_this(), round = round_, from = x.to,
     since = now](result<state_answer> reply) {
      if (self->then_ && self->round_ == round)
        self->answered(from, since, std::move(reply));
    });
}

void state_reader::answered(store_id from, instant since,
                            result<state_answer> x) {
  const auto now = instant::clock::now();
  open_.erase(from);
  if (!x)
    return failed(from, x.error());
  session_.health.answered(from, static_cast<std::uint32_t>(x->bytes.size()),
                           now - since);
  answered_[from] = true;
  auto& said = x->head.said;
  if (!said.refused.empty()) {
    last_ = fail(said.refused.front().code, "a file server does not serve it");
    return perform(machine_->on_refused(from, said.refused.front(), now));
  }
  if (said.what.empty())
    return failed(from, fail(ec::malformed, "an empty answer"));
  const auto& state = said.what.front();
  const auto* newest = core::newest_of(state.state.manifest);
  if (what_.bytes && newest && newest->bytes == x->bytes.size()
      && newest->kind == msg::version_kind::content
      && x->head.crcs == block_crcs(x->bytes.view(), 0)
      && newest->checksum == crc32c(x->bytes.view())) // I2
    contents_[newest->content] = {x->bytes, std::move(x->head.crcs), nullptr};
  perform(machine_->on_state(from, state, now));
}

void state_reader::finish_there(const core::ask_finish& x) {
  const auto to = session_.places->server(what_.group, x.to);
  if (!to)
    return;
  session_.servers.finish(
    *to, {x.what}, request_patience,
    [self = shared_from_this(), round = round_, from = x.to](const auto& said) {
      if (!self->then_ || self->round_ != round)
        return;
      const auto now = instant::clock::now();
      if (!said)
        self->failed(from, said.error());
      else if (!said->refused.empty())
        self->perform(
          self->machine_->on_refused(from, said->refused.front(), now));
      else if (!said->what.empty())
        self->perform(
          self->machine_->on_accepted(from, said->what.front(), now));
    });
}

void state_reader::settle(const core::ask_settle& x) {
  const auto primary = where().primary;
  const auto to = session_.places->server(what_.group, primary);
  if (!to)
    return perform(
      machine_->on_lost(fail(ec::unavailable, "its group has no primary now")));
  session_.servers.settle(
    *to, msg::ask_settle_file{x.what}, request_patience,
    [self = shared_from_this(), round = round_, primary](const auto& settled) {
      if (!self->then_ || self->round_ != round)
        return;
      if (settled)
        return self->perform(self->machine_->on_settled(*settled));
      if (is_passing(settled.error().code))
        self->primary_failed_ = primary;
      self->perform(self->machine_->on_lost(settled.error()));
    });
}

/// It cannot be asked. The first time others are, without waiting for it.
void state_reader::failed(store_id from, const error& why) {
  last_ = why;
  session_.health.failed(from, instant::clock::now());
  if (std::exchange(hedged_, true))
    return;
  if (const auto due = machine_->next_deadline())
    perform(machine_->tick(*due));
}

void state_reader::arm() {
  const auto due = machine_->next_deadline();
  if (!due)
    return;
  timer_.expires_at(std::min(*due, round_ends_));
  timer_.async_wait(
    [self = shared_from_this(), round = round_](auto cancelled) {
      if (!cancelled && self->then_ && self->round_ == round)
        self->on_timer();
    });
}

void state_reader::on_timer() {
  const auto now = instant::clock::now();
  if (now >= round_ends_)
    return lost(missing());
  perform(machine_->tick(now));
}

void state_reader::lost(const error& why) {
  timer_.cancel();
  const auto now = instant::clock::now();
  for (const auto& [store, since] : open_)
    if (now - since > session_.read.again)
      session_.health.failed(store, now);
  last_ = why;
  ++round_; // Who answers now is too late.
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return end(last_);
  after(session_.io, pause, [self = shared_from_this()] { self->locate(); });
}

error state_reader::missing() const {
  const auto& set = where().set;
  std::vector<store_id> absent;
  for (const auto store : set.servers)
    if (!answered_.contains(store))
      absent.push_back(store);
  if (absent.empty())
    return fail(last_.code == ec::stale ? ec::unavailable : last_.code,
                fmt::format("{}: its file servers do not agree yet ({})",
                            what_.path, last_.context));
  const auto told = last_.code == ec::token_expired ? " (" + last_.context + ")"
                                                    : std::string{};
  return fail(
    ec::unavailable,
    fmt::format("{}: {} of its {} file servers must answer, and {} not: {}{}",
                what_.path, set.rule.read, set.servers.size(),
                counted(absent.size(), "does", "do"),
                session_.places->names(what_.group, absent), told));
}

void state_reader::over(core::read_over x) {
  const auto now = instant::clock::now();
  for (const auto& [store, since] : open_)
    if (now - since > session_.read.again)
      session_.health.failed(store, now);
  state_found found{std::move(x.state), std::move(x.holders), {}};
  if (const auto* newest = core::newest_of(found.state.manifest))
    if (const auto known = contents_.find(newest->content);
        known != contents_.end() && newest->kind == msg::version_kind::content)
      found.bytes = std::move(known->second);
  end(std::move(found));
}

void state_reader::end(result<state_found> outcome) {
  timer_.cancel();
  ++round_;
  const auto then = std::exchange(then_, nullptr);
  then(std::move(outcome));
}

} // namespace dfs::client
