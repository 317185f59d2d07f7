#pragma once

#include "admin/file_transfer.hpp"
#include "admin/progress.hpp"
#include "admin/verb.hpp"
#include "client/file_client.hpp"
#include "messages/namespace.hpp"
#include "messages/version_file.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// What the verbs share that meet versioned files.

namespace dfs::admin {

/// How a file at `path` is kept, or would be: as it is, or as the nearest
/// directory above that is there. What the master refuses to say is *chunked*:
/// the request itself fails then, and says why. @returns an error that passes,
/// when the master does not answer; explained.
[[nodiscard]] result<msg::storage_class>
class_of(verb_context& context, const std::string& path);

/// Adds what a person can try to an error about a versioned file (SPEC S7), and
/// the file servers that are missing where that may be why.
[[nodiscard]] error
explain_version(error why, verb_context& context, const std::string& path);

/// "version 7, 2 of 3 copies; the third follows"
[[nodiscard]] std::string made_text(const client::version_made& x);

/// The same for programs.
void add_made(record& to, const client::version_made& x);

/// Puts what a source gives as a new version, with a bar, and says what it came
/// to. @param said What programs are told of it, before the path.
[[nodiscard]] result<exit_code>
store_version(verb_context& context,
              std::shared_ptr<client::byte_source> source,
              const std::string& path, bool parents, record said);

/// Makes a version without a source: a deletion, or one with an old content.
[[nodiscard]] result<client::version_made>
change_version(verb_context& context, client::version_write what);

/// As `read_range` of chunked files. @param number 0: the newest.
[[nodiscard]] result<std::uint64_t>
read_version_range(verb_context& context, const std::string& path,
                   version_number number, const get_range& range,
                   const std::shared_ptr<client::byte_sink>& to,
                   progress* shown);

/// An open view of a versioned file. Errors: explained; `ec::unsupported` when
/// it is of another class.
[[nodiscard]] result<std::shared_ptr<client::version_view>>
open_versions(verb_context& context, const std::string& path);

/// A file of either class as a source, for copies. Errors: not explained.
[[nodiscard]] result<std::shared_ptr<client::byte_source>>
open_source(verb_context& context, const std::string& path);

/// N, W and R of a versioned file, and which servers keep it, its primary
/// first; nothing if it cannot be told now.
void add_servers(record& to, verb_context& context, const std::string& path);

/// "content", "deleted", "closed"
[[nodiscard]] std::string_view version_kind_text(const msg::file_version& x);

/// Out of which version it was made, if that is kept.
[[nodiscard]] std::optional<version_number>
restored_from(const client::version_view& view, const msg::file_version& x);

/// Makes a version with the content of an older one, and says so.
[[nodiscard]] result<exit_code> restore_version(verb_context& context,
                                                const std::string& path,
                                                msg::file_version old);

/// The same of a deleted file, with its last content.
[[nodiscard]] result<exit_code>
restore_deleted(verb_context& context, const std::string& path);

/// "0a1b2c3d"
[[nodiscard]] std::string checksum_text(std::uint32_t x);

} // namespace dfs::admin
