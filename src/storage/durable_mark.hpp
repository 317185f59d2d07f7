#pragma once

#include "base/result.hpp"
#include "storage/file_io.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

// How far a log was durable, in a small file beside it (`NAME.mark`,
// docs/formats/durable_mark.md). A log that was shortened looks like one that
// ends there; the mark tells them apart.

namespace dfs::storage {

struct mark_value {
  std::uint64_t owner = 0;    ///< Whose log it is: a database, or a store.
  std::uint64_t term = 0;     ///< The highest that was given; 0: none.
  std::uint64_t position = 0; ///< Everything up to here was durable.
};

inline constexpr std::size_t mark_bytes = 8192;

/// A whole mark file.
[[nodiscard]] std::string mark_text(const mark_value& x);

/// @param path For the error. @returns `ec::integrity` if the file is damaged.
[[nodiscard]] result<mark_value>
parse_mark(std::string_view bytes, const std::string& path);

/// An open mark. Its position is raised after each sync of the log and never
/// before, so that the mark is never ahead of the log. Raising is one write
/// into the page cache, without a sync: a killed process leaves it as it is,
/// and a power cut leaves an older one, which is true as well.
///
/// Any thread may call any member.
class durable_mark {
public:
  /// @param file Of `mark_bytes`. @returns errors of `parse_mark`, and of
  ///   `file`.
  [[nodiscard]] static result<std::unique_ptr<durable_mark>>
  open(std::shared_ptr<open_file> file, const std::string& path);

  [[nodiscard]] mark_value value() const;

  /// @pre The log is durable up to `position`. A write that fails is ignored:
  /// an older mark is true.
  void raise(std::uint64_t position);

  /// As `raise`, and the term; waits until both are durable.
  /// @returns errors of the file.
  [[nodiscard]] result<nothing>
  settle(std::uint64_t term, std::uint64_t position);

private:
  durable_mark(std::shared_ptr<open_file> file, mark_value value,
               std::uint64_t count);

  [[nodiscard]] result<nothing> write();

  mutable std::mutex guard_;
  const std::shared_ptr<open_file> file_;
  mark_value value_;
  std::uint64_t count_; ///< Of the newest slot.
};

/// Name of the mark of a log in `directory`.
[[nodiscard]] std::string mark_path(const std::string& directory);

/// The mark of the log in `directory`. @returns nothing: there is no mark;
/// errors of `parse_mark`.
[[nodiscard]] result<std::optional<mark_value>>
read_mark(file_io& io, const std::string& directory);

/// Opens the mark of the log in `directory`, or makes it, durably.
/// @param now What the log was found to be.
[[nodiscard]] result<std::unique_ptr<durable_mark>>
open_mark(file_io& io, const std::string& directory, const mark_value& now);

} // namespace dfs::storage
