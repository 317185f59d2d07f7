#pragma once

#include "storage/store/store_core.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::storage {

/// Something that may be done once the log is safe behind the record that
/// allows it.
struct deferred_step {
  enum class action : std::uint8_t {
    overlay,    ///< Write blocks into the file.
    remove,     ///< The file.
    set_aside,  ///< The file, or `bytes` if it has none.
    purge,      ///< What is aside of the chunk.
    unlink_log, ///< Segment number `file.number`.
  };
  log_position after; ///< Begin of that record.
  action what = action::overlay;
  chunk_file_id file;
  overlay_blocks blocks;
  std::string bytes;
};

/// From applied to durable. Two lanes, so that a small change does not wait for
/// another chunk's big one:
///   data  syncs chunk files that were written directly, then passes on the
///         records held for them
///   log   writes the log out and syncs it, for all who wait at once
/// Then deferred steps are done. Rounds of one kind come one after another.
///
///  I1  A record in the log says nothing about a file that is not on the disk
///      (mode `durable`).
///  I2  A file changes where it was valid, or goes, only after the log is safe
///      behind the record that says so.
class commit_lanes {
public:
  using callback = chunk_store::callback;

  explicit commit_lanes(store_core& core);

  // Under `core.order`.

  /// A record of a loose chunk: behind those that are held for it, if any.
  void emit(chunk_id id, loose_chunk& x, held_record record);
  /// One that speaks of `bytes` written into the chunk's file: held.
  void hold(chunk_id id, loose_chunk& x, held_record record,
            std::uint32_t offset, std::uint32_t bytes);
  /// A copy grew: of a long one the disk is asked to begin before its end.
  void
  grew(chunk_id id, loose_chunk& x, std::uint32_t offset, std::uint32_t bytes);
  void defer(deferred_step step);
  /// The chunk goes: what is held for it is dropped; who waits for it waits
  /// for the log's present end.
  void abandon(chunk_id id, loose_chunk& x);
  /// The same in two steps, where a record comes between them that makes up for
  /// what was held. @returns whether `release` is due.
  [[nodiscard]] bool drop_held(chunk_id id, loose_chunk& x);
  void release(chunk_id id);

  /// Takes `core.order`.
  void when_durable(chunk_id chunk, callback done);
  void when_durable(callback done);

  /// Whether too much is waiting for the disk.
  [[nodiscard]] bool is_crowded() const;

  /// @returns whether there was anything to do.
  bool data_round();
  /// `idle`: nobody waits, but what is written should not stay unsynced.
  bool log_round(bool idle);

  /// What may go from the disk, goes. Not the log lane's: it may take long.
  void removal_round();

  /// Wait for work, at most `limit`. @returns false when stopped.
  bool wait_for_data(std::chrono::milliseconds limit);
  bool wait_for_log(std::chrono::milliseconds limit);
  bool wait_for_maintenance(std::chrono::milliseconds limit);
  /// Whether the last wait for the log ended without work.
  [[nodiscard]] bool was_idle() const;
  /// @returns false when stopped.
  bool pause(std::chrono::milliseconds time);
  void want_maintenance();
  void want_data(chunk_id chunk);
  void stop();

  /// The volume is out: everyone who waits is told so, by the log's lane.
  void fail_volume(const error& why);
  /// The same, and they are told here and now: that lane may be stuck.
  void give_up(const error& why);
  /// The store closes: everyone left is told.
  void dismiss(const error& why);

  /// Where the first deferred overlay stands; the log's end if there is none.
  [[nodiscard]] log_position first_overlay() const;

private:
  struct waiter {
    log_position until; ///< Begin of the record.
    callback done;
  };

  /// Waits until so many of the chunk's held records have been passed on.
  struct held_waiter {
    chunk_id chunk;
    std::uint64_t passed = 0;
    callback done;
  };

  void pass_on(chunk_id id, loose_chunk& x, held_record record);
  /// Under `mutex_`. @returns whether the data lane has to do.
  bool hint(chunk_id id, chunk_activity& busy, std::uint32_t offset,
            std::uint32_t bytes);
  void want_log();
  void call_when_safe(log_position until, callback done);
  void release_waiters(chunk_id id, std::uint64_t passed, log_position until);
  void give_hints();
  void mark_if_due();
  [[nodiscard]] result<nothing> sync_chunk(chunk_id id);
  void pass_held(chunk_id id, std::uint64_t file, std::uint64_t until);
  void run_callbacks();
  [[nodiscard]] result<nothing> run_deferred(std::deque<deferred_step>& queue);
  [[nodiscard]] result<nothing> run(const deferred_step& step);
  /// Counts a removal that fails, once. A queue that ran out is fine, too.
  void note_removal(bool fine);
  [[nodiscard]] result<nothing> unlink_log(const deferred_step& step);
  [[nodiscard]] bool is_gone(chunk_file_id file) const;
  [[nodiscard]] result<nothing> write_overlay(const deferred_step& step);

  store_core& core_;
  mutable std::mutex mutex_; ///< Taken after all others.
  std::mutex calling_;       ///< Taken first: callbacks come one at a time.
  std::condition_variable log_work_;
  std::condition_variable data_work_;
  std::condition_variable maintenance_work_;
  bool log_wanted_ = false;
  bool maintenance_wanted_ = false;
  bool idle_ = false;
  bool stopped_ = false;
  std::set<chunk_id> data_wanted_;
  std::set<chunk_id> hints_;
  std::set<chunk_id> holding_; ///< Those with held records.
  std::vector<waiter> waiters_;
  std::vector<held_waiter> held_waiters_;
  std::deque<deferred_step> overlays_; ///< For the log's lane.
  std::deque<deferred_step> removals_; ///< Whatever else; for maintenance.
  bool refused_ = false;               ///< The first removal, once or more.
  std::uint64_t held_bytes_ = 0;       ///< Written directly and not synced.
  log_position marked_;                ///< The log's end behind the last mark.
};

} // namespace dfs::storage
