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
  lower_ = false;
  if (lower_passes_ >= config_.term_passes
      && now - lower_since_ >= config_.term_life)
    taken_ = {}; // Else one false or former leader would count for ever.
  heard_ = taken_;
  why_.reset();
  why_rank_ = 0;
  hope_ = false;
  likely_ = {hint_, leader_};
  queue_.clear();
  for (const auto& first : {hint_, leader_, guide_})
    if (!first.empty())
      queue_.push_back(first);
  hint_.clear();
  for (auto& address : servers_.next_round())
    queue_.push_back(std::move(address));
}

/// Any server that knows of the last leader's term, or of a higher one, upholds
/// it: servers remember what they obeyed, over restarts, too.
void leader_search::weigh(master_term told, instant now) {
  if (told == master_term{})
    return;
  if (told >= taken_) {
    lower_passes_ = 0;
  } else if (!std::exchange(lower_, true) && lower_passes_++ == 0) {
    lower_since_ = now;
  }
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
    make_room(out, now);
    if (asks_.size() < config_.asks_max) {
      ask x;
      x.address = std::move(queue_.front());
      x.likely = likely_.contains(x.address);
      queue_.pop_front();
      start(out, std::move(x), now);
    }
  }
  const auto open = std::any_of(asks_.begin(), asks_.end(),
                                [](auto& x) { return !x.second.leads; });
  const auto held = std::any_of(asks_.begin(), asks_.end(), [&](auto& x) {
    return now < holds_until(x.second);
  });
  const auto full = !open && asks_.size() >= config_.asks_max;
  if (!held && (queue_.empty() || full))
    end_pass(out, now);
}

/// A slow one makes room, the oldest first; a likely leader as the last.
void leader_search::make_room(search_effects& out, instant now) {
  for (const auto likely : {false, true}) {
    if (asks_.size() < config_.asks_max)
      return;
    const auto slow = std::find_if(asks_.begin(), asks_.end(), [&](auto& x) {
      return now >= x.second.since + config_.slow && !x.second.leads
             && x.second.likely == likely;
    });
    if (slow == asks_.end())
      continue;
    servers_.failed(slow->second.address);
    hope_ = true;
    out.push_back(drop_ask{slow->first});
    asks_.erase(slow);
  }
}

void leader_search::start(search_effects& out, ask x, instant now) {
  tried_.insert(x.address);
  if (x.named_by.empty() && !x.likely && x.address != guide_)
    servers_.asked(x.address);
  const auto number = ++last_ask_;
  out.push_back(ask_server{number, x.address, config_.patience});
  x.since = now;
  asks_.emplace(number, std::move(x));
  next_race_
    = now + std::max(config_.race, std::min(pause_, config_.race_max)); // I3
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
  const auto hopeless = !hope_ && asks_.empty();
  if (!why_) {
    auto silent = fail(ec::unavailable, "no server answers");
    if (!asks_.empty())
      silent.context = asks_.begin()->second.address + " does not answer";
    why_ = std::move(silent);
  }
  pause(now);
  out.push_back(pass_failed{*why_, *next_pass_, hopeless});
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
  lower_passes_ = 0;
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
  hope_ = true;
  servers_.learn(said.others, random_);
  const auto told = said.term != master_term{};
  const auto lower = said.term < heard_;
  weigh(said.term, now);
  heard_ = std::max(heard_, said.term);
  x.term = said.term;
  if (said.leads && !lower) { // I2
    take(out, found);
    return out;
  }
  next_race_ = std::min(next_race_, now); // It is not waited for any more.
  if (said.leads && told && said.term < taken_) {
    note(fail(ec::unavailable,
              x.address + " leads in an older term than the last master did"),
         true);
    out.push_back(drop_ask{number});
    asks_.erase(found);
    ++answers_;
  } else if (said.leads) {
    x.leads = true;
  } else {
    const auto by = x.address;
    asks_.erase(found);
    on_named(out, by, said, now);
    guide_ = by;
  }
  go_on(out, now);
  return out;
}

void leader_search::on_named(search_effects& out, const std::string& by,
                             const leader_answer& said, instant now) {
  const auto& leader = said.leader;
  if (leader.empty()) {
    ++answers_;
    note(fail(ec::unavailable, "the group has no master, says " + by
                                 + ". Try: start the master, then again"),
         true);
    return;
  }
  const auto superseded = said.term != master_term{} && said.term < heard_;
  if (superseded || tried_.contains(leader) || is_asked(leader)) {
    ++answers_;
    note(
      fail(ec::unavailable, by + " says that the master is " + leader
                              + (superseded ? ", which another one has followed"
                                            : ", which does not answer")),
      true);
    return;
  }
  ask x;
  x.address = leader;
  x.named_by = by;
  x.likely = leader != doubted_;
  start(out, std::move(x), now); // In the place of who named it (I1).
}

void leader_search::reached(std::uint64_t number) {
  if (const auto found = asks_.find(number); found != asks_.end())
    found->second.reached = true;
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
  hope_ = hope_ || may_pass(why.code);
  if (guide_ == x.address)
    guide_.clear();
  if (x.named_by.empty()) {
    note(why, false);
  } else {
    ++answers_;
    note(fail(why.code, why.context + " (the master, says " + x.named_by + ")"),
         true);
  }
  next_race_ = std::min(next_race_, now);
  go_on(out, now);
  return out;
}

/// A server's word tells more than a refusal, which may be the fault of that
/// contact, and a refusal more than a refused connection. The first of each
/// kind is kept.
void leader_search::note(error why, bool said) {
  const auto refused = !may_pass(why.code);
  const auto rank = said ? 2 : refused ? 1 : 0;
  if (why_ && rank <= why_rank_)
    return;
  why_ = std::move(why);
  why_rank_ = rank;
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
  if (!passing_ && deadline_ && next_pass_ && now >= *next_pass_)
    begin_pass(now);
  go_on(out, now);
  return out;
}

std::optional<instant> leader_search::next_deadline() const {
  if (!passing_)
    return deadline_ ? next_pass_ : std::nullopt;
  if (!queue_.empty() && asks_.size() < config_.asks_max)
    return next_race_;
  std::optional<instant> room;
  std::optional<instant> over;
  for (const auto& [number, x] : asks_) {
    if (x.leads)
      continue;
    const auto slow = x.since + config_.slow;
    room = room ? std::min(*room, slow) : slow;
    over = over ? std::max(*over, holds_until(x)) : holds_until(x);
  }
  return queue_.empty() ? over
                        : std::max(next_race_, room.value_or(next_race_));
}

/// How long the pass waits for that one. Others are asked meanwhile.
instant leader_search::holds_until(const ask& x) const {
  if (x.leads)
    return {};
  if (x.likely)
    return x.since + (x.reached ? config_.slow_likely : config_.slow);
  // Enough others have said that they know no leader.
  return answers_ < config_.answers_max ? x.since + config_.slow : x.since;
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
