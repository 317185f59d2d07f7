#include "core/failure/probe_schedule.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <limits>

namespace dfs::core {

namespace {

using std::chrono::milliseconds;

milliseconds between(instant from, instant to) {
  return std::chrono::duration_cast<milliseconds>(to - from);
}

} // namespace

void probe_schedule::start(instant now) {
  started_ = true;
  stale_ = true;
  last_answer_ = now;
  last_watched_ = now;
}

// -- whom to probe ------------------------------------------------------------

void probe_schedule::retarget(group_state& group, instant now) {
  if (!stale_ && seen_changes_ == group.changes)
    return;
  stale_ = false;
  seen_changes_ = group.changes;
  std::vector<msg::member_id> wanted;
  std::size_t trusted = 0;
  const auto walk = std::min(group.others(), walk_max);
  for (std::size_t step = 1; step <= walk && trusted < group.config.monitors;
       ++step) {
    const auto& id = group.ring.after(group.self.id, step);
    auto it = targets_.find(id);
    if (it == targets_.end() || !it->second.life.active())
      ++trusted;
    wanted.push_back(id);
  }
  for (const auto& [id, until] : watched_)
    if (group.table.find(id) != nullptr)
      wanted.push_back(id);
  std::sort(wanted.begin(), wanted.end());
  std::erase_if(targets_, [&](const auto& entry) { // I5
    return !std::binary_search(wanted.begin(), wanted.end(), entry.first);
  });
  if (targets_.empty())
    last_answer_ = now; // Nobody was asked until now.
  for (const auto& id : wanted) {
    if (targets_.contains(id))
      continue;
    const auto phase = milliseconds{group.random.below(
      static_cast<std::uint64_t>(group.config.probe_period.count()))};
    targets_.emplace(id, target{now, now + phase});
  }
}

void probe_schedule::ask_for_monitors(group_state& group, instant now) {
  if (group.others() == 0 || now < last_watched_ + group.config.unwatched_after)
    return;
  last_watched_ = now; // And again, unless somebody pings.
  for (const auto& id :
       group.ring.predecessors(group.self.id, group.config.monitors))
    group.send(id, msg::gossip_watch_request{});
}

void probe_schedule::watch(const msg::member_id& id, const group_state& group,
                           instant now) {
  if (watched_.size() >= watched_max && !watched_.contains(id))
    return;
  watched_[id] = now + group.config.watch_for;
  stale_ = true;
}

// -- probing ------------------------------------------------------------------

std::vector<probe_schedule::decision>
probe_schedule::tick(group_state& group, instant now) {
  std::vector<decision> decided;
  if (!started_)
    return decided;
  std::erase_if(relays_,
                [&](const auto& x) { return x.second.expires <= now; });
  if (std::erase_if(watched_, [&](const auto& x) { return x.second <= now; }))
    stale_ = true;
  retarget(group, now);
  const auto jurors = around(group, now);
  for (auto& [id, to] : targets_) {
    if (to.unanswered && !to.life.active()) {
      if (!to.escalated && now >= *to.unanswered + group.config.escalate_after)
        escalate(group, id, to, now);
      if (now >= *to.unanswered + group.config.suspect_after) {
        to.life.begin(now);
        to.next_probe = now;
        stale_ = true; // Somebody else is to be monitored in its place.
      }
    }
    if (now >= to.next_probe)
      probe(group, id, to, now);
    const auto verdict = to.life.verdict(group.config, jurors, now);
    if (verdict && now >= verdict->due)
      decided.push_back(
        {id, verdict->reason, between(to.life.last_alive(), now)});
  }
  retarget(group, now);
  ask_for_monitors(group, now);
  return decided;
}

void probe_schedule::probe(group_state& group, const msg::member_id& id,
                           target& to, instant now) {
  const auto period = to.life.active() ? group.config.suspect_period
                                       : group.config.probe_period;
  // Keeps its phase, so that the targets stay spread over the period.
  to.next_probe += period;
  if (to.next_probe <= now)
    to.next_probe = now + period;
  if (!to.unanswered) {
    to.unanswered = now;
    to.escalated = false;
  }
  ping(group, id, to, now);
  if (to.life.active() && !unanswered(group, now)) { // I6
    testify(group, id, to, now);
    ask_helpers(group, id, to, now);
  }
}

void probe_schedule::ping(group_state& group, const msg::member_id& id,
                          target& to, instant now) {
  while (!to.asked.empty() && to.asked.front().second + ack_fresh <= now)
    to.asked.pop_front();
  const auto number = group.next_number();
  to.asked.emplace_back(number, now);
  msg::gossip_ping ping{number, msg::id_tag(id), group.table.digest(), {}, {}};
  // Somebody else's suspicion, too: the target may not hear that one.
  if (to.life.suspected_by_any(now) && !unanswered(group, now))
    ping.suspected = to.life.refutations();
  group.send(id, std::move(ping));
}

void probe_schedule::escalate(group_state& group, const msg::member_id& id,
                              target& to, instant now) {
  to.escalated = true;
  ping(group, id, to, now);
  ping(group, id, to, now);
  ask_helpers(group, id, to, now);
}

void probe_schedule::ask_helpers(group_state& group, const msg::member_id& id,
                                 target& to, instant now) {
  const auto number = group.next_number();
  to.asked.emplace_back(number, now);
  msg::gossip_ping_request request{number, id, {}};
  if (to.life.active())
    request.suspected = to.life.refutations();
  for (const auto& helper :
       group.ring.sample(group.random, helpers, group.self.id, id))
    group.send(helper, request);
}

void probe_schedule::testify(group_state& group, const msg::member_id& id,
                             const target& to, instant now) {
  const msg::gossip_suspicion said{
    id, to.life.refutations(),
    static_cast<std::uint32_t>(std::min<std::int64_t>(
      to.life.age(now).count(), msg::suspicion_age_ms_max))};
  for (const auto& monitor :
       group.ring.predecessors(id, group.config.monitors + 1))
    if (monitor != group.self.id)
      group.send(monitor, said);
}

// -- answers ------------------------------------------------------------------

void probe_schedule::on_ack(group_state& group, const msg::member_id& from,
                            const msg::gossip_ack& ack, instant now) {
  if (auto it = relays_.find(ack.number);
      it != relays_.end() && it->second.target == from) {
    group.send(
      it->second.requester,
      msg::gossip_relayed_ack{it->second.number, from, ack.refutations});
    relays_.erase(it);
  }
  if (auto it = targets_.find(from); it != targets_.end())
    for (const auto& [number, when] : it->second.asked)
      if (number == ack.number && when + ack_fresh > now) {
        answered(group, from, it->second, ack.refutations, now);
        return;
      }
}

void probe_schedule::on_relayed_ack(group_state& group,
                                    const msg::gossip_relayed_ack& ack,
                                    instant now) {
  auto it = targets_.find(ack.target);
  if (it == targets_.end())
    return;
  for (const auto& [number, when] : it->second.asked)
    if (number == ack.number && when + ack_fresh > now) {
      answered(group, ack.target, it->second, ack.refutations, now);
      return;
    }
}

void probe_schedule::answered(group_state& group, const msg::member_id& id,
                              target& to, std::uint32_t refutations,
                              instant now) {
  if (to.unanswered && !to.life.active())
    losses_.note(to.escalated);
  if (to.life.active())
    stale_ = true;
  // Those who suspect it may not hear it themselves.
  if (refutations > to.life.refutations())
    for (const auto& witness : to.life.witnesses(now))
      group.send(witness, msg::gossip_alive{id, refutations});
  to.life.refuted(refutations, now);
  to.life.alive(now);
  to.unanswered.reset();
  to.escalated = false;
  to.asked.clear();
  // A suspect was probed faster.
  to.next_probe = std::max(to.next_probe, now);
}

void probe_schedule::on_ping(group_state& group, const msg::member_id& from,
                             const endpoint& source,
                             const msg::gossip_ping& ping, instant now) {
  if (ping.suspected)
    exceed(group, *ping.suspected);
  // A member that is not in the list yet must not suspect this one for that.
  const auto* record = group.table.find(from);
  group.send_to(
    record != nullptr ? record->ping_address() : source,
    msg::gossip_ack{ping.number, group.refutations, group.table.digest(), {}});
  note_monitor(group, from, now);
}

// Random probes come from anywhere and are no monitoring, not even those of the
// ring's predecessors: in a small group that is everybody. Whoever monitors
// comes again after a period, and nobody's random probes do.
void probe_schedule::note_monitor(const group_state& group,
                                  const msg::member_id& from, instant now) {
  const auto monitors
    = group.ring.predecessors(group.self.id, 2 * group.config.monitors);
  if (std::find(monitors.begin(), monitors.end(), from) == monitors.end())
    return;
  const auto recent = group.config.probe_period * 3 / 2;
  std::erase_if(pinged_,
                [&](const auto& x) { return x.second + recent <= now; });
  if (!pinged_.insert_or_assign(from, now).second)
    last_watched_ = now;
}

void probe_schedule::on_ping_request(group_state& group,
                                     const msg::member_id& from,
                                     const msg::gossip_ping_request& request,
                                     instant now) {
  if (request.target == group.self.id) {
    group.send(from, msg::gossip_relayed_ack{request.number, request.target,
                                             group.refutations});
    return;
  }
  if (relays_.size() >= relays_max)
    return;
  const auto* target = group.table.find(request.target);
  if (target == nullptr)
    return;
  const auto number = group.next_number();
  relays_.insert_or_assign(
    number, relay{from, request.number, request.target, now + ack_fresh});
  group.send(*target, msg::gossip_ping{number,
                                       msg::id_tag(request.target),
                                       group.table.digest(),
                                       request.suspected,
                                       {}});
}

// -- suspicions ---------------------------------------------------------------

void probe_schedule::on_suspicion(group_state& group,
                                  const msg::member_id& from,
                                  const msg::gossip_suspicion& said,
                                  instant now) {
  if (said.about == group.self.id) {
    exceed(group, said.refutations);
    group.send(from, msg::gossip_alive{group.self.id, group.refutations});
    return;
  }
  auto it = targets_.find(said.about);
  if (it == targets_.end())
    return;
  auto& to = it->second;
  if (said.refutations < to.life.refutations()) {
    group.send(from, msg::gossip_alive{said.about, to.life.refutations()});
    return;
  }
  to.life.hear(from, said.refutations, milliseconds{said.age_ms}, now);
  if (!to.unanswered)
    to.next_probe = now; // See for yourself, at once.
}

void probe_schedule::on_alive(group_state&, const msg::gossip_alive& said,
                              instant now) {
  auto it = targets_.find(said.about);
  if (it == targets_.end())
    return;
  auto& to = it->second;
  if (!to.life.refuted(said.refutations, now))
    return;
  to.unanswered.reset();
  to.escalated = false;
  stale_ = true;
}

void probe_schedule::exceed(group_state& group, std::uint32_t refutations) {
  // The last counter cannot be exceeded; such a suspicion is noise.
  if (refutations < group.refutations
      || refutations == std::numeric_limits<std::uint32_t>::max())
    return;
  group.refutations = refutations + 1;
  for (const auto& id :
       group.ring.predecessors(group.self.id, group.config.monitors))
    group.send(id, msg::gossip_alive{group.self.id, group.refutations});
}

// -- own health ---------------------------------------------------------------

bool probe_schedule::unanswered(const group_state& group, instant now) const {
  return group.others() >= 2 && last_answer_ + answer_fresh <= now;
}

instant probe_schedule::alone_at(const group_state& group) const {
  // SPEC M4 promises up to three crashes at once, so three that fall silent
  // together are believed to be gone. If more do, this node waits for longer.
  return last_answer_
         + (group.others() <= 3 ? group.config.verdict_lonely
                                : group.config.verdict_isolated);
}

bool probe_schedule::alone(const group_state& group, instant now) const {
  return started_ && group.others() >= 2 && alone_at(group) <= now;
}

void probe_schedule::hear_answer(group_state& group, instant now) {
  if (unanswered(group, now))
    restart(group, now);
  last_answer_ = now;
  group.unanswered = false;
}

jury probe_schedule::around(const group_state& group, instant now) const {
  return {group.others(), unanswered(group, now),
          losses_.above(group.config.loss_percent)};
}

void probe_schedule::credit(std::chrono::nanoseconds stall) {
  last_answer_ += stall;
  last_watched_ += stall;
  for (auto& [number, x] : relays_)
    x.expires += stall;
  for (auto& [id, to] : targets_) {
    to.life.credit(stall);
    if (to.unanswered)
      *to.unanswered += stall;
    for (auto& [number, when] : to.asked)
      when += stall;
  }
}

void probe_schedule::restart(group_state& group, instant now) {
  if (!started_)
    return;
  last_answer_ = now;
  last_watched_ = now;
  relays_.clear();
  targets_.clear(); // I6: suspicions and open probes go with them.
  stale_ = true;
  retarget(group, now);
}

// -- time ---------------------------------------------------------------------

instant probe_schedule::due(const group_state& group, const target& to,
                            instant now) const {
  auto first = to.next_probe;
  if (to.unanswered && !to.life.active()) {
    first = std::min(first, *to.unanswered + group.config.suspect_after);
    if (!to.escalated)
      first = std::min(first, *to.unanswered + group.config.escalate_after);
  }
  const auto verdict = to.life.verdict(group.config, around(group, now), now);
  return verdict ? std::min(first, verdict->due) : first;
}

std::optional<instant>
probe_schedule::next_deadline(const group_state& group, instant now) const {
  if (!started_ || group.others() == 0)
    return std::nullopt;
  if (stale_ || seen_changes_ != group.changes)
    return now;
  auto first = last_watched_ + group.config.unwatched_after;
  if (group.others() >= 2)
    first = std::min(first, alone_at(group));
  for (const auto& [id, to] : targets_)
    first = std::min(first, due(group, to, now));
  return first;
}

probe_status
probe_schedule::status(const group_state& group, instant now) const {
  probe_status seen;
  seen.lost_permille = losses_.permille();
  if (group.lost_sight_of_all)
    seen.reach = group_reach::alone;
  else if (unanswered(group, now))
    seen.reach = group_reach::unanswered;
  for (const auto& [id, probed] : targets_) {
    auto& shown = seen.targets.emplace_back();
    shown.id = id;
    if (probed.life.active())
      shown.suspected_for = probed.life.age(now);
  }
  return seen;
}

void probe_schedule::check(const group_state& group) const {
  DFS_ASSERT(watched_.size() <= watched_max);
  DFS_ASSERT(relays_.size() <= relays_max);
  DFS_ASSERT(targets_.size() <= walk_max + watched_max);
  DFS_ASSERT(!targets_.contains(group.self.id));
}

} // namespace dfs::core
