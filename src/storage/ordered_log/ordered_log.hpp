#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/file_io.hpp"
#include "storage/ordered_log/log_format.hpp"
#include "storage/ordered_log/snapshot_file.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::storage {

struct ordered_log_options {
  store_id owner; ///< Of the data directory. Not zero.
  /// False (`durability = "memory"`): durable means that the operating system
  /// has it: it survives a killed process. After a power cut nothing that is
  /// found counts, and the owner must know that.
  bool sync = true;
  /// Random, for a log that is made now: keeps messages of strangers from
  /// looking like pieces of the log.
  std::uint32_t salt = 0;
  std::uint64_t segment_bytes = 16u << 20; ///< A multiple of 8.
  std::size_t promise_bytes_max = ordered_promise_bytes_max;
  /// Called once, on the commit thread, before the first callback that gets an
  /// error. Nothing can be logged any more: the member is out. After `ec::full`
  /// it may be closed and opened again, as after a crash; after
  /// `ec::io_error` what is read may not be what is on the disk.
  std::function<void(const error&)> on_failure;
  /// False: no threads; the owner calls `run_once`. For tests.
  bool threads = true;
  /// What to do if the log cannot be used: the end of a refusal.
  std::string remedy = "start this node with an empty data directory (move "
                       "this one aside): it comes as a new store, and takes "
                       "the state from the others";
};

struct log_engine;

/// The write-ahead log of a member of an ordered group
/// (docs/formats/ordered_log.md): messages by their k, the last promise, and a
/// snapshot from which they go on. Group commit: what is handed in while a sync
/// runs shares the next one. One process holds a directory at a time.
///
/// Any thread may call any member, but messages, cuts and snapshots come from
/// one thread, in their order. `append`, `promise` and `cut` never wait.
///
///  I7  What was called back is there after any crash, in its order, without
///      gaps; and besides it at most what was handed in after it.
///  I8  A promise that was called back is never replaced by an older one.
///  I9  A snapshot that replaces the log is there with an empty log behind it,
///      or not at all.
///  I10 After a write or sync that failed nothing more is written: each later
///      call is told `ec::io_error`.
class ordered_log {
public:
  /// Told `done`, or `ec::io_error` / `ec::full`: then it is not known what is
  /// on the disk.
  using callback = std::function<void(const result<nothing>&)>;

  /// What was there at the start.
  struct start {
    std::optional<std::uint64_t> snapshot; ///< Its k.
    std::uint64_t last = 0; ///< Of the messages above it; else its k, or 0.
    std::string promise;    ///< Empty: none.
  };

  /// Opens the directory, or makes it, with the marks `DIRECTORY.made` and
  /// `DIRECTORY.mark` beside it. Reads the log. With `sync`, what it found is
  /// durable at the return.
  /// @returns `ec::in_use`, `ec::configuration` (another owner's, or vanished),
  ///   `ec::integrity` (what was durable is damaged, or there is less of it),
  ///   `ec::unsupported`, `ec::io_error`, `ec::full`. One line, with what to
  ///   do. What is refused is as it was.
  [[nodiscard]] static result<std::unique_ptr<ordered_log>>
  open(file_io& io, const std::string& directory, ordered_log_options options);

  /// Writes what is queued, calls back, and closes.
  ~ordered_log();
  ordered_log(const ordered_log&) = delete;
  ordered_log& operator=(const ordered_log&) = delete;

  [[nodiscard]] const start& found() const;

  /// Queues a message. Callbacks come on the commit thread, in the order of the
  /// calls; they must not block and may call the log. The queue has no limit:
  /// callers bound what they have under way.
  /// @pre `sequence` is the last one's plus 1; at most 4 MiB.
  void append(std::uint64_t sequence, std::string bytes, callback durable);

  /// Replaces the last promise. @pre at most `promise_bytes_max`; not empty.
  void promise(std::string bytes, callback durable);

  /// Messages above `sequence` are no more; the next one has `sequence` + 1.
  /// @pre not below a snapshot, not above the last message.
  void cut(std::uint64_t sequence, callback durable);

  /// A message that is durable and was not dropped. Reads the disk.
  /// @returns `ec::not_found`, `ec::integrity`, `ec::io_error`.
  [[nodiscard]] result<std::string> read(std::uint64_t sequence) const;

  /// The messages that `read` has: from first to last; 0, 0 if none.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> readable() const;

  /// Pages of the last snapshot, in their order, until one is refused.
  /// @returns `ec::not_found` (none), what refused, `ec::integrity`,
  ///   `ec::io_error`.
  [[nodiscard]] result<nothing> read_snapshot(
    const std::function<result<nothing>(std::string_view page)>& each) const;

  /// Begins the snapshot of the state after message `sequence`: pages are added
  /// to it, on any one thread that may wait, then `install` is called. Dropping
  /// it leaves the log as it was. One at a time; it ends before the log does.
  /// @param waits Until the one before is installed or dropped. @pre then: it
  /// is
  ///              not the caller who keeps that one, and the log has threads.
  /// @returns `ec::busy`, `ec::full`, `ec::io_error`.
  [[nodiscard]] result<std::unique_ptr<snapshot_draft>>
  begin_snapshot(std::uint64_t sequence, bool waits = false);

  enum class snapshot_kind : std::uint8_t {
    checkpoint, ///< Of our own state. @pre its message was appended.
    replacement ///< Of others: messages so far do not count any more.
  };

  /// Makes it the log's snapshot. Syncs its pages here, so it waits; the rest
  /// is done in its turn. Messages that it holds, and those that it replaces,
  /// are dropped. @param installed Told an error if the log is as it was, too.
  void install(std::unique_ptr<snapshot_draft> draft, snapshot_kind kind,
               callback installed);

  /// Bytes free on the disk below, for this user; huge if it cannot be said.
  [[nodiscard]] std::uint64_t free_bytes() const;

  /// One round of everything that threads do. @pre `threads` is off.
  void run_once();

private:
  explicit ordered_log(std::unique_ptr<log_engine> made);

  std::unique_ptr<log_engine> engine_;
};

} // namespace dfs::storage
