#pragma once

#include "chunkserver/chain_links.hpp"
#include "chunkserver/data_service.hpp"
#include "chunkserver/disk_pool.hpp"
#include "chunkserver/inbox.hpp"
#include "chunkserver/lease_clock.hpp"
#include "chunkserver/replica_table.hpp"
#include "chunkserver/volumes.hpp"
#include "core/chunks/revoked_table.hpp"
#include "net/data_server.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

// What the parts of a data server share. But for what says otherwise it belongs
// to the data thread.

namespace dfs::chunkserver {

using replica_ptr = std::shared_ptr<replica>;

/// Numbers only grow, but for those with "now".
struct server_counters {
  std::atomic<std::uint64_t> requests_open{0}; ///< Now.
  std::atomic<std::uint64_t> changes_open{0};  ///< Now.
  std::atomic<std::uint64_t> chunks_led{0};    ///< Now.
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> bytes_written{0};
  std::atomic<std::uint64_t> bytes_replicated{0};
  std::atomic<std::uint64_t> bytes_copied{0};
  std::atomic<std::uint64_t> changes{0};
  std::atomic<std::uint64_t> leases_failed{0};
  std::atomic<std::uint64_t> integrity_faults{0};
  std::atomic<std::uint64_t> cold_reads{0};
};

struct server_state {
  server_state(data_service_options of, std::shared_ptr<net::data_loop> on,
               std::vector<storage::chunk_store*> stores);

  data_service_options options;
  std::shared_ptr<net::data_loop> loop;
  lease_clock leases;                      ///< Any thread.
  volumes places;                          ///< Any thread.
  std::shared_ptr<inbox> work;             ///< Any thread.
  std::shared_ptr<server_counters> counts; ///< Any thread.
  replica_table replicas;
  chain_links links;
  disk_pool disks; ///< Any thread.
  core::revoked_table revoked;
  master_term obeyed; ///< The newest master.
  /// Up to here grants were to a former life of this server; nothing: no master
  /// knows this one yet.
  std::optional<lease_epoch> former_grants;
  /// Copies of these are being made, and are not there yet.
  std::set<chunk_id> arriving;
  bool draining = false;

  [[nodiscard]] replica_ptr find(chunk_id chunk) {
    return replicas.find(chunk, leases.now());
  }

  /// Nothing below this version of the chunk is served or changed here any
  /// more, whatever is on the disk.
  void revoke(chunk_id chunk, chunk_version version);

  /// @returns `ec::stale`: what is here of this version has been revoked.
  [[nodiscard]] result<nothing>
  check_current(chunk_id chunk, chunk_version version) const;

  /// Calls back in the data thread, when all that is applied to the chunk now
  /// is durable: at once, if it is.
  void when_durable(const replica& x, std::function<void(result<nothing>)> go);

  /// Disk work, then the rest in the data thread.
  /// @returns False: too much is waiting.
  template <class Result>
  [[nodiscard]] bool
  on_disk(std::function<Result()> first, std::function<void(Result)> then) {
    return disks.run(
      [first = std::move(first), then = std::move(then), home = work] {
        // Shared, because a std::function must be copyable.
        auto outcome = std::make_shared<Result>(first());
        home->put([outcome, then] { then(std::move(*outcome)); });
      });
  }

  /// A replica is bad: moves it aside, tells, forgets it. Whoever waits for it
  /// must have been answered.
  void quarantine(chunk_id chunk);

  /// The chunk is not here, and nobody ordered that: tells it as lost, unless
  /// it is in quarantine.
  void tell_missing(chunk_id chunk) const;

private:
  /// Whether a replica below that version is here, arrives or is being deleted.
  [[nodiscard]] bool holds_below(chunk_id chunk, chunk_version version) const;
};

} // namespace dfs::chunkserver
