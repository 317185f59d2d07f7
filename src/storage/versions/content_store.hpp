#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/version.hpp"
#include "storage/chunk_store.hpp"
#include "storage/versions/row_writer.hpp"
#include "storage/versions/version_codec.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace dfs::storage {

/// Contents begun and not finished; more are `ec::busy`.
inline constexpr std::size_t staged_contents_max = 1'024;

/// Of a content, a run of bytes as it was read and checked.
struct checked_bytes {
  std::uint32_t bytes = 0;         ///< Less than asked at the end only.
  std::vector<std::uint32_t> crcs; ///< Of each 64 KiB; the last may be short.
};

/// What `sendfile` can send, and what the receiver checks it with.
struct content_plan {
  std::shared_ptr<open_file> file;
  std::uint64_t file_offset = 0;
  std::uint32_t length = 0; ///< Less than asked at the end of a piece, too.
  std::vector<std::uint32_t> crcs;
};

struct content_usage {
  std::uint64_t capacity = 0;  ///< Bytes of the file systems.
  std::uint64_t available = 0; ///< Bytes that contents may still take.
  std::uint64_t contents = 0;
  std::uint64_t bytes = 0; ///< Of them.
  std::uint64_t staged = 0;
  std::uint64_t staged_bytes = 0;
  std::uint64_t lost = 0;
  bool full = false; ///< No volume takes any more.
  std::size_t volumes = 0;
  std::size_t failed_volumes = 0;
};

/// Contents: the bytes of puts, by put id (docs/formats/version_store.md). This
/// server's view. They are pieces of at most 64 MiB in chunk stores, whose
/// chunk ids are numbered here, each used once.
///
/// Threads: changes from one thread; `holds`, `find` and the reading calls from
/// any. Callbacks come on threads of the stores, or at once; they must not
/// block.
///
///  C1  What `when_durable` reported is there after any crash, whole.
///  C2  A content that is not whole is never held, nor a byte of it returned.
///  C3  Its chunks go after the row that names them is gone, durably.
class content_store {
public:
  using callback = chunk_store::callback;

  struct config {
    std::vector<chunk_store*> volumes;     ///< Those that are there.
    std::uint32_t piece_bytes = 64u << 20; ///< Multiple of 64 KiB.
    std::uint64_t first_number = 1; ///< And all above it: never given before.
    std::uint64_t rows_reserve = 0; ///< Free bytes, or no content is begun.
    /// Of what is unfinished, and of what is whole and nobody names.
    std::chrono::milliseconds staged_life{std::chrono::hours{1}};
  };

  content_store(config wanted, row_writer& rows, metadata_store& metadata);
  content_store(const content_store&) = delete;
  content_store& operator=(const content_store&) = delete;
  // -- coming -----------------------------------------------------------------

  /// More bytes of a content. Offset 0 begins anew. A repetition is passed
  /// over; after `ec::full` and `ec::busy` the same is to be sent again.
  /// @param data CRCs of the parts that 64 KiB blocks of the content cut.
  /// @returns `ec::exists` (held); `ec::invalid_argument` (a gap, part of it is
  ///   there, data that does not match); `ec::full`; `ec::busy` (too much is
  ///   under way: again later); `ec::io_error` (dropped: begin anew);
  ///   `ec::shutting_down`.
  [[nodiscard]] result<nothing>
  append(const msg::put_id& put, std::uint64_t offset, const payload& data);

  /// Bytes here of an unfinished one.
  [[nodiscard]] std::optional<std::uint64_t>
  staged(const msg::put_id& put) const;

  /// All bytes are there: from here on it is held. Repeatable.
  /// @returns `ec::not_found`; `ec::integrity` (length or checksum differ: it
  ///   is dropped; of a held one: it stays); else as `append`.
  [[nodiscard]] result<nothing>
  finish(const msg::put_id& put, std::uint64_t bytes, std::uint32_t checksum);

  /// Drops an unfinished one. Repeatable.
  void abandon(const msg::put_id& put);

  // -- there ------------------------------------------------------------------

  [[nodiscard]] bool holds(const msg::put_id& put) const;
  [[nodiscard]] std::optional<content_row> find(const msg::put_id& put) const;
  [[nodiscard]] std::vector<msg::put_id> list() const;
  /// Whose piece a chunk is: looks at all.
  [[nodiscard]] std::optional<msg::put_id>
  content_of(store_id volume, chunk_id chunk) const;

  /// Its bytes, and the row that says where they are. Told `ec::not_found`,
  /// `ec::io_error`, `ec::shutting_down` if it cannot be.
  void when_durable(const msg::put_id& put, callback done);

  /// @param offset Multiple of 64 KiB, less than the content's length.
  /// @param to Multiple of 64 KiB, or up to the end.
  /// @returns `ec::not_found`, `ec::invalid_argument`; `ec::integrity` (a block
  ///   is bad: `lose` it).
  [[nodiscard]] result<checked_bytes> read_verified(const msg::put_id& put,
                                                    std::uint64_t offset,
                                                    std::span<char> to) const;
  /// The same without waiting for the disk. @returns `ec::busy` also if the
  /// bytes are not in the page cache.
  [[nodiscard]] result<checked_bytes> read_cached(const msg::put_id& put,
                                                  std::uint64_t offset,
                                                  std::span<char> to) const;
  /// @param offset Multiple of 64 KiB, less than the content's length.
  [[nodiscard]] result<content_plan> plan_read(const msg::put_id& put,
                                               std::uint64_t offset,
                                               std::uint32_t length) const;
  /// Reads everything, waiting for the disk, for the scrubber.
  /// @returns how many blocks are bad; `ec::not_found`.
  [[nodiscard]] result<std::uint64_t> verify(const msg::put_id& put) const;

  // -- going ------------------------------------------------------------------

  /// Nobody names it any more. Its space is free soon. Repeatable.
  void remove(const msg::put_id& put);

  /// It is bad: not held, and kept aside until it is here again. Repeatable.
  void lose(const msg::put_id& put);

  /// Named by a row and not here.
  [[nodiscard]] std::vector<msg::put_id> lost() const;

  /// Abandons what has stood still, frees what may go. To be called each second
  /// or so. @returns what is lost since: its volume has failed.
  std::vector<msg::put_id> tick(instant now);

  /// Contents that came `staged_life` ago, each once: who names them? Those
  /// that nobody names are for `remove`. To be called with `tick`.
  [[nodiscard]] std::vector<msg::put_id> due(instant now);
  /// It is due again, `staged_life` later.
  void look_again(const msg::put_id& put);

  [[nodiscard]] content_usage usage() const;
  /// No volume takes any more, or the rows' disk is nearly full. Any thread.
  [[nodiscard]] bool is_full() const;

  // -- for the group store and the start --------------------------------------

  /// Of these, those whose bytes are not known to be durable. @pre Held.
  [[nodiscard]] std::vector<awaited_content>
  unsure(const std::vector<msg::put_id>& puts) const;
  /// Its bytes alone. Told at once if they are.
  void when_bytes_durable(const msg::put_id& put, callback done);

  /// What the start found. @param whole Else lost.
  void place(const msg::put_id& put, content_row row, bool whole);
  void discard(const std::vector<content_piece>& pieces);

private:
  /// How far the bytes of a content have come. Under `guard_`.
  struct sync_state {
    std::size_t left = 0;  ///< Pieces that are not durable.
    bool complete = false; ///< No piece comes any more.
    std::optional<error> failed;
    std::vector<callback> waiting;
    [[nodiscard]] bool over() const {
      return failed || (complete && left == 0);
    }
  };
  using sync_ptr = std::shared_ptr<sync_state>;

  struct held_content {
    content_row row;
    std::uint64_t batch = 0; ///< That its row went with.
    sync_ptr sync;           ///< Null: durable, found by a start.
  };
  struct staged_content {
    content_row row; ///< The last piece is open if `open` is there.
    chunk_store* open = nullptr;
    std::uint32_t checksum = 0;
    sync_ptr sync;
    std::optional<instant> still_since;
  };
  struct leaving {
    std::uint64_t batch = 0; ///< Go when this is durable.
    std::vector<content_piece> pieces;
  };

  [[nodiscard]] chunk_store* volume(store_id id) const;
  [[nodiscard]] result<chunk_store*>
  pick(const std::set<chunk_store*>& not_these) const;
  [[nodiscard]] result<staged_content*>
  admit(const msg::put_id& put, std::uint64_t offset);
  [[nodiscard]] result<nothing>
  add(staged_content& x, std::uint64_t offset, const payload& data);
  [[nodiscard]] result<nothing>
  add_part(staged_content& x, std::uint32_t bytes, const payload& part);
  [[nodiscard]] result<nothing>
  begin_piece(staged_content& x, std::set<chunk_store*>& refused);
  [[nodiscard]] result<nothing> finish_piece(staged_content& x);
  void drop(std::map<msg::put_id, staged_content>::iterator i);
  void piece_arrived(const sync_ptr& sync, const result<nothing>& outcome);
  void depart(const msg::put_id& put, std::vector<content_piece> pieces);
  void sweep();
  void count_staged();
  [[nodiscard]] std::uint32_t room_in_piece(const staged_content& x) const;
  [[nodiscard]] result<checked_bytes>
  read(const msg::put_id& put, std::uint64_t offset, std::span<char> to,
       bool cached) const;
  [[nodiscard]] result<checked_bytes>
  read_piece(const content_piece& piece, std::uint64_t offset,
             std::span<char> to, bool cached) const;
  [[nodiscard]] result<content_piece>
  piece_at(const msg::put_id& put, std::uint64_t offset) const;

  config config_;
  row_writer& rows_;
  metadata_store& metadata_;
  mutable std::mutex guard_;
  std::map<msg::put_id, held_content> held_; ///< Under `guard_`.
  std::map<msg::put_id, content_row> lost_;  ///< Under `guard_`.
  std::uint64_t held_bytes_ = 0;             ///< Under `guard_`.
  content_usage counted_; ///< What is staged, by the last `tick`. Likewise.
  std::map<msg::put_id, staged_content> staged_;
  std::vector<msg::put_id> came_; ///< Since the last `due`.
  std::deque<std::pair<instant, msg::put_id>> watched_; ///< By time.
  std::vector<leaving> leaving_;
  std::set<chunk_store*> failed_; ///< Whose contents are lost already.
  std::uint64_t next_number_;
};

} // namespace dfs::storage
