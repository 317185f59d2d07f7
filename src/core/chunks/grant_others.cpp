#include "core/chunks/grant_machine.hpp"

#include <algorithm>

// Servers outside the new set that may serve the chunk, and what they have
// said: R2.

namespace dfs::core {

namespace {

bool in(const std::vector<server_index>& xs, server_index x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

} // namespace

bool grant_machine::others_may_serve(directory_state& s, instant now) {
  auto seen = s.table.holders(chunk_);
  for (const auto i : s.table.possible(chunk_))
    seen.push_back(i);
  if (const auto under_way = s.copies.find(chunk_); under_way != s.copies.end())
    seen.insert(seen.end(), under_way->second.begin(), under_way->second.end());
  // Those that were to go hold a current version, until they are gone. So may
  // one that its server's report left out: it may have come since.
  // And what was current when it was reported is served, until its server has
  // heard of a newer one.
  const auto* entry = s.table.find(chunk_);
  if (const auto* odd = s.table.odd_of(chunk_))
    for (const auto& x : *odd)
      if (x.fault == replica_fault::surplus
          || (entry != nullptr && x.version.value() >= entry->version)
          || s.servers.revoking(x.server, chunk_))
        seen.push_back(x.server);
  if (const auto* lease = s.leases.find(chunk_))
    seen.push_back(lease->primary());
  for (const auto i : seen)
    if (!in(others_, i))
      others_.push_back(i);
  bool any = false;
  for (const auto i : others_) {
    if (is_member(i) || has_heard(s, i))
      continue;
    s.revoke(i, chunk_, version_);
    any = any || s.servers.may_serve(i, now);
  }
  return any;
}

void grant_machine::heard(directory_state& s, server_index server,
                          chunk_version below, instant now) {
  auto& known = heard_[server];
  if (std::erase(absent_, server) == 0 && below <= known)
    return;
  known = below;
  advance(s, now);
}

// Below this attempt is all that a server outside can have. A member may have
// the version of this attempt, or get it yet: its fence may be under way.
bool grant_machine::has_heard(const directory_state& s, server_index i) const {
  const auto it = heard_.find(i);
  if (it == heard_.end())
    return false;
  if (is_member(i))
    return it->second > version_;
  return it->second >= version_ && !(in(absent_, i) && may_have_come(s, i));
}

bool grant_machine::may_have_come(const directory_state& s,
                                  server_index i) const {
  if (s.table.holds(i, chunk_))
    return true;
  const auto copies = s.copies.find(chunk_);
  if (copies != s.copies.end() && in(copies->second, i))
    return true;
  const auto odd = s.table.odd().find(chunk_);
  return odd != s.table.odd().end()
         && std::any_of(
           odd->second.begin(), odd->second.end(), [&](const odd_replica& x) {
             return x.server == i && x.fault != replica_fault::corrupt;
           });
}

} // namespace dfs::core
