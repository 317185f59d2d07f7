#include "storage/log/segment_window.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace dfs::storage {

namespace {

constexpr std::size_t window_bytes = 1u << 20;
/// What a disk gives up at once.
constexpr std::size_t sector_bytes = 4096;

} // namespace

segment_window::segment_window(open_file& file, std::uint64_t size)
  : file_{file},
    size_{size} {
  // nop
}

std::string_view segment_window::at(std::uint64_t offset, std::size_t count) {
  if (offset >= size_)
    return {};
  count
    = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset));
  if (offset < begin_ || offset + count > begin_ + bytes_.size())
    load(offset, count);
  return std::string_view{bytes_}.substr(
    static_cast<std::size_t>(offset - begin_), count);
}

void segment_window::load(std::uint64_t offset, std::size_t count) {
  const auto wanted = static_cast<std::size_t>(
    std::min<std::uint64_t>(std::max(count, window_bytes), size_ - offset));
  begin_ = offset;
  bytes_.assign(wanted, '\0');
  const auto got = file_.read(offset, bytes_);
  if (got)
    return;
  for (std::size_t done = 0; done < wanted; done += sector_bytes) {
    const auto piece
      = std::span{bytes_}.subspan(done, std::min(sector_bytes, wanted - done));
    if (!file_.read(offset + done, piece))
      std::memset(piece.data(), 0, piece.size());
  }
}

std::uint64_t segment_window::skip_zeros(std::uint64_t offset) {
  while (offset < size_) {
    const auto bytes = at(offset, sector_bytes);
    const auto found = bytes.find_first_not_of('\0');
    if (found != std::string_view::npos)
      return offset + found;
    offset += bytes.size();
  }
  return size_;
}

} // namespace dfs::storage
