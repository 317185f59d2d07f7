#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/file_io.hpp"
#include "storage/ordered_log/snapshot_file.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::storage {

/// Where the bytes of a message are.
struct log_place {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};

struct log_segment {
  std::shared_ptr<open_file> file;
  std::uint64_t before = 0; ///< The message before its first one.
  std::uint64_t bytes = 0;
};

/// What a start finds, and where writing goes on.
struct recovered_log {
  std::optional<snapshot_about> snapshot;
  std::string promise; ///< Empty: none.
  std::uint64_t last = 0;
  std::deque<log_place> messages; ///< Without a gap, up to `last`.
  std::map<std::uint64_t, log_segment> segments; ///< Begun, by number.
  std::uint64_t first_segment = 1;
  std::uint64_t next_segment = 1;
  std::uint64_t next_block = 1;
  std::uint64_t end = 0; ///< In the last segment: the next block goes here.
  /// The last segment cannot be gone on with: another one has to be begun.
  bool begin_segment = false;
  /// Something other than zeros stands behind `end`: to be wiped.
  bool dirty_tail = false;
  std::optional<std::uint32_t> salt; ///< Of this log, if there is one.
  bool has_spare = false;
  std::vector<std::string> leftovers; ///< Names of files that are to go.
};

[[nodiscard]] std::string segment_name(std::uint64_t number);

inline constexpr auto spare_name = "spare";
inline constexpr auto spare_draft_name = "spare.draft";

/// Reads the whole log; changes nothing.
/// @returns `ec::integrity` (what was durable is damaged, or files are
///   missing), `ec::configuration` (another owner's), `ec::unsupported`,
///   `ec::io_error`.
[[nodiscard]] result<recovered_log>
recover_log(file_io& io, const std::string& directory, store_id owner);

} // namespace dfs::storage
