#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/file_io.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// Snapshot files of the ordered log: docs/formats/ordered_log.md.

namespace dfs::storage {

inline constexpr std::size_t snapshot_page_bytes_max = 4u << 20;

struct snapshot_about {
  std::uint64_t sequence = 0; ///< The state is that after this message.
  /// Messages in segments before this one do not count.
  std::uint64_t first_segment = 1;
  std::uint64_t pages = 0;

  bool operator==(const snapshot_about&) const = default;
};

/// A snapshot in the making. One thread at a time. After an error nothing more
/// can be done with it; the log is as it was, unless `is_visible`.
class snapshot_draft {
public:
  /// @param on_end Called when it is gone, installed or not.
  /// @returns `ec::full`, `ec::io_error`; so do all below.
  [[nodiscard]] static result<std::unique_ptr<snapshot_draft>>
  create(file_io& io, const std::string& directory, store_id owner,
         std::uint64_t sequence, std::function<void()> on_end);

  ~snapshot_draft();
  snapshot_draft(const snapshot_draft&) = delete;
  snapshot_draft& operator=(const snapshot_draft&) = delete;

  /// @pre at most `snapshot_page_bytes_max`.
  [[nodiscard]] result<nothing> add(std::string_view page);

  /// All pages onto the disk.
  [[nodiscard]] result<nothing> sync();

  /// Makes it the snapshot of the log, durably.
  [[nodiscard]] result<nothing> install(std::uint64_t first_segment);

  /// It may be the snapshot after the next start, whatever `install` said.
  [[nodiscard]] bool is_visible() const {
    return visible_;
  }
  [[nodiscard]] std::uint64_t sequence() const {
    return sequence_;
  }
  [[nodiscard]] std::uint64_t pages() const {
    return pages_;
  }

private:
  snapshot_draft(file_io& io, std::string directory, std::uint64_t sequence,
                 std::function<void()> on_end)
    : io_{io},
      directory_{std::move(directory)},
      sequence_{sequence},
      on_end_{std::move(on_end)} {
    // nop
  }

  [[nodiscard]] result<nothing> append(std::string_view bytes);

  file_io& io_;
  const std::string directory_;
  const std::uint64_t sequence_;
  const std::function<void()> on_end_;
  std::shared_ptr<open_file> file_;
  std::uint64_t end_ = 0;
  std::uint64_t pages_ = 0;
  bool visible_ = false;
};

[[nodiscard]] std::string
snapshot_name(std::uint64_t first_segment, std::uint64_t sequence);

/// Head and foot. @returns `ec::integrity`, `ec::configuration` (another
///   owner's), `ec::unsupported`, `ec::io_error`.
[[nodiscard]] result<snapshot_about>
read_snapshot_about(file_io& io, const std::string& path, store_id owner);

/// Hands out the pages in their order, until one is refused.
/// @returns what refused; `ec::integrity`, `ec::io_error`.
[[nodiscard]] result<nothing> read_snapshot_pages(
  file_io& io, const std::string& path, const snapshot_about& about,
  const std::function<result<nothing>(std::string_view page)>& each);

} // namespace dfs::storage
