#pragma once

#include "client/file_session.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

// Brings the bytes of one chunk to its primary, whatever happens to it: pieces
// of up to 1 MiB, several in flight, and after a failure on from where the
// master says that the chunk is.
//
//   feed --piece--> window --write_chunk--> primary
//                     ^  <--chunk_changed--    |  failed, hung, stale
//                     |                        v
//                     +-- resend <--extent-- lease_chunk at the master
//
// I1  A piece stays in the window until it was acknowledged.
// I2  The last piece is acknowledged as durable, which covers all before it
//     (docs/protocols/chunks.md, "Changes").
// I3  Answers to what was sent before a failure was noticed change nothing.
// I4  With `once` a piece keeps its identity for as long as nobody knows
// whether
//     it is there; each is acknowledged as durable, so none is fed again.
//     Sequences rise along the window, and servers apply them without gaps:
//     where the first piece is certainly not, none behind it is.

namespace dfs::client {

/// What is to be written next. An empty one is the end before any other.
struct fed_piece {
  piece data;
  bool last = false; ///< Nothing follows in this chunk.
};

/// How far a writer came in a chunk.
struct write_place {
  writer_id writer;           ///< As in `chunk_write`.
  std::uint32_t offset = 0;   ///< All before it is written.
  std::uint64_t sequence = 0; ///< Of the last piece before it.
  mutation_serial since;      ///< See `msg::write_identity`.
  bool unknown = false;       ///< Pieces behind it may be written, too.
};

struct chunk_write {
  msg::chunk_grant grant;
  msg::chunk_extent extent;     ///< Of the chunk, as it was leased.
  std::uint8_t replication = 0; ///< Of a new chunk: replicas it should have.
  std::uint32_t begin = 0;      ///< Where to write; at most `extent.length`.
  /// Named by a file already: no other new chunk can take its place.
  bool part_of_file = false;
  /// Each piece happens once (docs/protocols/chunk_data.md, "Writes: exactly
  /// once"): others may write there, too. Of a part of a file only.
  bool once = false;
  writer_id writer; ///< With `once`: see `writer_in`; zero: a random one.
  /// With `once`: of an earlier try of the same write. Pieces that are there
  /// are not written again; none is taken for one that certainly is not.
  std::optional<write_place> earlier;
  /// Gives the piece at an offset of the chunk: one at a time, and onwards.
  std::function<void(std::uint32_t offset,
                     std::function<void(result<fed_piece>)> then)>
    feed;
  /// `feed` also gives again what it gave before.
  bool can_go_back = false;
  std::chrono::milliseconds timeout{60'000}; ///< Without progress.
  /// Bytes that were acknowledged for the first time.
  std::function<void(std::uint64_t)> progress;
};

/// One thread, that of the session.
class chunk_writer : public std::enable_shared_from_this<chunk_writer> {
public:
  /// Bytes without an answer, each chunk: what a chain of three has under way
  /// on loopback and in one rack, twice.
  static constexpr std::size_t window_bytes = 6 * 1024 * 1024;

  chunk_writer(file_session& session, chunk_write what);

  /// Once. @param then With the grant that was in force at the end. Errors:
  ///   those of `feed`; of the servers, if no other try can help; what the last
  ///   try came to when there was no progress for `timeout`; with `once`
  ///   `ec::outcome_unknown` instead, if more may have been written than was
  ///   acknowledged; `ec::cancelled`.
  void start(std::function<void(result<msg::written_chunk>)> then);

  /// Answers nobody any more.
  void cancel();

  /// With `once`: now, or when it ended.
  [[nodiscard]] write_place place() const;

private:
  struct sent_piece {
    std::uint32_t offset = 0;
    piece data;
    bool last = false;
    bool acknowledged = false;
    std::uint64_t sequence = 0; ///< With `once`.
    bool unknown = false;       ///< A try of it was not decided (I4).
  };

  void pump();
  void fed(result<fed_piece> x);
  void send(const sent_piece& x, bool with_grant);
  void resend();
  void answered(std::uint32_t offset, const msg::chunk_changed& x);
  void refused(std::uint32_t offset, const error& why);
  void failed(const error& why);
  void identify();
  void renew_identity(const error& why);
  void ask_lease(const error& why);
  void leased(const msg::chunk_leased& x);
  void ask_fresh_chunk(const error& why);
  void fresh_chunk(msg::chunk_grant grant);
  void go_back(std::uint32_t to);
  void watch();
  void finish(result<msg::written_chunk> outcome);
  void give_up(const error& why);
  [[nodiscard]] bool may_begin_anew(ec code) const;

  file_session& session_;
  chunk_write what_;
  std::function<void(result<msg::written_chunk>)> then_;
  patience patience_;
  back_off back_off_;
  std::deque<sent_piece> window_;   ///< In the order of offsets, without gaps.
  std::size_t in_flight_ = 0;       ///< Bytes of `window_`.
  std::uint32_t next_ = 0;          ///< Where the next piece begins.
  std::uint32_t acknowledged_ = 0;  ///< All before this was, once (I1).
  std::uint32_t reported_ = 0;      ///< To `progress`.
  bool fresh_ = false;              ///< The chunk was made for this.
  writer_id writer_;                ///< With `once`; as in `chunk_write`.
  msg::write_identity identity_;    ///< With `once`: of the last piece fed.
  std::optional<write_place> left_; ///< When it ended.
  std::uint64_t round_ = 0;         ///< Rises with each failure (I3).
  std::uint64_t feeding_ = 0;       ///< Rises with each change of `next_` back.
  bool waiting_for_feed_ = false;
  bool fed_all_ = false;
  bool recovering_ = false;
  bool granted_ = false; ///< The grant was sent in this round.
  instant heard_;        ///< The last answer, or the last resend.
  std::chrono::milliseconds silence_max_{0};
  boost::asio::steady_timer watchdog_;
  bool watching_ = false;
};

} // namespace dfs::client
