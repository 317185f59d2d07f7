#include "core/versions/manifest_rules.hpp"

#include "base/assert.hpp"

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

void remember(msg::file_manifest& x, const msg::put_outcome& outcome) {
  const auto at = place_of(x, outcome.put.writer) - x.outcomes.begin();
  const auto it = x.outcomes.begin() + at;
  if (it != x.outcomes.end() && it->put.writer == outcome.put.writer)
    *it = outcome;
  else
    x.outcomes.insert(it, outcome);
  if (x.outcomes.size() <= writers_max)
    return;
  // Not this one: it is about to be answered.
  const auto gone
    = x.outcomes[0] == outcome ? x.outcomes.begin() + 1 : x.outcomes.begin();
  x.floor = std::max(x.floor, gone->put.writer);
  x.outcomes.erase(gone);
}

} // namespace

put_knowledge look_up(const msg::file_manifest& x, const msg::put_id& put) {
  using kind = put_knowledge::kind;
  const auto it = place_of(x, put.writer);
  if (it == x.outcomes.end() || it->put.writer != put.writer)
    return {put.writer <= x.floor ? kind::forgotten : kind::open, {}};
  if (it->put.sequence == put.sequence)
    return {kind::known, it->version};
  return {put.sequence < it->put.sequence ? kind::overtaken : kind::open, {}};
}

msg::file_manifest add_version(msg::file_manifest x, msg::file_version version,
                               const keep_policy& keep, std::int64_t now_ms) {
  const auto* last = newest_of(x);
  version.number = last ? last->number.next() : version_number{1};
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

void check_manifest(const msg::file_manifest& x) {
  for (std::size_t i = 1; i < x.versions.size(); ++i) {
    DFS_ASSERT(x.versions[i].number.next() == x.versions[i - 1].number);
    DFS_ASSERT(x.versions[i].kind != msg::version_kind::closed);
  }
  DFS_ASSERT(x.outcomes.size() <= writers_max);
  for (std::size_t i = 1; i < x.outcomes.size(); ++i)
    DFS_ASSERT(x.outcomes[i - 1].put.writer < x.outcomes[i].put.writer);
}

} // namespace dfs::core
