#pragma once

#include "storage/file_io.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::storage {

/// A file read from front to back, a megabyte at a time. What the disk refuses
/// to read is zeros, so that the checksums around it say what is lost.
class segment_window {
public:
  segment_window(open_file& file, std::uint64_t size);

  /// Bytes at `offset`; fewer at the end of the file only. Valid until the
  /// next call.
  [[nodiscard]] std::string_view at(std::uint64_t offset, std::size_t count);

  [[nodiscard]] std::uint64_t size() const {
    return size_;
  }

  /// The first place at or after `offset` that is not zero, or the size.
  [[nodiscard]] std::uint64_t skip_zeros(std::uint64_t offset);

private:
  void load(std::uint64_t offset, std::size_t count);

  open_file& file_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::string bytes_;
};

} // namespace dfs::storage
