#include "core/chunks/grant_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// Which servers are left out when no primary could be made, or only of some.

namespace dfs::core {

namespace {

// A primary that failed twice is no member any more.
constexpr std::ptrdiff_t refusals_max = 2;

} // namespace

// One that says that it reaches too few would say so again: where the others
// are enough, they proceed without it at once. Otherwise another one may reach
// more, also of those that this one left out before, and nobody is left out for
// the links between the servers.
void grant_machine::primary_refused(directory_state& s, ec why, instant now) {
  refused_.push_back(primary_);
  const auto least = s.replicas_min(*s.table.find(chunk_));
  const bool alone = why == ec::no_redundancy;
  if (alone && (least <= 2 || members_.size() == 2))
    for (const auto& x : members_)
      s.torn.note(primary_, x.server, now);
  if (alone && members_.size() <= least)
    for (const auto i : std::exchange(unreached_, {}))
      std::erase(unfit_, i);
  if ((alone && members_.size() > least)
      || std::count(refused_.begin(), refused_.end(), primary_) >= refusals_max)
    leave_out_one(s);
}

// They do not answer the primary, or lack too much: the primary cannot tell the
// difference to the master, and both want a new copy.
void grant_machine::leave_out(directory_state& s,
                              const std::vector<store_id>& behind,
                              instant now) {
  for (const auto store : behind)
    if (const auto i = s.servers.find(store)) {
      unfit_.push_back(*i);
      unreached_.push_back(*i);
      s.torn.note(primary_, *i, now);
      s.note(directory_note::kind::left_out, chunk_, *i,
             fmt::format("{} does not reach it, or cannot bring it level",
                         s.servers.at(primary_).name));
    }
}

// The one that does not get to lead; but of a new chunk the only one that has
// anything stays, and those go that it could not bring level: they were made by
// their fences, perhaps one of the first set among them that has lost what it
// had, and would lead with nothing. Unless nothing of it was acknowledged.
void grant_machine::leave_out_one(const directory_state& s) {
  const auto has_any
    = [](const member& x) { return x.extent.serial != mutation_serial{}; };
  const auto primary
    = std::find_if(members_.begin(), members_.end(),
                   [&](const member& x) { return x.server == primary_; });
  if (!s.table.find(chunk_)->has(chunk_entry::fresh)
      || s.unpromised.contains(chunk_) || primary == members_.end()
      || !has_any(*primary)
      || std::count_if(members_.begin(), members_.end(), has_any) > 1) {
    unfit_.push_back(primary_);
    return;
  }
  // Where no one else is left of the first set, others would be made that are
  // as empty: without them it settles what it has, and they become copies.
  const auto alone = std::ranges::none_of(members_, [&](const member& x) {
    return x.server != primary_ && s.table.holds(x.server, chunk_);
  });
  for (const auto& x : members_)
    if (x.server != primary_) {
      unfit_.push_back(x.server);
      if (alone)
        barren_.push_back(x.server);
    }
}

} // namespace dfs::core
