#pragma once

#include "actors/interfaces.hpp"
#include "base/time.hpp"
#include "base/utc_time.hpp"
#include "storage/metadata_backup.hpp"
#include "storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace dfs::actors {

struct metadata_backup_options {
  storage::metadata_store* store = nullptr; ///< Outlives the actor.
  master_term term;                         ///< Of this life of the master.
  std::function<unix_milliseconds()> clock; ///< Wall clock.
  std::size_t streams_max = 4; ///< Each keeps old rows on the disk.
  std::chrono::milliseconds idle_time{std::chrono::minutes{1}};
};

struct metadata_backup_state {
  static inline const char* name = "metadata-backup";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  metadata_backup_state() = default;

  struct stream {
    std::unique_ptr<storage::backup_stream> rows;
    msg::backup_page last; ///< What was answered last: it may be asked again.
    instant touched;
  };

  metadata_backup_options options;
  std::map<std::uint64_t, stream> streams;
  std::uint64_t next = 0; ///< Number of the next one, also over lives.
};

/// Copies the master's metadata while it runs (SPEC G2). It waits for the disk:
/// spawn it with a thread of its own.
metadata_backup_actor::behavior_type metadata_backup(
  metadata_backup_actor::stateful_pointer<metadata_backup_state> self,
  const metadata_backup_options& options);

} // namespace dfs::actors
