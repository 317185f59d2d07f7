#pragma once

#include "client/file_session.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::client {

/// A file as its readers see it: where its chunks are, and how far they go. Its
/// client's view, as old as `open` or the last `refresh`; what is committed
/// later is learned from servers that were asked for the end.
///
/// Positions are bytes of the file: padding (SPEC G7) does not count, unless
/// the view is raw.
class file_view : public std::enable_shared_from_this<file_view> {
public:
  using answer = std::function<void(result<nothing>)>;

  /// @param raw Padding counts.
  file_view(file_session& session, std::string path,
            std::chrono::milliseconds timeout, bool raw = false);

  /// Asks the master, for all chunks. Once before anything else; may be
  /// repeated. Errors: `ec::not_found`, `ec::is_directory`, …
  void open(answer then);

  /// Asks the primary of a growing file for its end; nothing to do for others.
  /// May be repeated. Errors as of `chunk_reader`.
  void find_end(answer then);

  /// The master's present view of one chunk.
  void refresh(std::uint32_t index, answer then);

  /// A server's word: kept if it is newer.
  void learned(std::uint32_t index, const msg::chunk_extent& extent);

  /// The answer of a new lease: replicas and extent.
  void leased(std::uint32_t index, const msg::chunk_leased& x);

  struct place {
    std::uint32_t index = 0;  ///< Of the chunk.
    std::uint32_t offset = 0; ///< In the chunk.
    std::uint32_t left = 0;   ///< Bytes known from there to the chunk's end.
    bool padding = false;     ///< All of `left` is.
    bool open_end = false;    ///< More than `left` may be there by now.
  };

  /// Where a position is; behind the last byte known, `left` is zero.
  [[nodiscard]] place locate(std::uint64_t position) const;

  /// As far as known; see `find_end`.
  [[nodiscard]] std::uint64_t length() const;

  [[nodiscard]] const msg::chunk_location& chunk(std::uint32_t index) const {
    return chunks_[index];
  }
  [[nodiscard]] std::uint32_t chunks() const {
    return static_cast<std::uint32_t>(chunks_.size());
  }
  /// Of the first byte of a chunk.
  [[nodiscard]] std::uint64_t position_of(std::uint32_t index) const {
    return starts_[index];
  }
  [[nodiscard]] const msg::file_status& status() const {
    return status_;
  }
  [[nodiscard]] std::uint32_t chunk_size() const {
    return chunk_size_;
  }
  [[nodiscard]] const std::string& path() const {
    return path_;
  }
  [[nodiscard]] std::chrono::milliseconds timeout() const {
    return timeout_;
  }

private:
  void load(std::vector<msg::chunk_location> so_far, answer then);
  void find_ends(answer then);
  void find_end_of(std::uint32_t index, answer then);
  void count();
  [[nodiscard]] std::uint32_t counted(const msg::chunk_extent& x) const;

  file_session& session_;
  std::string path_;
  std::chrono::milliseconds timeout_;
  bool raw_;
  msg::file_status status_;
  std::uint32_t chunk_size_ = 0;
  std::vector<msg::chunk_location> chunks_;
  std::vector<std::uint64_t> starts_; ///< Of each chunk, and of the end.
};

} // namespace dfs::client
