#include "core/versions/manifest_rules.hpp"

#include "base/assert.hpp"
#include "messages/version_rows.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

const msg::file_version* newest_of(const msg::file_manifest& x) {
  return x.versions.empty() ? nullptr : &x.versions.front();
}

namespace {

auto place_of(const msg::file_manifest& x, put_writer writer) {
  return std::lower_bound(
    x.outcomes.begin(), x.outcomes.end(), writer,
    [](const msg::put_outcome& a, put_writer b) { return a.put.writer < b; });
}

/// One writer more than these is not taken if it is lower than all of them:
/// that many on top have come in falling order.
constexpr std::size_t writers_at_all = 2 * writers_max;

// The lowest leave, but never this one: it is about to be answered. They stay
// in the manifest until others leave, so each replica that accepts it can write
// them down as past outcomes, and W of the set have done so when it is settled.
void remember(msg::file_manifest& x, const msg::put_outcome& outcome) {
  const auto at = place_of(x, outcome.put.writer) - x.outcomes.begin();
  const auto it = x.outcomes.begin() + at;
  if (it != x.outcomes.end() && it->put.writer == outcome.put.writer)
    *it = outcome;
  else
    x.outcomes.insert(it, outcome);
  const auto left = msg::leaving_of(x).size();
  const auto below = static_cast<std::size_t>(at) - left;
  const auto known = x.outcomes.size() - left;
  const auto most = known > writers_max ? known - writers_max : 0;
  const auto leave = std::min(most, below);
  if (leave == 0)
    return;
  x.floor = x.outcomes[left + leave - 1].put.writer;
  x.outcomes.erase(x.outcomes.begin(),
                   x.outcomes.begin() + static_cast<std::ptrdiff_t>(left));
}

// What the writer's entry does not say, a kept version may.
put_knowledge among_versions(const msg::file_manifest& x,
                             const msg::put_id& put,
                             put_knowledge::kind otherwise) {
  for (const auto& version : x.versions)
    if (version.put == put)
      return {put_knowledge::kind::known, version.number};
  return {otherwise, {}};
}

} // namespace

put_knowledge look_up(const msg::file_manifest& x, const msg::put_id& put) {
  using kind = put_knowledge::kind;
  const auto it = place_of(x, put.writer);
  if (it != x.outcomes.end() && it->put == put)
    return {kind::known, it->version};
  const bool here = it != x.outcomes.end() && it->put.writer == put.writer;
  if (here && put.sequence < it->put.sequence)
    return among_versions(x, put, kind::overtaken);
  if (put.writer <= x.floor)
    return among_versions(x, put, kind::forgotten);
  const auto left = msg::leaving_of(x).size();
  const bool lowest
    = !here && static_cast<std::size_t>(it - x.outcomes.begin()) == left;
  if (lowest && x.outcomes.size() - left >= writers_at_all)
    return {kind::forgotten, {}};
  return {kind::open, {}};
}

msg::file_manifest add_version(msg::file_manifest x, msg::file_version version,
                               const keep_policy& keep, std::int64_t now_ms) {
  const auto* last = newest_of(x);
  version.number = last ? last->number.next() : version.number.next();
  remember(x, {version.put, version.number});
  x.versions.insert(x.versions.begin(), std::move(version));
  x.versions = keep_versions(std::move(x.versions), keep, now_ms);
  return x;
}

msg::file_manifest bar(msg::file_manifest x, const msg::put_id& put) {
  remember(x, {put, version_number{}});
  return x;
}

msg::file_manifest close(msg::file_manifest x, std::int64_t now_ms) {
  const auto* newest = newest_of(x);
  msg::file_version last;
  last.kind = msg::version_kind::closed;
  last.number = newest ? newest->number.next() : version_number{1};
  last.time_ms = now_ms;
  // Nothing of it can be restored any more.
  x.versions = {last};
  return x;
}

bool shows_what_left(const msg::file_manifest& x) {
  const auto left = msg::leaving_of(x);
  return x.floor == put_writer{}
         || (!left.empty() && left.back().put.writer == x.floor);
}

void check_manifest(const msg::file_manifest& x) {
  for (std::size_t i = 1; i < x.versions.size(); ++i) {
    DFS_ASSERT(x.versions[i].number.next() == x.versions[i - 1].number);
    DFS_ASSERT(x.versions[i].kind != msg::version_kind::closed);
  }
  const auto left = msg::leaving_of(x).size();
  DFS_ASSERT(x.outcomes.size() - left <= writers_at_all);
  DFS_ASSERT(left <= writers_at_all);
  for (std::size_t i = 1; i < x.outcomes.size(); ++i)
    DFS_ASSERT(x.outcomes[i - 1].put.writer < x.outcomes[i].put.writer);
}

} // namespace dfs::core
