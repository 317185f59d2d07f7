#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/master_metrics.hpp"
#include "actors/store_keepers.hpp"
#include "actors/support/answer_inbox.hpp"
#include "actors/support/master_fitness.hpp"
#include "actors/support/peer_roll.hpp"
#include "actors/support/port_prober.hpp"
#include "base/result.hpp"
#include "core/chunks/directory_machine.hpp"
#include "messages/chunk_master.hpp"
#include "storage/metadata_store.hpp"
#include "wire/key_ring.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace dfs::actors {

struct chunk_directory_options {
  /// The namespace's, too. Outlives the actor; its commit thread may still call
  /// back when the actor is gone.
  storage::metadata_store* store = nullptr;
  master_term term; ///< `store->next_term()`: one for all of the master.
  core::master_lineage lineage; ///< Likewise.
  core::directory_config config;
  std::uint64_t seed = 0; ///< Of placement; another one at each start.
  /// Gives the keys that seal grants: the token keys.
  std::function<std::shared_ptr<const wire::key_ring>()> keys;
  port_prober* prober = nullptr;   ///< Null: nobody's death is proven by it.
  std::shared_ptr<peer_roll> roll; ///< Says who may register what.
  /// Where the metadata are; null: not told.
  std::function<std::vector<msg::volume_status>()> disks;
  /// Adds what else `status` says of this master; may be null.
  std::function<void(msg::cluster_status&)> complete;
  /// Told how files grow; in the actor's thread.
  std::function<void(const msg::files_grown&)> on_growth;
  std::shared_ptr<directory_counters> counters
    = std::make_shared<directory_counters>();
  std::shared_ptr<master_fitness> fitness = std::make_shared<master_fitness>();
  /// What the actor begins with: `load_chunk_directory`.
  std::shared_ptr<core::directory_machine> machine;
};

/// Reads the rows of all chunks: some seconds for some millions. Before the
/// actor is spawned, so that no worker of the actor system waits for a disk.
/// @param now Of the actor system's clock.
/// @returns errors of the store; `ec::integrity` for a row that makes no sense.
[[nodiscard]] result<std::shared_ptr<core::directory_machine>>
load_chunk_directory(const chunk_directory_options& options, instant now);

using chunk_directory_inbox
  = answer_inbox<core::effect_token, core::server_index>;

struct chunk_directory_state {
  static inline const char* name = "chunk-directory";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  chunk_directory_state() = default;

  // Engaged by the spawn function.
  chunk_directory_options options;
  std::shared_ptr<core::directory_machine> machine;
  std::shared_ptr<chunk_directory_inbox> inbox;
  store_keepers<chunk_keeper_actor> keepers;
  std::map<core::asker_id, caf::typed_response_promise<msg::chunk_leased>>
    askers;
  core::asker_id next_asker = 1;
  instant counted{}; ///< For monitoring, last.
};

/// The shell of `core::directory_machine`: calls, rows, probes. Ends the
/// process when it ends: what it knows of leases dies with it.
chunk_directory_actor::behavior_type chunk_directory(
  chunk_directory_actor::stateful_pointer<chunk_directory_state> self,
  const chunk_directory_options& options);

} // namespace dfs::actors
