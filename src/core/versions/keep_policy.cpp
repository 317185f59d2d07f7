#include "core/versions/keep_policy.hpp"

#include <algorithm>

namespace dfs::core {

std::vector<msg::file_version>
keep_versions(std::vector<msg::file_version> versions, const keep_policy& keep,
              std::int64_t now_ms) {
  const auto least = std::max<std::size_t>(keep.versions, 1);
  // A stretch from the newest on: a clock that jumped leaves no holes.
  auto kept = std::min(least, versions.size());
  while (kept < std::min(versions.size(), keep.versions_max)
         && now_ms - versions[kept].time_ms <= keep.life.count()
         && keep.life.count() > 0)
    ++kept;
  versions.resize(kept);
  return versions;
}

bool may_close(const msg::file_version& newest, const keep_policy& keep,
               std::int64_t now_ms) {
  return newest.kind == msg::version_kind::deleted
         && now_ms - newest.time_ms >= keep.trash_life.count();
}

} // namespace dfs::core
