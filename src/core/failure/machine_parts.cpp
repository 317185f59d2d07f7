#include "core/failure/machine_parts.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dfs::core {

namespace {

/// In a large group: who hears a goodbye from the leaver itself. Each passes it
/// on; that none of them lives and hears it is not to be expected.
constexpr std::size_t goodbye_listeners = 8;

msg::news_item
news_of(const msg::member_record& joined, const msg::member_id& by) {
  return {msg::member_change::joined, msg::news_reason::admitted, joined, by};
}

msg::news_item news_of(const msg::member_id& gone, msg::member_change change,
                       msg::news_reason reason, const msg::member_id& by) {
  msg::news_item news{change, reason, {}, by};
  news.member.id = gone;
  return news;
}

} // namespace

void failure_machine::parts::begin_call(instant at) {
  at = std::max(at, now);
  const auto due = next_deadline();
  // What waited for a stall to end comes in one by one: it is credited once.
  const auto stall = due ? at - std::max(*due, now) : instant::duration{0};
  if (is == phase::member && stall > group.config.stall) {
    if (stall <= group.config.stall_max)
      probes.credit(stall);
    else
      probes.restart(group, at);
  }
  now = at;
  group.fresh.expire(now);
  group.unanswered = probes.unanswered(group, now);
  accompanied |= is == phase::member && group.side_members() > 1;
}

effects failure_machine::parts::end_call() {
  for (auto& x : group.out) {
    auto* sent = std::get_if<send_packet>(&x);
    if (sent == nullptr)
      continue;
    if (auto* ping = std::get_if<msg::gossip_ping>(&sent->packet.body))
      ping->news = news.piggyback();
    else if (auto* ack = std::get_if<msg::gossip_ack>(&sent->packet.body))
      ack->news = news.piggyback();
  }
  return std::exchange(group.out, {});
}

void failure_machine::parts::join(std::vector<endpoint> introducers,
                                  bool may_found,
                                  std::vector<known_address> known) {
  if (is != phase::fresh)
    return;
  is = phase::joining;
  strangers.begin(group, std::move(introducers), may_found, std::move(known),
                  now);
  tick();
}

void failure_machine::parts::become_member() {
  is = phase::member;
  strangers.arrived(group, now);
  group.admit(group.self, "this node", now);
  probes.start(now);
  next_random = now;
}

void failure_machine::parts::tick() {
  switch (is) {
    case phase::fresh:
    case phase::silent:
      return;
    case phase::joining:
      strangers.tick(group, now);
      if (!strangers.founds(group, now))
        return;
      become_member();
      sync.founded();
      break;
    case phase::leaving:
      news.tick(group, now);
      finish_leave();
      return;
    case phase::member:
      break;
  }
  group.table.expire(now);
  if (probes.alone(group, now))
    group.lose_sight(now);
  for (const auto& decided : probes.tick(group, now))
    declare(decided);
  news.tick(group, now);
  for (const auto& hint : unproved.tick(group, now))
    if (group.table.find(hint.member.id) != nullptr)
      probes.watch(hint.member.id, group, now);
  sync.tick(group, now);
  if (now >= next_random)
    probe_somebody();
}

void failure_machine::parts::declare(const probe_schedule::decision& decided) {
  const auto verdict = news_of(decided.target, msg::member_change::failed,
                               decided.reason, group.self.id);
  if (!group.retire(verdict, now))
    return;
  news.add(group, verdict, true, now);
  // If it lives, it is the first that should know.
  group.send_to(decided.target.address(), msg::gossip_news{0, {verdict}});
}

void failure_machine::parts::probe_somebody() {
  next_random = now + group.config.random_probe_period;
  const auto whom
    = group.ring.sample(group.random, 1, group.self.id, group.self.id);
  if (!whom.empty())
    group.send(whom.front(), msg::gossip_ping{group.next_number(),
                                              msg::id_tag(whom.front()),
                                              group.table.digest(),
                                              {},
                                              {}});
  strangers.look_for_strangers(group, now);
  greet_rivals();
}

void failure_machine::parts::leave() {
  switch (is) {
    case phase::leaving:
    case phase::silent:
      return;
    case phase::member:
      if (group.others() > 0) {
        say_goodbye();
        return;
      }
      group.retire(news_of(group.self.id, msg::member_change::left,
                           msg::news_reason::goodbye, group.self.id),
                   now);
      break;
    case phase::fresh:
    case phase::joining:
      break;
  }
  is = phase::silent;
  group.out.push_back(left{});
}

void failure_machine::parts::say_goodbye() {
  const auto goodbye = news_of(group.self.id, msg::member_change::left,
                               msg::news_reason::goodbye, group.self.id);
  group.retire(goodbye, now);
  const bool large = group.table.size() > group.config.direct_max;
  news.tell(group, goodbye,
            group.ring.sample(group.random,
                              large ? goodbye_listeners : group.table.size(),
                              group.self.id, group.self.id),
            now);
  is = phase::leaving;
  leaving_since = now;
}

void failure_machine::parts::finish_leave() {
  const auto told = news.progress_of(group.self.id);
  const auto waited = now - leaving_since;
  if (told.open > 0 && waited < group.config.leave_max
      && (told.confirmed == 0 || waited < group.config.leave_linger))
    return;
  is = phase::silent;
  group.out.push_back(left{});
}

member_table::join_outcome
failure_machine::parts::take_in(const msg::member_record& record,
                                const msg::news_item& about, bool originate) {
  const auto outcome = group.admit(record, cause_of(about), now);
  if (outcome != member_table::join_outcome::added)
    return outcome;
  if (sync.caught_up() && record.id.address() != guide)
    group.fresh.add(record.id, now + group.config.newcomer_for);
  // A joiner that hears its first list has no news for anybody.
  if (originate || sync.caught_up())
    news.add(group, about, originate, now);
  greet_rival(record);
  return outcome;
}

void failure_machine::parts::begin_again(const end_of_life& told,
                                         const msg::member_id& teller) {
  // The core knows no wall clock: the least stamp that is newer will do, and
  // the next start of this process takes a real one above it.
  const auto start = std::max(told.start_ms, group.self.id.start_ms) + 1;
  if (start > msg::start_ms_max)
    return;
  const bool member = is == phase::member;
  if (member && now < next_life)
    return; // Whoever says so says it again.
  if (member) {
    // What the former life knew of others' ends was one side's view.
    const auto former = group.self.id;
    group.table.forget_ends();
    unproved.clear();
    group.retire(news_of(former, msg::member_change::failed,
                         msg::news_reason::retired, teller),
                 now);
    space_lives();
  }
  group.self.id.start_ms = start;
  group.refutations = 0;
  group.out.push_back(rejoined{group.self.id, told.cause});
  if (!member) {
    strangers.ask(group, teller.address());
    return;
  }
  group.admit(group.self, "this node", now);
  for (const auto& [address, record] : group.table.live())
    if (record.id != group.self.id && record.id != teller)
      group.fresh.add(record.id, now + group.config.newcomer_for);
  group.fresh.remove(teller);
  guide = teller.address();
  group.introduce(guide, msg::introduction_kind::hello);
  news.add(group, news_of(group.self, group.self.id), true, now);
}

void failure_machine::parts::space_lives() {
  // Quiet for as long as the last pause again: that trouble is over.
  if (now >= next_life + life_pause)
    life_pause = group.config.new_life_pause;
  next_life = now + life_pause;
  life_pause = std::min(2 * life_pause, group.config.new_life_pause_max);
}

std::optional<instant> failure_machine::parts::next_deadline() const {
  const auto earlier = [](std::optional<instant> x, std::optional<instant> y) {
    return !x || (y && *y < *x) ? y : x;
  };
  switch (is) {
    case phase::fresh:
    case phase::silent:
      return std::nullopt;
    case phase::joining:
      return strangers.next_deadline(group);
    case phase::leaving: {
      const auto linger = leaving_since + group.config.leave_linger;
      return earlier(news.next_deadline(),
                     linger > now ? linger
                                  : leaving_since + group.config.leave_max);
    }
    case phase::member:
      break;
  }
  auto first = earlier(next_random, probes.next_deadline(group, now));
  first = earlier(first, news.next_deadline());
  first = earlier(first, unproved.next_deadline());
  first = earlier(first, sync.next_deadline());
  return earlier(first, group.table.next_expiry());
}

void failure_machine::parts::check() const {
  group.check();
  probes.check(group);
  news.check();
  DFS_ASSERT((group.table.find(group.self.id) != nullptr)
             == (is == phase::member));
  DFS_ASSERT(group.out.empty());
}

} // namespace dfs::core
