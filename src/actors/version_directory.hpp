#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/store_keepers.hpp"
#include "actors/support/answer_inbox.hpp"
#include "actors/support/master_fitness.hpp"
#include "actors/support/peer_roll.hpp"
#include "actors/support/port_prober.hpp"
#include "actors/support/told_conflicts.hpp"
#include "actors/version_interfaces.hpp"
#include "base/result.hpp"
#include "base/utc_time.hpp"
#include "core/groups/version_directory.hpp"
#include "storage/metadata_store.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace dfs::actors {

/// For /metrics, from any thread. As of a tick of the directory.
struct version_directory_counters {
  /// By `msg::group_phase`, from 1.
  std::array<std::atomic<std::uint64_t>, 6> groups{};
  /// By `msg::fileserver_phase`, from 1.
  std::array<std::atomic<std::uint64_t>, 4> servers{};
  std::atomic<std::uint64_t> repairs{0}; ///< Under way.
  std::atomic<std::uint64_t> missing{0}; ///< Contents to be fetched yet.
  std::atomic<std::uint64_t> changes{0}; ///< Of sets, that came in force.
  std::atomic<std::uint64_t> appointed{0};
  std::atomic<std::uint64_t> stores_twice{0};
};

struct version_directory_options {
  /// The namespace's, too. Outlives the actor; its commit thread may still call
  /// back when the actor is gone.
  storage::metadata_store* store = nullptr;
  master_term term; ///< `store->next_term()`: one for all of the master.
  /// Rows behind receipts of earlier terms may be gone: the metadata were
  /// restored, or are not synced.
  master_term receipts_from;
  core::master_lineage lineage;          ///< Likewise.
  core::version_directory_config config; ///< Its rules: that of class 0.
  std::map<std::string, msg::quorum_rule> quorums; ///< By path.
  port_prober* prober = nullptr;   ///< Null: nobody's death is proven by it.
  std::shared_ptr<peer_roll> roll; ///< Says who may register what.
  /// The namespace: unlinks names, and hears of versions. May be null, and so
  /// may the function.
  std::function<namespace_keeper_actor()> names;
  /// The clock of deletions, for file servers: Unix time.
  std::function<unix_milliseconds()> kept;
  std::shared_ptr<version_directory_counters> counters
    = std::make_shared<version_directory_counters>();
  std::shared_ptr<master_fitness> fitness = std::make_shared<master_fitness>();
  /// Stores that two nodes say are theirs, as of the last second: for `status`.
  std::shared_ptr<told_conflicts> conflicts
    = std::make_shared<told_conflicts>();
  /// What the actor begins with: `load_version_directory`.
  std::shared_ptr<core::version_directory> machine;
};

struct loaded_version_directory {
  std::shared_ptr<core::version_directory> machine;
  core::quorum_classes quorums; ///< For the namespace.
};

/// Reads the rows of all groups, and writes down how many there are, and the
/// numbers of new prefixes. Before the actor is spawned.
/// @param now Of the actor system's clock.
/// @returns errors of the store and of `quorum_classes::assign`;
///   `ec::integrity` for a row that makes no sense.
[[nodiscard]] result<loaded_version_directory>
load_version_directory(const version_directory_options& options, instant now);

using version_directory_inbox = answer_inbox<std::uint64_t, store_id>;

struct version_directory_state {
  static inline const char* name = "version-directory";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  version_directory_state() = default;

  // Engaged by the spawn function.
  version_directory_options options;
  std::shared_ptr<core::version_directory> machine;
  std::shared_ptr<version_directory_inbox> inbox;
  store_keepers<version_keeper_actor> keepers;
  std::map<std::uint64_t, caf::typed_response_promise<msg::directory_rebuilt>>
    rebuilders;
  std::uint64_t next_asker = 1;
  instant counted{}; ///< For monitoring, last.
};

/// The shell of `core::version_directory`: orders, rows, probes. Ends the
/// process when it ends.
version_directory_actor::behavior_type version_directory(
  version_directory_actor::stateful_pointer<version_directory_state> self,
  const version_directory_options& options);

} // namespace dfs::actors
