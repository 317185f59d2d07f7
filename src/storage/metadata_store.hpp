#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class Env;
} // namespace rocksdb

namespace dfs::storage {

/// One row written, or removed. Keys: docs/formats/metadata.md.
struct row_change {
  std::string key;
  std::optional<std::string> value; ///< Nothing: the row goes.
  /// Not empty: all rows from `key` up to this one, which stays, go.
  std::string until{};
};

/// A life of the master, from `next_term` to the next one.
struct metadata_life {
  master_term term;
  std::uint64_t life = 0;
  std::uint64_t began = 0; ///< Rows ever written before it.
};

struct metadata_options {
  /// Whose metadata it is: the cluster id, as in certificates. Not zero.
  std::uint64_t cluster = 0;
  /// False (`durability = "memory"`): durable means that the operating system
  /// has it: it survives a killed process, not a power cut.
  bool sync = true;
  std::size_t cache_bytes = 8u << 20;
  std::size_t write_buffer_bytes = 16u << 20; ///< Two of these at most.
  /// Called once, on the commit thread, before the first callback that gets an
  /// error. Nothing can be committed any more: the process is to end.
  std::function<void(const error&)> on_failure;
  rocksdb::Env* env = nullptr; ///< For tests; null: the operating system.
  /// What to do if rows are damaged or missing: the end of a refusal.
  std::string remedy = "restore a backup (dfsnode admin metadata restore)";
};

class backup_stream;

/// What a backup directory holds.
struct backup_info {
  std::uint32_t number = 0; ///< From 1, the newest is the highest.
  std::uint64_t bytes = 0;
  std::int64_t unix_seconds = 0;
  std::string replaced{}; ///< Of a restore: where what stood there is now.
};

/// The master's durable rows (docs/formats/metadata.md): a sorted map of bytes
/// with group commit. One process holds a directory at a time.
///
/// Any thread may call any member. `commit` never waits; `for_each`, `get`,
/// `backup` read the disk.
///
///  I1  The changes of one commit are there all together or not at all.
///  I2  What was committed later is never there without what was committed
///      before it.
///  I3  What `durable` reported survives: a power cut, or without `sync` the
///      end of the process.
///  I4  After a write or sync that failed nothing more is written: every later
///      commit is told `ec::io_error`.
///  I5  A directory that holds less than what was synced is not opened.
///  I6  No term is given twice, whatever becomes of the directory: the highest
///      one is in the mark beside it, too.
class metadata_store {
public:
  /// Told `done`, or `ec::io_error`: then it is not known what is on the disk.
  using callback = std::function<void(const result<nothing>&)>;

  /// Opens the directory, or makes it, with the mark `DIRECTORY.made` beside
  /// it: metadata that vanishes later is not made anew. `DIRECTORY.mark` says
  /// how far it was durable: metadata that is shorter later is refused.
  /// @returns `ec::in_use`, `ec::configuration` (another cluster's, vanished,
  ///   or no metadata in a directory that is not empty), `ec::unsupported` (a
  ///   newer format), `ec::integrity` (bytes that are not what they should
  ///   be, or fewer), `ec::io_error`. One line, with what to do. What is
  ///   refused is as it was.
  [[nodiscard]] static result<std::unique_ptr<metadata_store>>
  open(const std::string& directory, metadata_options options);

  /// Commits what is queued, calls back, and closes.
  ~metadata_store();
  metadata_store(const metadata_store&) = delete;
  metadata_store& operator=(const metadata_store&) = delete;

  /// Queues the changes; all that is queued while a sync runs goes into the
  /// next one. Callbacks come on the commit thread, in the order of the calls;
  /// they must not block and may call `commit`. No changes: calls back when
  /// all before it is durable. The queue has no limit: callers bound what they
  /// have under way.
  void commit(std::vector<row_change> changes, callback durable);

  /// Writes the changes in the caller's thread, which saves it two changes of
  /// threads, if nothing is synced and nobody writes or waits. Not in a
  /// callback. @returns nothing: `commit` them; or `ec::io_error`.
  [[nodiscard]] std::optional<result<nothing>>
  try_commit(const std::vector<row_change>& changes);

  /// As `commit`, and waits. Not on the commit thread. @returns `ec::io_error`.
  [[nodiscard]] result<nothing> commit_now(std::vector<row_change> changes);

  /// Rows whose keys begin with `prefix`, in the order of bytes, as of now:
  /// what is queued may be missing. Rows are handed out until `each` returns
  /// false, and are valid during the call. @returns `ec::integrity`,
  /// `ec::io_error`.
  [[nodiscard]] result<nothing>
  for_each(std::string_view prefix,
           const std::function<bool(std::string_view key,
                                    std::string_view value)>& each) const;

  /// @returns nothing if there is no such row; errors as of `for_each`.
  [[nodiscard]] result<std::optional<std::string>>
  get(std::string_view key) const;

  /// The term of this life of the master: higher than any before, also before
  /// the backup that was restored, and durable when this returns. Below 2^24:
  /// `term << 40` begins a range of numbers that no other life gives away.
  /// Synced, whatever the options say. @param life Random: names this life, so
  /// that it is told from another one of the same term, begun from a copy of
  /// older metadata. @returns `ec::io_error`; `ec::full` when terms are used
  /// up.
  [[nodiscard]] result<master_term> next_term(std::uint64_t life = 0);

  /// The lives that these metadata have gone through, by term; the last 4,096.
  [[nodiscard]] result<std::vector<metadata_life>> lives() const;

  /// Rows that were ever written up to now, as far as they are certain to
  /// survive a power cut: what any server may be told and remember. Never less
  /// than before, restores aside. Does not wait.
  [[nodiscard]] std::uint64_t durable_sequence() const;

  /// The first term after the newest `restore`; 1 if there was none. Chunks
  /// made in lower terms may belong to files that are newer than the backup.
  [[nodiscard]] master_term restored_at() const;

  /// On the disk below, for this user: changes should be refused before it is
  /// full, because a commit that fails is the end. Huge if it cannot be said.
  [[nodiscard]] std::uint64_t free_bytes() const;

  /// Adds a copy of everything that was durable at the call to a directory of
  /// backups, which is made if need be; files that are there already are not
  /// copied again. Takes as long as copying takes; commits go on meanwhile.
  /// @returns `ec::io_error`, `ec::full`, `ec::configuration` (something else
  ///   is in the directory), `ec::busy` (another backup is under way).
  [[nodiscard]] result<backup_info> backup(const std::string& to);

  /// A copy of everything that is durable now, as the bytes of a file; commits
  /// go on meanwhile. Must end before the store. @param now_ms Unix time.
  [[nodiscard]] std::unique_ptr<backup_stream>
  stream_backup(std::int64_t now_ms) const;

private:
  struct engine;

  explicit metadata_store(std::unique_ptr<engine> made);

  std::unique_ptr<engine> engine_;
};

/// What backups a directory holds, oldest first. @returns `ec::not_found`,
/// `ec::io_error`.
[[nodiscard]] result<std::vector<backup_info>>
list_backups(const std::string& from);

/// Makes a metadata directory out of a backup, its checksums verified. The
/// master that opens it begins in a term above all that the lost one may have
/// had. @param number 0: the newest. @param force What is there is moved aside.
/// @param above Terms up to this one were obeyed by servers, besides those that
///   backup and place know.
/// @returns `ec::not_found` (no backup, or no place), `ec::exists` (metadata is
///   in `to`; without `force`), `ec::configuration` (something else is),
///   `ec::in_use` (by a master), `ec::integrity`, `ec::io_error`.
[[nodiscard]] result<backup_info>
restore_backup(const std::string& from, const std::string& to,
               std::uint32_t number = 0, bool force = false,
               master_term above = {});

/// Does it hold metadata (not backups)?
[[nodiscard]] bool is_metadata(const std::string& directory);

/// Likewise out of a metadata directory that was put back, which may be the one
/// in `to`. @returns as `restore_backup`.
[[nodiscard]] result<backup_info>
restore_directory(const std::string& from, const std::string& to, bool force,
                  master_term above = {});

} // namespace dfs::storage
