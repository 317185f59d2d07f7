#pragma once

#include "messages/version.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace dfs::core {

/// What is kept of a file (SPEC V5).
struct keep_policy {
  /// Versions at least, deletions counted; 5 to 100.
  std::size_t versions = 5;
  /// Older versions are kept beyond that until they are older than this.
  std::chrono::milliseconds life{0};
  /// Never more than this: a manifest is one message.
  std::size_t versions_max = 100;
  /// A deleted file can be restored for so long.
  std::chrono::milliseconds trash_life{std::chrono::hours{72}};
};

/// Those to be kept, newest first. Pure: the newest `versions` of them, and
/// older ones that are young enough. Nothing that was dropped comes back.
/// @param versions Newest first.
/// @param now_ms `version_time::kept_ms`.
[[nodiscard]] std::vector<msg::file_version>
keep_versions(std::vector<msg::file_version> versions, const keep_policy& keep,
              std::int64_t now_ms);

/// Is it time that a deleted file is closed?
[[nodiscard]] bool may_close(const msg::file_version& newest,
                             const keep_policy& keep, std::int64_t now_ms);

} // namespace dfs::core
