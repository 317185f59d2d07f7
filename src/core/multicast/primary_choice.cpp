#include "core/multicast/primary_choice.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

using standings = std::vector<const msg::member_standing*>;

/// Whoever was ordered to go on does so with what it has.
bool is_able(const msg::member_standing& x, bool forced) {
  return x.fit || (forced && x.forced);
}

// The configuration whose order goes on. In literal mode whoever is furthest
// among those here, whatever others may have done.
msg::group_configuration last_of(const multicast_config& config,
                                 const std::vector<msg::member_standing>& view,
                                 bool forced) {
  const bool by_lineage
    = forced || config.rule == primary_rule::highest_id_literal;
  msg::group_configuration last;
  for (const auto& x : view) {
    if (by_lineage) {
      // Of a later one that nobody here can go on with nothing is left.
      if (x.lineage > last.id && (!forced || is_able(x, forced))) {
        last = x.known.id == x.lineage ? x.known : msg::group_configuration{};
        last.id = x.lineage;
      }
    } else if (is_later(x.known, last)) {
      last = x.known;
    }
  }
  return last;
}

bool remembers(const msg::member_standing& x,
               const msg::group_configuration& attempt) {
  return std::ranges::any_of(x.attempts,
                             [&](const auto& y) { return y.id == attempt.id; });
}

// Is it one of that one's members, with the disk that it had in it, and does it
// know what it did there? A forgetful server does, if it was committed to that
// attempt since it has become forgetful; it drops all others when it does.
bool votes(const msg::member_standing& x, const msg::group_configuration& of) {
  if (!votes_in(of, x.who))
    return false;
  return !x.forgetful || std::ranges::any_of(x.attempts, [&](const auto& y) {
    return y.id == of.id && is_own(y);
  });
}

// Those who judged a later attempt found that this one does not stand.
bool was_in_later(const msg::member_standing& x,
                  const msg::group_configuration& attempt) {
  return std::ranges::any_of(
    x.attempts, [&](const auto& y) { return is_own(y) && y.id > attempt.id; });
}

// May that attempt still have been installed, as far as those here can tell?
// Each member records an attempt before it says ready, and all were ready
// before anyone installed it.
bool may_stand(const msg::group_configuration& attempt, const standings& view) {
  std::size_t present = 0;
  for (const auto* x : view) {
    if (!votes_in(attempt, x->who))
      continue;
    // A forgetful member may have had it, and may have installed it.
    if (!remembers(*x, attempt) && (!x->forgetful || was_in_later(*x, attempt)))
      return false;
    present += votes(*x, attempt) ? 1 : 0;
  }
  return present < attempt.members.size();
}

std::vector<msg::group_configuration>
open_attempts(const msg::configuration_id& last, const standings& view) {
  std::vector<msg::group_configuration> open;
  for (const auto* x : view)
    for (const auto& y : x->attempts) {
      const auto same = [&](const auto& z) { return z.id == y.id; };
      if (y.id > last && std::none_of(open.begin(), open.end(), same)
          && may_stand(y, view))
        open.push_back({y.id, {}, 0, y.members});
    }
  std::sort(open.begin(), open.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return open;
}

// Fewer never go on after that configuration.
std::size_t least_members(const multicast_config& config,
                          const msg::group_configuration& last) {
  return std::min(
    {config.min_quorum, config.servers.size(), last.members.size()});
}

/// @pre the rule is not the literal one, which asks for none.
bool has_quorum(const multicast_config& config,
                const msg::group_configuration& of, const standings& view) {
  std::size_t count = 0;
  std::size_t forgetful = 0;
  bool highest = false;
  for (const auto* x : view)
    if (votes(*x, of)) {
      ++count;
      highest |= x->who.server == of.members.back().server;
    } else if (x->forgetful) {
      ++forgetful;
    }
  // All servers are here, and those who do not know what they did are fewer
  // than ever go on by themselves (`least_members`): no other half has. So half
  // is enough, as it meets each majority.
  const auto no_other_half = [&] {
    return forgetful > 0 && view.size() == config.servers.size()
           && forgetful < least_members(config, of);
  };
  if (config.rule == primary_rule::highest_id)
    return highest;
  return 2 * count > of.members.size()
         || (2 * count == of.members.size() && (highest || no_other_half()));
}

bool lacks_needed(const multicast_config& config, const standings& able) {
  return !std::ranges::all_of(config.needed, [&](server_id server) {
    return std::ranges::any_of(
      able, [&](const auto* x) { return x->who.server == server; });
  });
}

primary_verdict judge(const multicast_config& config, const primary_choice& x,
                      const standings& able) {
  if (able.empty())
    return primary_verdict::no_donor;
  if (lacks_needed(config, able))
    return primary_verdict::too_early;
  if (is_none(x.last.id))
    return able.size() == config.servers.size() ? primary_verdict::primary
                                                : primary_verdict::no_state;
  if (!has_quorum(config, x.last, able))
    return primary_verdict::no_quorum;
  if (config.rule == primary_rule::majority
      && able.size() < least_members(config, x.last)) // If forced.
    return primary_verdict::too_few;
  for (const auto& attempt : x.attempts)
    if (!has_quorum(config, attempt, able))
      return primary_verdict::unresolved;
  return primary_verdict::primary;
}

} // namespace

const char* to_text(primary_verdict x) {
  switch (x) {
    case primary_verdict::primary:
      return "primary";
    case primary_verdict::no_state:
      return "nobody here has the group's state";
    case primary_verdict::no_quorum:
      return "too few of the last primary configuration";
    case primary_verdict::unresolved:
      return "too few of an attempt that may have succeeded";
    case primary_verdict::too_few:
      return "fewer than min_quorum";
    case primary_verdict::no_donor:
      return "nobody here has the last configuration's state";
    case primary_verdict::too_early:
      return "its settings are not those that the group was formed by, and not "
             "all of its servers run with these yet";
  }
  return "";
}

namespace {

/// @param forced Whether an operator's order counts.
/// @param stalled Whether those of which the log hangs may be members.
primary_choice choose(const multicast_config& config,
                      const std::vector<msg::member_standing>& view,
                      bool forced, bool stalled) {
  primary_choice choice;
  choice.forced = forced;
  choice.last = last_of(config, view, forced);
  standings able;
  for (const auto& x : view)
    if (x.lineage == choice.last.id && is_able(x, forced)
        && (stalled || !x.stalled))
      able.push_back(&x);
  std::sort(able.begin(), able.end(), [](const auto* a, const auto* b) {
    return a->who.server < b->who.server;
  });
  for (const auto* x : able)
    choice.members.push_back(x->who);
  if (forced || config.rule == primary_rule::highest_id_literal) {
    const bool empty = is_none(choice.last.id) && !forced
                       && able.size() != config.servers.size();
    choice.verdict = able.empty() ? primary_verdict::no_donor
                     : empty      ? primary_verdict::no_state
                     : !forced && lacks_needed(config, able)
                       ? primary_verdict::too_early
                       : primary_verdict::primary;
    return choice;
  }
  // Before the first configuration all servers are asked, and none has
  // installed one: no attempt stands, whoever has not heard of it.
  if (!is_none(choice.last.id))
    choice.attempts = open_attempts(choice.last.id, able);
  choice.verdict = judge(config, choice, able);
  return choice;
}

} // namespace

void note_forgetful(std::vector<told_standing>& all) {
  for (auto& x : all) {
    auto& standing = x.standing;
    const auto& last = standing.known;
    const auto i = index_of(last, standing.who.server);
    // In the same life it was a late datagram. Without the lineage of `last`,
    // or without what is below that, what is not final was cut off, and it has
    // to fetch that first.
    if (standing.forgetful || !i || !votes_in(last, standing.who)
        || standing.lineage != last.id || x.held + 1 < last.first
        || last.members[*i].life == standing.who.life)
      continue;
    const auto heard_of_more = [&](const told_standing& y) {
      return y.standing.known.id == last.id && *i < y.standing.marks.size()
             && y.standing.marks[*i] > x.held;
    };
    standing.forgetful = std::ranges::any_of(all, heard_of_more);
    if (standing.forgetful)
      for (auto& attempt : standing.attempts)
        attempt.first = 0; // It may have installed that one.
  }
}

namespace {

// Whatever waits for a member whose disk hangs, waits with it. Who is not
// needed is left out; all disks may be slow at once, and then all are members.
primary_choice choose(const multicast_config& config,
                      const std::vector<msg::member_standing>& view,
                      bool forced) {
  if (std::ranges::any_of(view, &msg::member_standing::stalled)) {
    auto without = choose(config, view, forced, false);
    if (without.verdict == primary_verdict::primary)
      return without;
  }
  return choose(config, view, forced, true);
}

} // namespace

// An order overrides the rule only where the rule says no.
primary_choice choose_primary(const multicast_config& config,
                              const std::vector<msg::member_standing>& view) {
  auto by_rule = choose(config, view, false);
  if (by_rule.verdict == primary_verdict::primary
      || std::ranges::none_of(view, &msg::member_standing::forced))
    return by_rule;
  return choose(config, view, true);
}

} // namespace dfs::core
