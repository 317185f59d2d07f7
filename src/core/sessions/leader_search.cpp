#include "core/sessions/leader_search.hpp"

#include "base/assert.hpp"
#include "core/sessions/retry_pause.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

leader_search::leader_search(std::vector<std::string> contacts,
                             search_config config, rng random)
  : config_{config},
    random_{std::move(random)},
    servers_{std::move(contacts), random_} {
  DFS_ASSERT(servers_.size() > 0 && config_.asks_max > 1);
}

search_effects leader_search::want(instant deadline, instant now) {
  search_effects out;
  deadline_ = deadline;
  if (passing_)
    return out;
  if (next_pass_) {
    // Nobody spends more than half of its time in a pause.
    const auto half
      = std::max((deadline - now) / 2, instant::duration{config_.pause_min});
    next_pass_ = std::min(*next_pass_, now + half);
    return out;
  }
  begin_pass(now);
  go_on(out, now);
  return out;
}

void leader_search::rest() {
  deadline_.reset();
}

// -- a pass -------------------------------------------------------------------

void leader_search::begin_pass(instant now) {
  passing_ = true;
  next_pass_.reset();
  next_race_ = now;
  tried_.clear();
  answers_ = 0;
  heard_ = taken_;
  why_.reset();
  why_said_ = false;
  queue_.clear();
  for (const auto& first : {hint_, leader_, guide_})
    if (!first.empty())
      queue_.push_back(first);
  hint_.clear();
  for (auto& address : servers_.next_round())
    queue_.push_back(std::move(address));
}

void leader_search::go_on(search_effects& out, instant now) {
  if (!passing_)
    return;
  while (!queue_.empty()
         && (tried_.contains(queue_.front()) || is_asked(queue_.front())))
    queue_.pop_front();
  if (answers_ >= config_.answers_max)
    queue_.clear(); // Others would say the same; they come in the next pass.
  if (!queue_.empty() && now >= next_race_) {
    make_room(out);
    if (asks_.size() < config_.asks_max) {
      auto next = std::move(queue_.front());
      queue_.pop_front();
      start(out, std::move(next), {}, now);
      next_race_ = now + config_.race;
    }
  }
  const auto open = std::count_if(asks_.begin(), asks_.end(),
                                  [](auto& x) { return !x.second.leads; });
  const auto slow = std::count_if(asks_.begin(), asks_.end(), [](auto& x) {
    return x.second.slow && !x.second.leads;
  });
  const auto full = open == 0 && asks_.size() >= config_.asks_max;
  if (open == slow && (queue_.empty() || full))
    end_pass(out, now);
}

/// A slow one makes room, the oldest first; a named leader as the last.
void leader_search::make_room(search_effects& out) {
  for (const auto named : {false, true}) {
    if (asks_.size() < config_.asks_max)
      return;
    const auto slow = std::find_if(asks_.begin(), asks_.end(), [&](auto& x) {
      return x.second.slow && !x.second.leads
             && x.second.named_by.empty() != named;
    });
    if (slow == asks_.end())
      continue;
    servers_.failed(slow->second.address);
    out.push_back(drop_ask{slow->first});
    asks_.erase(slow);
  }
}

void leader_search::start(search_effects& out, std::string address,
                          std::string named_by, instant now) {
  tried_.insert(address);
  const auto number = ++last_ask_;
  out.push_back(ask_server{number, address, config_.patience});
  ask x;
  x.address = std::move(address);
  x.named_by = std::move(named_by);
  x.since = now;
  asks_.emplace(number, std::move(x));
}

void leader_search::end_pass(search_effects& out, instant now) {
  auto best = asks_.end();
  for (auto x = asks_.begin(); x != asks_.end(); ++x)
    if (x->second.leads
        && (best == asks_.end() || x->second.term > best->second.term))
      best = x;
  if (best != asks_.end())
    return take(out, best); // I2
  passing_ = false;
  if (!why_) {
    auto silent = fail(ec::unavailable, "no server answers");
    if (!asks_.empty())
      silent.context = asks_.begin()->second.address + " does not answer";
    why_ = std::move(silent);
  }
  pause(now);
  out.push_back(pass_failed{*why_, *next_pass_});
}

void leader_search::pause(instant now) { // I4
  pause_ = std::clamp(pause_ * 2, config_.pause_min, config_.pause_max);
  next_pass_ = now + jittered(pause_, random_);
  if (deadline_)
    next_pass_ = std::min(*next_pass_,
                          now
                            + std::max((*deadline_ - now) / 2,
                                       instant::duration{config_.pause_min}));
}

void leader_search::take(search_effects& out, asks::iterator found) {
  const auto number = found->first;
  leader_ = found->second.address;
  if (found->second.term != master_term{})
    taken_ = found->second.term;
  for (const auto& [other, x] : asks_)
    if (other != number)
      out.push_back(drop_ask{other});
  asks_.clear();
  queue_.clear();
  passing_ = false;
  confirmed_ = false;
  doubted_.clear();
  next_pass_.reset();
  deadline_.reset();
  out.push_back(leader_found{number, leader_, taken_});
}

// -- what servers say ---------------------------------------------------------

search_effects leader_search::answered(std::uint64_t number,
                                       const leader_answer& said, instant now) {
  search_effects out;
  const auto found = asks_.find(number);
  if (found == asks_.end())
    return out;
  auto& x = found->second;
  servers_.answered(x.address);
  servers_.learn(said.others, random_);
  const auto told = said.term != master_term{};
  const auto lower = said.term < heard_;
  heard_ = std::max(heard_, said.term);
  x.term = said.term;
  if (said.leads && !lower) { // I2
    take(out, found);
  } else if (said.leads && told && said.term < taken_) {
    note(fail(ec::unavailable,
              x.address + " leads in an older term than the last master did"),
         true);
    out.push_back(drop_ask{number});
    asks_.erase(found);
    ++answers_;
    go_on(out, now);
  } else if (said.leads) {
    x.leads = true;
    go_on(out, now);
  } else {
    const auto by = x.address;
    asks_.erase(found);
    on_named(out, by, said, now);
    guide_ = by;
    go_on(out, now);
  }
  return out;
}

void leader_search::on_named(search_effects& out, const std::string& by,
                             const leader_answer& said, instant now) {
  const auto& leader = said.leader;
  // The guide is asked in each pass, and costs no handshake.
  const auto counts = by != guide_ ? 1u : 0u;
  if (leader.empty()) {
    answers_ += counts;
    note(fail(ec::unavailable, "the group has no master, says " + by
                                 + ". Try: start the master, then again"),
         true);
    return;
  }
  const auto superseded = said.term != master_term{} && said.term < heard_;
  if (superseded || tried_.contains(leader) || is_asked(leader)) {
    answers_ += counts;
    note(
      fail(ec::unavailable, by + " says that the master is " + leader
                              + (superseded ? ", which another one has followed"
                                            : ", which does not answer")),
      true);
    return;
  }
  start(out, leader, by, now); // In the place of who named it (I1).
}

void leader_search::reached(std::uint64_t number) {
  const auto found = asks_.find(number);
  if (found == asks_.end())
    return;
  auto& x = found->second;
  x.reached = true;
  if (number == last_ask_ && x.address != doubted_)
    next_race_ = std::max(next_race_, x.since + config_.race_reached);
}

search_effects
leader_search::failed(std::uint64_t number, const error& why, instant now) {
  search_effects out;
  const auto found = asks_.find(number);
  if (found == asks_.end())
    return out;
  const auto x = std::move(found->second);
  asks_.erase(found);
  servers_.failed(x.address);
  if (guide_ == x.address)
    guide_.clear();
  if (x.named_by.empty()) {
    note(why, false);
  } else {
    answers_ += x.named_by != guide_ ? 1u : 0u;
    note(fail(why.code, why.context + " (the master, says " + x.named_by + ")"),
         true);
  }
  next_race_ = std::min(next_race_, now);
  go_on(out, now);
  return out;
}

/// A refusal tells more than a server's word, which tells more than a refused
/// connection. The first of each kind is kept.
void leader_search::note(error why, bool said) {
  const auto more
    = !why_
      || (why_->code == ec::unavailable
          && (why.code != ec::unavailable || (said && !why_said_)));
  if (!more)
    return;
  why_ = std::move(why);
  why_said_ = said;
}

// -- the leader ---------------------------------------------------------------

void leader_search::confirmed() {
  confirmed_ = true;
  pause_ = {};
}

void leader_search::lost(loss how, const std::string& hint, instant now) {
  if (how != loss::closed)
    doubted_ = std::exchange(leader_, {}); // If named again, it is asked.
  hint_ = hint;
  if (!confirmed_)
    pause(now);
}

// -- time ---------------------------------------------------------------------

search_effects leader_search::tick(instant now) {
  search_effects out;
  for (auto& [number, x] : asks_)
    x.slow = x.slow || now >= slow_at(x);
  if (!passing_ && deadline_ && next_pass_ && now >= *next_pass_)
    begin_pass(now);
  go_on(out, now);
  return out;
}

std::optional<instant> leader_search::next_deadline() const {
  if (!passing_)
    return deadline_ ? next_pass_ : std::nullopt;
  std::optional<instant> next;
  const auto add = [&](instant at) { next = next ? std::min(*next, at) : at; };
  if (!queue_.empty() && asks_.size() < config_.asks_max)
    add(next_race_);
  for (const auto& [number, x] : asks_)
    if (!x.slow)
      add(slow_at(x));
    else if (!queue_.empty() && !x.leads)
      add(next_race_);
  return next;
}

instant leader_search::slow_at(const ask& x) const {
  const auto patient = x.reached && x.address != doubted_;
  return x.since + (patient ? config_.slow_reached : config_.slow);
}

bool leader_search::is_asked(const std::string& address) const {
  return std::any_of(asks_.begin(), asks_.end(),
                     [&](auto& x) { return x.second.address == address; });
}

void leader_search::check() const {
  DFS_ASSERT(asks_.size() <= config_.asks_max); // I1
  std::set<std::string> addresses;
  for (const auto& [number, x] : asks_)
    DFS_ASSERT(addresses.insert(x.address).second);
  DFS_ASSERT(!(passing_ || deadline_) || next_deadline()); // I3
}

} // namespace dfs::core
