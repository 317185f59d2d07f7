#pragma once

#include "base/result.hpp"
#include "messages/version_rows_inspect.hpp"
#include "storage/chunk_types.hpp"
#include "storage/metadata_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Rows of a version store and their keys (docs/formats/version_store.md).

namespace dfs::storage {

/// A run of a content's bytes: a chunk of a volume.
struct content_piece {
  store_id volume;
  chunk_id chunk;
  std::uint64_t offset = 0; ///< In the content; a multiple of 64 KiB.
  std::uint32_t bytes = 0;

  bool operator==(const content_piece&) const = default;
};

/// Where the bytes of a put are.
struct content_row {
  std::uint64_t number = 0; ///< Never given twice: tells fetches apart.
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0; ///< CRC32C of all of them.
  std::vector<content_piece> pieces;

  bool operator==(const content_row&) const = default;
};

/// A content that a pending row waits for.
struct awaited_content {
  msg::put_id put;
  std::uint64_t number = 0; ///< `content_row::number`.
};

/// Changes that count when their contents are durable.
struct pending_row {
  group_id group;
  std::vector<awaited_content> contents;
  msg::row_changes changes;
};

/// Which rows are the files of a group: those of a generation.
struct group_layout {
  struct installed {
    msg::group_set set;
    std::uint64_t forgotten = 0;
    std::uint64_t generation = 0;
  };
  std::uint64_t generation = 0;
  std::optional<installed> next;
  /// Of files that are being installed: a row of its own. Zero: none.
  std::uint64_t coming = 0;
};

/// What the store is: checked at each start.
struct store_row {
  std::uint32_t format = 1;
  store_id node; ///< Store id of the node's data directory.
};

namespace version_keys {

inline constexpr std::string_view store = "o";
inline constexpr std::string_view volumes = "v";
inline constexpr std::string_view groups = "g";
inline constexpr std::string_view files = "f";
inline constexpr std::string_view contents = "c";
inline constexpr std::string_view pending = "p";
inline constexpr std::string_view outcomes = "w";

[[nodiscard]] std::string volume(store_id x);
[[nodiscard]] std::string group(group_id x);
[[nodiscard]] std::string layout(group_id x);
[[nodiscard]] std::string coming(group_id x);
/// Where the files of a generation begin.
[[nodiscard]] std::string generation(group_id x, std::uint64_t generation);
[[nodiscard]] std::string
file(group_id x, std::uint64_t generation, inode_id file);
[[nodiscard]] std::string
settled(group_id x, std::uint64_t generation, inode_id file);
[[nodiscard]] std::string content(const msg::put_id& x);
[[nodiscard]] std::string pending_of(std::uint64_t number);
[[nodiscard]] std::string outcome(group_id x, const msg::outcome_key& key);
[[nodiscard]] std::string outcome_floor(group_id x);

/// The 8 bytes at `at`. @pre They are there.
[[nodiscard]] std::uint64_t number_in(std::string_view key, std::size_t at);

} // namespace version_keys

[[nodiscard]] std::string encode(const pending_row& x);
[[nodiscard]] std::string encode(const group_layout& x);
[[nodiscard]] std::string encode_coming(std::uint64_t generation);
[[nodiscard]] std::string encode(const content_row& x);
[[nodiscard]] std::string encode(const store_row& x);

// @returns `ec::integrity`.
[[nodiscard]] result<pending_row> decode_pending(std::string_view value);
[[nodiscard]] result<group_layout> decode_layout(std::string_view value);
[[nodiscard]] result<std::uint64_t> decode_coming(std::string_view value);
[[nodiscard]] result<content_row> decode_content(std::string_view value);
[[nodiscard]] result<store_row> decode_store(std::string_view value);
[[nodiscard]] result<msg::group_row> decode_group(std::string_view value);
[[nodiscard]] result<msg::file_state> decode_file(std::string_view value);
[[nodiscard]] result<msg::version_stamp> decode_stamp(std::string_view value);
[[nodiscard]] result<msg::put_outcome> decode_outcome(std::string_view value);
[[nodiscard]] result<put_writer> decode_writer(std::string_view value);

/// The changes as rows; `layout` becomes what it is after them.
/// @param generation For files that are installed: one that nobody had.
[[nodiscard]] std::vector<row_change>
rows_of(group_id group, const msg::row_changes& changes, group_layout& layout,
        std::uint64_t generation);

} // namespace dfs::storage
