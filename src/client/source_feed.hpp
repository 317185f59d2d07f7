#pragma once

#include "client/byte_source.hpp"
#include "client/chunk_writer.hpp"
#include "client/file_session.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

// Cuts a source into the pieces that chunk writers take, within the memory
// budget.

namespace dfs::client {

using feed_answer = std::function<void(result<fed_piece>)>;

/// Of one chunk that lies at `begin` of a source that rewinds and ends at
/// `end`. Copies share nothing but the source.
class stretch_feed {
public:
  /// @param at The chunk's offset that corresponds to `begin`.
  /// @param end Where the chunk's part of the source ends.
  stretch_feed(file_session& session, std::shared_ptr<byte_source> source,
               std::uint64_t begin, std::uint32_t at, std::uint64_t end);

  void operator()(std::uint32_t offset, feed_answer then) const;

private:
  file_session* session_;
  std::shared_ptr<byte_source> source_;
  std::uint64_t begin_;
  std::uint32_t at_;
  std::uint64_t end_;
};

/// Of the chunks of a source that does not rewind, one after another. Looks one
/// piece ahead, to know the last one when it hands it out.
class stream_feed : public std::enable_shared_from_this<stream_feed> {
public:
  stream_feed(file_session& session, std::shared_ptr<byte_source> source);

  /// The next piece, which will stand at `offset` of its chunk. One at a time.
  /// @param end Of what may be written to this chunk.
  void next(std::uint32_t offset, std::uint32_t end, feed_answer then);

  /// Reads ahead, if nothing was read ahead yet: then `ended` is certain.
  /// @param offset Where the next piece is likely to stand in its chunk, which
  ///   takes bytes up to `end`.
  void look(std::uint32_t offset, std::uint32_t end,
            std::function<void(result<nothing>)> then);

  /// Nothing is left, as far as it was looked.
  [[nodiscard]] bool ended() const {
    return ended_ && !ahead_;
  }

  [[nodiscard]] std::uint64_t bytes_read() const {
    return position_;
  }

private:
  void read(std::uint32_t offset, std::uint32_t end,
            std::function<void(result<piece>)> then);
  void hand_out(std::uint32_t offset, std::uint32_t end, piece x,
                const feed_answer& then);
  [[nodiscard]] piece take_ahead(std::uint32_t offset, std::uint32_t end);

  file_session& session_;
  std::shared_ptr<byte_source> source_;
  std::uint64_t position_ = 0; ///< In the source.
  std::optional<piece> ahead_;
  std::uint32_t ahead_at_ = 0; ///< The offset its checksums were cut for.
  bool ended_ = false;
};

} // namespace dfs::client
