#pragma once

#include "messages/namespace.hpp"
#include "messages/upload.hpp"
#include "messages/version_file.hpp"

#include <cstdint>
#include <string_view>

namespace dfs::core {

/// What was asked for under a request number, in short: so that a number which
/// is used again for something else is refused, and not answered with what was
/// done before (SPEC S11). 0: not known. Stands on the disk: what is summed up,
/// and how, does not change.
using request_check = std::uint32_t;

/// Upload of a `finish_upload` that only asks whether a file was made under its
/// number, in one request or in many. No upload has it: it is the root's inode.
inline constexpr inode_id any_upload{1};

// All that a user says, and nothing that differs from try to try: another try
// may have written other chunks. Never 0.

[[nodiscard]] request_check check_of(const msg::make_directory& x);
[[nodiscard]] request_check check_of(const msg::create_file& x);
[[nodiscard]] request_check check_of(const msg::rename_entry& x);
[[nodiscard]] request_check check_of(const msg::remove_entry& x);
[[nodiscard]] request_check check_of(const msg::restore_trash& x);
[[nodiscard]] request_check check_of(const msg::purge_trash& x);
[[nodiscard]] request_check check_of(const msg::commit_file& x);
[[nodiscard]] request_check check_of(const msg::begin_upload& x);
[[nodiscard]] request_check check_of(const msg::extend_upload& x);
[[nodiscard]] request_check check_of(const msg::abort_upload& x);
[[nodiscard]] request_check check_of(const msg::create_versioned& x);

/// Of a file that was put, in one request or in many.
[[nodiscard]] request_check
check_of_file(std::string_view path, bool force, bool parents);

} // namespace dfs::core
