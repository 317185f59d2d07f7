#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dfs::admin {

/// Starts a program whose output goes to the end of `log`. It gets SIGTERM
/// when the calling *thread* ends, whatever ends it, so that no cluster
/// outlives its terminal: call this from the main thread only.
/// @returns `ec::io_error`.
[[nodiscard]] result<pid_t>
start_child(const std::filesystem::path& program,
            const std::vector<std::string>& arguments,
            const std::filesystem::path& log);

struct ended_child {
  pid_t pid = 0;
  std::string how; ///< "exit status 2" or "killed by signal 9 (Killed)".
};

/// Collects one child that has ended. Never blocks.
[[nodiscard]] std::optional<ended_child> reap_child();

} // namespace dfs::admin
