#pragma once

#include "admin/output.hpp"
#include "messages/namespace.hpp"

#include <chrono>
#include <string>

// How verbs show files and directories.

namespace dfs::admin {

/// "file" or "directory".
[[nodiscard]] cell kind_cell(msg::entry_kind x);

/// UTC; "-" for none.
[[nodiscard]] cell time_cell(std::chrono::milliseconds unix_time);

/// All that `stat` shows.
[[nodiscard]] record status_record(const msg::file_status& x);

/// "/a" and "b" make "/a/b"; the root adds no second slash.
[[nodiscard]] std::string
join_path(const std::string& directory, const std::string& name);

} // namespace dfs::admin
