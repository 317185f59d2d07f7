#pragma once

#include "base/result.hpp"
#include "messages/recent_writes.hpp"
#include "storage/chunk_types.hpp"
#include "storage/file_io.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dfs::storage {

enum class durability : std::uint8_t {
  durable, ///< Answered when it is on the disk.
  memory,  ///< Answered when the operating system has it: survives a killed
           ///< process, not a power cut.
};

struct store_options {
  durability mode = durability::durable;
  std::uint32_t chunk_bytes_max = 64u << 20;
  /// A chunk made by one mutation of up to this many bytes stays in the log,
  /// and so does the data of mutations up to this size. 64 KiB at most.
  std::uint32_t packed_bytes_max = block_bytes;
  std::uint64_t segment_bytes = 64u << 20;
  /// Kept back for removes and versions: the smaller of the two.
  std::uint64_t reserve_bytes_max = 64u << 20;
  double reserve_share = 0.05;
  /// A sealed segment with at least this share of dead bytes is compacted.
  double compact_share = 0.5;
  std::uint64_t compact_bytes_per_second = 32u << 20;
  /// Data in the log that is not synced in its chunk file yet, at most: so much
  /// is written again after a crash.
  std::uint64_t checkpoint_bytes = 64u << 20;
  /// Data applied and not durable, at most; more is `ec::busy`.
  std::uint64_t unsynced_bytes_max = 256u << 20;
  std::size_t open_files_max = 512; ///< Cached descriptors of chunk files.
  /// Volumes that this node has had. A directory that held one and is empty now
  /// is refused.
  std::vector<known_volume> known;
  /// Called once, on any thread, when the volume has failed. Must not block,
  /// and not call the store.
  std::function<void(const error&)> on_failure;
  /// False: no threads; the owner calls `run_once`. For tests.
  bool threads = true;
};

/// The chunks of one volume (docs/formats/chunk_store.md). One process holds a
/// volume at a time. The node's view.
///
/// Threads: every member may be called on any thread. Mutations of one chunk
/// must come in their order, so from one thread. No call waits for a sync.
/// `apply` writes to the page cache; an overwrite of part of a block reads it
/// first. Callbacks come from the store's own threads, one at a time, without a
/// lock held: they may call the store and must not block.
///
///  I1  What `when_durable` reported survives: in mode `durable` a power cut,
///  in
///      mode `memory` the end of the process.
///  I2  After any crash a chunk is as it was after one of its mutations, none
///      of them torn, and all those reported durable are in it.
///  I3  Bytes that fail their CRC are never returned.
///  I4  A sync that failed is never repeated: the volume has failed, for good,
///      and every call returns `ec::io_error`.
class chunk_store {
public:
  /// Called once with `done`, or with `ec::io_error` (the volume failed) or
  /// `ec::shutting_down`: then it is not known what is on the disk.
  using callback = std::function<void(const result<nothing>&)>;

  /// Opens a volume, or makes one in an empty or missing directory that is not
  /// in `options.known`. Reads the log; what it finds wrong is in `damages`.
  /// @returns `ec::in_use`, `ec::configuration` (foreign, no volume, a newer
  ///   format), `ec::not_found` (emptied), `ec::malformed` (the identity is
  ///   damaged), `ec::io_error`, `ec::full`. One line each; no chunk has been
  ///   changed.
  [[nodiscard]] static result<std::unique_ptr<chunk_store>>
  open(file_io& io, const std::string& path, const store_owner& owner,
       store_options options);

  /// As `close`.
  virtual ~chunk_store() = default;

  /// Writes everything out, syncs, and marks the log as cleanly ended. Later
  /// calls return `ec::shutting_down`. May be repeated.
  virtual void close() = 0;

  [[nodiscard]] virtual store_id id() const = 0;
  [[nodiscard]] virtual const std::string& path() const = 0;

  // -- changes: applied at once, durable later --------------------------------
  // Each returns also `ec::io_error` (failed volume), `ec::shutting_down`.

  /// An empty chunk; drops an unfinished copy. Repeatable while it is empty and
  /// of this version.
  /// @returns `ec::exists`, `ec::full`.
  [[nodiscard]] virtual result<nothing>
  create(chunk_id chunk, chunk_version version) = 0;

  /// Applies wholly or not at all.
  /// @returns `ec::not_found`; `ec::stale` (older version); `ec::exists` (this
  ///   serial is applied already: a repetition); `ec::invalid_argument` (a gap
  ///   in serials or offsets, a newer version, data that does not match the
  ///   lengths); `ec::chunk_full` (beyond the end or the padding);
  ///   `ec::integrity` (the block to be changed is bad); `ec::full`;
  ///   `ec::busy` (too much is waiting for the disk).
  [[nodiscard]] virtual result<nothing>
  apply(const mutation& change, const payload& data) = 0;

  /// Raises the version. Repeatable. @returns `ec::not_found`, `ec::stale`.
  [[nodiscard]] virtual result<nothing>
  set_version(chunk_id chunk, chunk_version version) = 0;

  /// Goes back to `serial` and `length`, by undoing mutations that added
  /// something. Repeatable.
  /// @returns `ec::not_found`; `ec::invalid_argument` (longer or newer than the
  ///   chunk); `ec::unsupported` (not all later mutations are known, or one
  ///   of them changed what was there: copy the chunk instead).
  [[nodiscard]] virtual result<nothing>
  truncate(chunk_id chunk, mutation_serial serial, std::uint32_t length) = 0;

  // A replica made from another one: begin, all its data from the start,
  // finish. Until then it is not there for anybody; a start of the store drops
  // it. A chunk that is there stays, and may be used, until the copy takes its
  // place: after a crash it is one of the two, whole.

  /// Drops an unfinished copy of the same chunk. @returns `ec::full`.
  [[nodiscard]] virtual result<nothing>
  begin_copy(chunk_id chunk, copy_cache how) = 0;
  /// @param offset Where the copy ends so far.
  /// @returns `ec::not_found` (no copy begun), `ec::invalid_argument`,
  ///   `ec::full`.
  [[nodiscard]] virtual result<nothing>
  copy_data(chunk_id chunk, std::uint32_t offset, const payload& data) = 0;
  /// Waits for the disk, until it has the data of the copy. To be called before
  /// a copy is finished that replaces a chunk.
  /// @returns `ec::not_found` (no copy, or dropped meanwhile).
  [[nodiscard]] virtual result<nothing> sync_copy(chunk_id chunk) = 0;
  /// The chunk is there, as `state`, `appends` and `writes` say; durable like a
  /// mutation. What was there goes.
  /// @returns as `copy_data`; `ec::invalid_argument` if the data is not as long
  ///   as `state` says, or replaces a chunk and is not synced.
  [[nodiscard]] virtual result<nothing>
  finish_copy(const chunk_state& state, std::span<const append_entry> appends,
              const msg::recent_writes& writes)
    = 0;

  /// What it was to replace stays. Repeatable. Works on a full disk.
  [[nodiscard]] virtual result<nothing> drop_copy(chunk_id chunk) = 0;

  /// An unfinished copy goes, too. Repeatable: a chunk that is not there is
  /// removed. Works on a full disk.
  [[nodiscard]] virtual result<nothing> remove(chunk_id chunk) = 0;

  /// Moves a bad copy aside: kept in `quarantine/`, not served, not listed.
  /// @returns `ec::not_found`.
  [[nodiscard]] virtual result<nothing> quarantine(chunk_id chunk) = 0;
  /// Gives the space of a quarantined copy back. Repeatable.
  [[nodiscard]] virtual result<nothing> purge_quarantined(chunk_id chunk) = 0;
  [[nodiscard]] virtual std::vector<chunk_id> quarantined() const = 0;

  /// Calls back once everything applied to `chunk` before is durable; a big
  /// write to another chunk does not hold it up. Called at once, on this
  /// thread, if it is durable already, and in mode `memory`.
  virtual void when_durable(chunk_id chunk, callback done) = 0;
  /// The same for everything applied before, whatever the chunk.
  virtual void when_durable(callback done) = 0;

  // -- reading ----------------------------------------------------------------

  /// @param offset Multiple of `block_bytes`, less than the chunk's length.
  /// @returns `ec::not_found`, `ec::invalid_argument`; `ec::busy` if the range
  ///   holds an overwrite that is not yet in the file: `read_verified` it.
  [[nodiscard]] virtual result<read_plan>
  plan_read(chunk_id chunk, std::uint32_t offset, std::uint32_t length) = 0;

  /// Any range. Reads whole blocks, checks them, copies.
  /// @returns How many bytes, less than asked at the end only;
  ///   `ec::not_found`, `ec::integrity` (the context names the block).
  [[nodiscard]] virtual result<std::uint32_t>
  read_verified(chunk_id chunk, std::uint32_t offset, std::span<char> to) = 0;

  /// The same without waiting for the disk. @returns `ec::busy` also if the
  /// bytes are not in the page cache: call `read_verified` on a disk thread.
  [[nodiscard]] virtual result<std::uint32_t>
  read_cached(chunk_id chunk, std::uint32_t offset, std::span<char> to) = 0;

  /// Reads everything, waiting for the disk, for the scrubber. An empty list
  /// is good news. @returns `ec::not_found`.
  [[nodiscard]] virtual result<std::vector<block_fault>> verify(chunk_id chunk)
    = 0;

  // -- asking -----------------------------------------------------------------

  /// @returns `ec::not_found`.
  [[nodiscard]] virtual result<chunk_state> state(chunk_id chunk) const = 0;
  /// All chunks in service, by id.
  [[nodiscard]] virtual std::vector<chunk_state> list() const = 0;
  /// The last append of each of the last 256 writers, oldest first.
  /// @returns `ec::not_found`.
  [[nodiscard]] virtual result<std::vector<append_entry>>
  appends(chunk_id chunk) const = 0;
  /// What this writer appended last, if it is remembered.
  [[nodiscard]] virtual std::optional<append_entry>
  last_append(chunk_id chunk, writer_id writer) const = 0;
  /// Who made writes that are to happen once. @returns `ec::not_found`.
  [[nodiscard]] virtual result<msg::recent_writes>
  writes(chunk_id chunk) const = 0;
  /// All mutations after `serial`, in order, or nothing if the store no longer
  /// knows them (it knows 256 a chunk, fewer after compaction). May read the
  /// log from the disk. @returns `ec::not_found`.
  [[nodiscard]] virtual result<std::optional<std::vector<mutation>>>
  mutations_after(chunk_id chunk, mutation_serial serial) const = 0;

  [[nodiscard]] virtual store_usage usage() const = 0;
  /// Whether everything is refused (I4). Asks no disk.
  [[nodiscard]] virtual bool failed() const = 0;
  /// The volume is out for good (I4): its disk does not answer. Who waits is
  /// told on this thread. Waits for no disk.
  virtual void give_up(const error& why) = 0;
  /// What the last start found wrong.
  [[nodiscard]] virtual std::vector<damage> damages() const = 0;

  /// One round of everything the threads do. For tests, with `threads` off.
  virtual void run_once() = 0;
};

} // namespace dfs::storage
