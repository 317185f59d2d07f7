#include "core/versions/rebuild_plan.hpp"

#include "core/versions/quorum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace dfs::core {

namespace {

using testimonies = std::vector<msg::group_testimony>;

const msg::group_testimony* of(const testimonies& xs, store_id store) {
  const auto it = std::find_if(xs.begin(), xs.end(),
                               [&](const auto& x) { return x.store == store; });
  return it == xs.end() ? nullptr : &*it;
}

error too_few(const testimonies& xs, const msg::group_set& set,
              std::size_t need) {
  std::string missing;
  for (const auto x : set.servers)
    if (!of(xs, x))
      missing += fmt::format(" {:016x}", x.value());
  return fail(ec::no_redundancy,
              fmt::format("of epoch {:x} {} servers have to answer; missing:{}",
                          set.epoch.value(), need, missing));
}

std::size_t there(const testimonies& xs, const msg::group_set& set) {
  return static_cast<std::size_t>(
    std::count_if(set.servers.begin(), set.servers.end(),
                  [&](store_id x) { return of(xs, x) != nullptr; }));
}

} // namespace

result<msg::group_set> find_set_in_force(const testimonies& xs) {
  const msg::group_set* best = nullptr;
  for (const auto& x : xs)
    if (x.set.epoch != group_epoch{} && (!best || x.set.epoch > best->epoch))
      best = &x.set;
  if (!best)
    return fail(ec::not_found);
  const auto need = seal_quorum(best->rule);
  if (there(xs, *best) < need)
    return too_few(xs, *best, need);
  std::size_t open = 0;
  for (const auto& x : xs)
    if (x.set.epoch == best->epoch && !x.sealed)
      ++open;
  // A later set needed a sealing quorum: is one possible without these?
  if (best->servers.size() - open < need)
    return *best;
  // Sets that were being installed: each may be in force with members active
  // who did not testify. Nobody who did is active in a later one than `best`.
  for (const auto& x : xs) {
    if (x.next.epoch <= best->epoch)
      continue;
    // Of W active members at least one would be among so many.
    const auto enough = promise_quorum(x.next.rule);
    if (there(xs, x.next) < enough)
      return too_few(xs, x.next, enough);
  }
  return *best;
}

} // namespace dfs::core
