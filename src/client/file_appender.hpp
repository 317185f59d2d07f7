#pragma once

#include "client/change_name.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

// Appends to a file, each whole and exactly once, wherever the end is by then
// (docs/protocols/chunks.md, "Appends").
//
//   append --> queue --batch--> append_record at the primary of the last chunk
//     done        |  lost, hung, fenced: lease_chunk, and the same number again
//     chunk_full  |  settle_append if an answer was lost before; add_chunk, and
//                 |  on to the next chunk
//
// I1  One batch is under way at a time: the order of the calls is the order in
//     the file, and a batch keeps (writer, sequence) and its bytes until it is
//     decided. What waits meanwhile is the next batch: that is the throughput.
// I2  A batch goes to another chunk only when it is certainly not in the one
//     before, and never will be.
// I3  A repetition (`earlier`) sends nothing before it has seen that the first
//     appends are those of the first try. What the first try had sent last goes
//     as one batch again, to the chunk where it went; what follows is cut into
//     batches by its bytes alone, so that each further repetition cuts the
//     same. So a later record of the writer in a chunk means that this one is
//     there.

namespace dfs::client {

struct append_done {
  std::uint64_t position = 0; ///< In the file; padding does not count.
  bool earlier = false;       ///< Some try before did it, nobody asked where.
};

/// One thread, that of the session.
class file_appender : public std::enable_shared_from_this<file_appender> {
public:
  /// Several small appends travel together up to here: more would gain nothing
  /// and could leave more padding at the end of a chunk.
  static constexpr std::size_t batch_bytes_max = 256 * 1024;

  /// Waiting and under way; then `append` is refused with `ec::busy`.
  static constexpr std::size_t queue_bytes_max = 8 * 1024 * 1024;

  using answer = std::function<void(result<append_done>)>;

  /// @param timeout Without progress.
  /// @param earlier The same appends were tried before, and ended with this.
  file_appender(file_session& session, std::string path,
                std::chrono::milliseconds timeout,
                std::optional<append_name> earlier = {});

  /// Once, before anything else. Errors: `ec::not_found`, `ec::is_directory`,
  /// and those of `lease_chunk`.
  void open(std::function<void(result<nothing>)> then);

  /// Adds bytes, at least one, in one piece; on every replica, and durable as
  /// the cluster says, when it is answered. Not from within the call. Errors:
  /// `ec::invalid_argument` (longer than `longest`), `ec::busy`, `ec::full`,
  /// `ec::not_found` (the file is gone), `ec::outcome_unknown`, and what the
  /// last try came to. After a failure every later append fails, too.
  void append(std::string bytes, answer then);

  /// No more appends come. A repetition sends its last ones only then.
  /// @param then When all are answered. Errors: why it ended; of a repetition
  ///   also, as of its appends, `ec::invalid_argument`: these are not the
  ///   appends of the first try.
  void flush(std::function<void(result<nothing>)> then);

  /// To repeat the appends with, from the first one on, once one has failed;
  /// none if nothing can have happened.
  [[nodiscard]] std::optional<append_name> name() const;

  /// What one append may have: a quarter of a chunk, and what one message
  /// takes.
  [[nodiscard]] std::size_t longest() const {
    return longest_in(grant_.chunk_size);
  }

  /// The same where chunks are of that size.
  [[nodiscard]] static std::size_t longest_in(std::uint32_t chunk_size);

  /// Random; names this appender's records, too.
  [[nodiscard]] writer_id writer() const {
    return writer_;
  }

  /// Waiting and under way.
  [[nodiscard]] std::size_t queued_bytes() const {
    return queued_;
  }

  /// Nobody is answered any more.
  void cancel();

private:
  struct waiting {
    std::string bytes;
    answer then;
  };

  void opened(const std::function<void(result<nothing>)>& then);
  void use(const msg::chunk_leased& x);
  [[nodiscard]] bool skip();
  [[nodiscard]] std::size_t next_batch() const;
  [[nodiscard]] bool is_repetition() const;
  void pump();
  void send();
  void answered(const result<msg::chunk_changed>& x);
  void done_at(std::uint32_t offset);
  void failed(const error& why);
  void ask_lease(const error& why);
  void settle(bool refused = false);
  void ask_extent();
  void add_chunk(const msg::chunk_extent& last);
  void done_earlier();
  void tell_flushed();
  void end(const error& why);
  void refuse_others();

  file_session& session_;
  std::shared_ptr<file_view> view_;
  writer_id writer_;
  std::uint64_t sequence_ = 0; ///< Of the batch under way, or the last one.
  msg::chunk_grant grant_;     ///< Of the last chunk.
  std::uint64_t base_ = 0;     ///< Bytes of the chunks before it.
  bool granted_ = false;       ///< The primary has seen the grant from us.
  bool unknown_ = false; ///< An answer about the batch was lost in this chunk.
  std::deque<waiting> queue_;
  std::deque<waiting> batch_;
  piece batch_bytes_;
  std::size_t queued_ = 0;
  bool busy_ = false; ///< A batch is under way (I1).
  patience patience_;
  back_off back_off_;
  std::chrono::milliseconds answer_patience_;
  std::uint64_t round_ = 0;
  std::optional<error> ended_;
  std::optional<append_name> earlier_; ///< Of the first try (I3).
  bool flushed_ = false;
  std::function<void(result<nothing>)> all_answered_;
  std::uint64_t open_left_ = 0; ///< Appends of its last batch, until that goes.
  std::uint64_t done_ = 0;      ///< Appends that are there.
  std::uint32_t checksum_ = 0;  ///< Of those.
  std::optional<append_name> name_; ///< When it ended.
};

} // namespace dfs::client
