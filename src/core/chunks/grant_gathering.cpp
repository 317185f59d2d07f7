#include "core/chunks/grant_machine.hpp"
#include "core/chunks/grant_proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

// Who may be of the new set, and what clients are told that wait for it.

namespace dfs::core {

namespace {

bool in(const std::vector<server_index>& xs, server_index x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

} // namespace

void grant_machine::gather(directory_state& s, instant now) {
  if (s.table.find(chunk_) == nullptr) {
    refuse(s, fail(ec::not_found, "the chunk is gone"));
    return;
  }
  if (now >= again_) {
    unfit_.clear();
    unreached_.clear();
    refused_.clear();
  }
  std::vector<server_index> chosen;
  if (may_begin(s, now, chosen))
    intend(s, std::move(chosen), now);
}

bool grant_machine::may_begin(directory_state& s, instant now,
                              std::vector<server_index>& chosen) const {
  // S4: whose replicas are not known might be the primary.
  if (s.servers.guessing(now) || s.awaits_all(chunk_))
    return false;
  if (const auto held = s.held.find(chunk_);
      held != s.held.end() && now < held->second)
    return false; // A copy is nearly done: the new set is to have it.
  const auto& entry = *s.table.find(chunk_);
  const auto may_be_of_it = candidates(s, now);
  for (const auto i : may_be_of_it) {
    if (in(unfit_, i))
      continue;
    if (s.servers.at(i).linked)
      chosen.push_back(i);
    else if (s.servers.may_serve(i, now))
      return false; // It comes back, or its lease ends, or its death is proven.
  }
  if (entry.has(chunk_entry::fresh) && !chosen.empty()
      && chosen.size() < entry.replication) {
    auto taken = may_be_of_it;
    taken.insert(taken.end(), barren_.begin(), barren_.end());
    for (const auto i :
         choose_servers(s.servers, s.memory, entry.replication - chosen.size(),
                        s.config.chunk_size, taken, s.random, now))
      if (!in(unfit_, i))
        chosen.push_back(i);
  }
  // Who is left out has an old version from then on, and needs a new copy.
  if (chosen.size() < entry.replication && unfit_.empty()
      && (!s.gathered(now) || s.servers.arriving(now)))
    return false;
  const auto others_left = std::ranges::any_of(
    may_be_of_it, [&](server_index i) { return in(unfit_, i); });
  if (lacks_proof(s, chunk_, chosen, others_left, now)) // V1
    return false;
  return chosen.size() >= std::max<std::size_t>(s.replicas_min(entry), 1)
         || (!chosen.empty() && may_be_short(s, now));
}

// Where it is settled, copies are made without a grant. Otherwise nobody could
// copy it, or read it, for as long as the others are away; nor under an open
// intent, which has revoked what they have, nor where a server refuses it.
bool grant_machine::may_be_short(const directory_state& s, instant now) const {
  if (!unfit_.empty() || !s.quiet(now))
    return false;
  const auto holders = s.table.holders(chunk_);
  return !s.table.find(chunk_)->has(chunk_entry::settled)
         || s.table.intent(chunk_) || !s.table.behind(chunk_).empty()
         || std::ranges::any_of(
           holders, [&](server_index i) { return s.refuses(chunk_, i); });
}

std::vector<server_index>
grant_machine::candidates(const directory_state& s, instant now) const {
  auto found = s.table.holders(chunk_);
  if (!s.table.proven_holders(chunk_).empty())
    return found;
  // What was committed is nowhere.
  if (all_are_here(s, now))
    for (const auto i : s.table.behind(chunk_))
      found.push_back(i);
  return found;
}

void grant_machine::expire_askers(directory_state& s, instant now) {
  std::erase_if(askers_, [&](const waiting& x) {
    if (now < x.until)
      return false;
    const auto waits = why_it_waits(s, chunk_, now);
    const auto why
      = phase_ == phase::gathering
          ? fail(ec::no_redundancy, "too few replicas are reachable"
                                      + (waits.empty() ? waits : "; " + waits))
          : fail(ec::busy, fmt::format("a new primary is being made: {}",
                                       to_string(phase_)));
    s.out.push_back(answer_lease{x.asker, why});
    return true;
  });
}

} // namespace dfs::core
