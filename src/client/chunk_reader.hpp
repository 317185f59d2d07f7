#pragma once

#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "client/piece.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// A stretch of one chunk from whichever replica has it.
//
//   replicas in order of health --read_chunk--> the first
//     no answer after its p99   --read_chunk--> and the next: the first answer
//     wins refused, lost, wrong CRC  --read_chunk--> the next
//   none left: the master's present view (open_file), or a new primary
//   (lease_chunk), and once more, until there was no progress for too long
//
// I1  What is handed out has the checksums that its writer computed, or those
//     of a server that verified the whole block.
// I2  It is as new as the view's extent of the chunk (docs/protocols/chunks.md,
//     "Reads").

namespace dfs::client {

struct stretch {
  std::uint32_t index = 0; ///< Of the chunk.
  std::uint32_t offset = 0;
  /// At most `msg::data_max`; 0: only how far the chunk goes.
  std::uint32_t length = 0;
  /// Fewer bytes may come back: the chunk's end is not known, and asked for.
  bool to_end = false;
};

/// One thread, that of the session. Keeps itself alive until it has answered.
class chunk_reader : public std::enable_shared_from_this<chunk_reader> {
public:
  using answer = std::function<void(result<piece>)>;

  /// The view learns what the server says of the chunk's extent.
  /// @param room For `length` bytes, in the memory budget; null: uncounted.
  /// @param then Errors: `ec::integrity`, naming path and chunk, when no good
  ///   copy is left; what the last try came to when the view's timeout is over
  ///   (see `out_of_time`);
  ///   `ec::not_found` when the file is another one or shorter by now.
  static void start(file_session& session, std::shared_ptr<file_view> view,
                    const stretch& what, memory_budget::room room, answer then);

  chunk_reader(file_session& session, std::shared_ptr<file_view> view,
               const stretch& what, memory_budget::room room, answer then);

private:
  struct request_open {
    msg::chunk_replica to;
    instant since;
    memory_budget::room room; ///< Of a hedge.
  };

  void begin_round();
  void ask_next();
  void ask(const msg::chunk_replica& to, memory_budget::room room);
  void hedge_later(std::chrono::nanoseconds time);
  void hedge();
  void answered(std::size_t number, result<bytes_read> x);
  [[nodiscard]] result<nothing> check(const bytes_read& x) const;
  void refused(const msg::chunk_replica& by, const error& why);
  void report(store_id store, ec reason);
  void end_round();
  void end_round_later();
  void refresh();
  void lease();
  void finish(result<piece> outcome);
  [[nodiscard]] std::string name() const;
  [[nodiscard]] const msg::chunk_location& location() const;

  file_session& session_;
  std::shared_ptr<file_view> view_;
  stretch what_;
  memory_budget::room room_;
  answer then_;
  patience patience_;
  back_off back_off_;
  std::vector<msg::chunk_replica> left_; ///< Not asked in this round.
  std::vector<request_open> open_;       ///< In this round, by number.
  std::size_t unanswered_ = 0;
  std::uint64_t round_ = 0;
  int rounds_failed_ = 0;
  error last_{ec::unavailable, "no chunkserver has it"};
  bool primary_wanted_ = false;  ///< A replica said so.
  bool all_damaged_ = false;     ///< Everybody's bytes were wrong.
  std::vector<store_id> silent_; ///< In this round.
  boost::asio::steady_timer hedge_timer_;
};

} // namespace dfs::client
