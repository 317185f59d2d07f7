#pragma once

#include "client/byte_source.hpp"
#include "client/versions/version_session.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dfs::client {

struct content_staging {
  msg::put_id content;
  /// The primary, then the others of its set.
  std::vector<msg::version_server> chain;
  /// Sent and not acknowledged; as of the pieces of a chunk.
  std::size_t window_bytes = 4 * 1024 * 1024;
  std::chrono::milliseconds timeout{30'000};   ///< Without progress.
  std::function<void(std::uint64_t)> progress; ///< Bytes acknowledged.
};

/// A content that lies ready for its put.
struct staged {
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;    ///< CRC32C of all.
  std::vector<store_id> holders; ///< The primary among them.
};

/// Brings the bytes of a large put to the primary, in frames of
/// `msg::stage_bytes`, in order, several in flight; each server of the chain
/// passes them on (docs/protocols/versioned_files.md, "Put", 5). Once: what is
/// to be done when the primary fails, its user decides.
///
/// One thread. Keeps itself alive until it has answered.
class content_stager : public std::enable_shared_from_this<content_stager> {
public:
  /// @param then Errors: what the primary said; `ec::timed_out` (no progress);
  ///   those of the source; `ec::io_error`, it has become shorter.
  static std::shared_ptr<content_stager>
  start(version_session& session, std::shared_ptr<byte_source> source,
        content_staging what, std::function<void(result<staged>)> then);

  content_stager(version_session& session, std::shared_ptr<byte_source> source,
                 content_staging what,
                 std::function<void(result<staged>)> then);

  /// No answer any more.
  void cancel();

  /// What it ended with was the source's fault.
  [[nodiscard]] bool source_failed() const {
    return source_failed_;
  }

private:
  /// Bytes that were asked for, in order.
  struct slot {
    std::uint64_t position = 0;
    std::uint32_t length = 0;
    std::optional<piece> arrived;
  };

  void pump();
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] bool more_follows() const;
  void read_next();
  void
  read(std::uint64_t position, std::uint32_t length, memory_budget::room room);
  void arrived(std::uint64_t position, std::uint32_t length, result<piece> x);
  void hand_on();
  void send(const piece& x, bool last);
  void send_frame(const piece& x, bool whole);
  void acknowledged(std::uint32_t bytes, bool whole,
                    const result<msg::content_staged>& x);
  void arm();
  void end(result<staged> outcome);

  version_session& session_;
  std::shared_ptr<byte_source> source_;
  content_staging what_;
  std::function<void(result<staged>)> then_;
  std::optional<std::uint64_t> length_;
  std::deque<slot> slots_; ///< Asked for or here, not sent.
  std::uint64_t next_ = 0; ///< What is read next.
  std::size_t held_ = 0;   ///< Bytes asked for and not acknowledged.
  std::size_t reads_ = 0;  ///< That are open.
  std::size_t frames_ = 0; ///< Without an answer.
  std::uint64_t sent_ = 0;
  std::uint32_t checksum_ = 0; ///< Of what was sent.
  bool through_ = false;       ///< The end of the source is known: `next_`.
  bool waiting_room_ = false;
  bool source_failed_ = false;
  boost::asio::steady_timer timer_;
};

} // namespace dfs::client
