#pragma once

#include "base/ids.hpp"
#include "messages/chunk_control.hpp"
#include "storage/chunk_store.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dfs::chunkserver {

struct volume_watch_options {
  std::chrono::milliseconds interval{200};
  /// Disks that get nothing done for so long while work waits are stuck. Long
  /// enough for a disk that is merely busy: all servers of a machine share it.
  std::chrono::milliseconds patience{5'000};
  /// One on which not a single sync comes back for so long, while another one
  /// works, is out of service: who waits for it is told, its replicas are lost.
  /// A sync of 64 MiB takes a disk seconds when many share it.
  std::chrono::milliseconds patience_beside_others{15'000};
  /// Volumes of this node that could not be opened: told of with the others.
  std::vector<msg::volume_status> out_of_service;
  /// What was on a volume that has failed, once. On its thread.
  std::function<void(std::vector<chunk_id>)> lost;
  /// For people, each once. On its thread.
  std::function<void(const std::string& path)> failed;
  /// Likewise, when it has been stuck for `patience`; again if it was not for a
  /// while.
  std::function<void(const std::string& path)> stuck;
};

/// Looks at the volumes of this node on a thread of its own, `dfs-volumes`, so
/// that others can know how they are without asking a disk. Any thread.
class volume_watch {
public:
  /// @pre At least one volume; they outlive this.
  volume_watch(std::vector<storage::chunk_store*> volumes,
               volume_watch_options options);
  /// Waits for a look that is under way.
  ~volume_watch();
  volume_watch(const volume_watch&) = delete;
  volume_watch& operator=(const volume_watch&) = delete;

  struct view {
    std::vector<msg::volume_status> volumes;
    std::uint64_t chunks = 0;
    std::uint64_t bytes = 0;     ///< Of chunk data.
    std::uint64_t not_freed = 0; ///< `storage::store_usage`, of all volumes.
    /// Paths of volumes that refuse to remove files now.
    std::string cannot_free;
    std::string trouble; ///< Why nothing could be honoured; empty: it could.
  };

  /// As of the last look. Asks no volume.
  [[nodiscard]] view look() const;

private:
  using clock = std::chrono::steady_clock;

  struct volume {
    storage::chunk_store* store = nullptr;
    bool failed = false; ///< Changed under the lock, by the thread.
    /// When the oldest work began that is not durable yet, in ns; 0: none.
    std::shared_ptr<std::atomic<std::int64_t>> waiting
      = std::make_shared<std::atomic<std::int64_t>>(0);
    std::uint64_t syncs = 0;  ///< So many had come back at the last look.
    std::int64_t awaited = 0; ///< `waiting`, and of them, when last judged.
    std::uint64_t judged_syncs = 0;
    /// How long that has been seen. Not by the clock alone: a process that was
    /// stopped must not take a disk for stuck.
    clock::duration stuck_for{};
  };

  void run();
  void round();
  void look_at(volume& x, view& found);
  void judge_stuck(clock::time_point now);
  [[nodiscard]] bool note_failure(volume& x);
  [[nodiscard]] std::string trouble_at(clock::time_point now) const;

  volume_watch_options options_;
  std::vector<volume> volumes_;
  mutable std::mutex guard_;
  std::condition_variable wake_;
  view view_;
  std::size_t failed_ = 0;
  std::optional<clock::time_point> judged_; ///< When last. Its thread's.
  /// When the look began that is under way.
  std::optional<clock::time_point> looking_since_;
  bool stopped_ = false;
  std::thread thread_;
};

} // namespace dfs::chunkserver
