#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/namespace_journal.hpp"
#include "actors/support/master_fitness.hpp"
#include "actors/version_interfaces.hpp"
#include "core/filetree/file_tree.hpp"
#include "core/versions/name_lease.hpp"
#include "storage/metadata_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace dfs::actors {

/// For monitoring, from any thread. As of the last tick.
struct namespace_counters {
  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> directories{0};
  std::atomic<std::uint64_t> bytes{0};  ///< Of one copy.
  std::atomic<std::uint64_t> chunks{0}; ///< Of files in directories.
  std::atomic<std::uint64_t> trash{0};  ///< Things in it, purged ones included.
  std::atomic<std::uint64_t> uploads{0};
  std::atomic<std::uint64_t> requests{0}; ///< Remembered.
  std::atomic<std::uint64_t> changes{0};  ///< Applied, ever.
  /// Versioned files that only lost metadata had names for.
  std::atomic<std::uint64_t> unnamed{0};
  std::atomic<std::int64_t> jumped_ms{0}; ///< The wall clock; may be negative.
};

struct namespace_keeper_options {
  /// The chunk directory's, too. Outlives the actor; its commit thread may
  /// still call back when the actor is gone.
  storage::metadata_store* store = nullptr;
  master_term term; ///< `store->next_term()`: one for all of the master.
  core::tree_config config;
  /// The chunk directory of this master, in whatever life it is; may be null.
  std::function<chunk_directory_actor()> chunks;
  /// Likewise the version directory; may be null, and so may the function: this
  /// master serves no versioned files.
  std::function<version_directory_actor()> versions;
  std::function<core::tree_time()> clock;
  std::function<boot_instant()> boottime = boottime_now;
  /// How far the wall clock has jumped; may be null.
  std::function<std::chrono::milliseconds()> jumped;
  std::shared_ptr<master_fitness> fitness = std::make_shared<master_fitness>();
  /// What the actor begins with: `load_namespace`.
  std::shared_ptr<core::file_tree> tree;
  std::shared_ptr<namespace_counters> counters
    = std::make_shared<namespace_counters>();
  /// With less on its disk the master takes changes no more that need room.
  std::uint64_t free_bytes_min = 64u << 20;
};

/// Reads all names: about a second for a million. Before the actor is spawned,
/// so that no worker of the actor system waits for a disk. Makes the root of a
/// new tree durable.
/// @returns errors of the store; `ec::integrity` for rows that make no sense.
[[nodiscard]] result<std::shared_ptr<core::file_tree>>
load_namespace(const namespace_keeper_options& options);

struct namespace_keeper_state {
  static inline const char* name = "namespace";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  namespace_keeper_state() = default;

  using added = caf::typed_response_promise<msg::chunk_leased>;
  /// Number, kind and check of a request: equal ones are one.
  using asked = std::tuple<std::uint64_t, std::size_t, core::request_check>;

  namespace_keeper_options options;
  std::shared_ptr<core::file_tree> tree;
  std::unique_ptr<namespace_journal> journal;
  /// Requests whose chunks the directory is asked to adopt, until they are
  /// answered, and who asked.
  std::map<asked, std::vector<caf::response_promise>> adopting;
  std::set<chunk_id> adopted; ///< Chunks of these.
  /// Files that get a chunk behind this one, and who asked for it.
  std::map<std::pair<inode_id, chunk_id>, std::vector<added>> growing;
  /// Of names of versioned files, to clients. Never null.
  std::optional<core::name_lessor> names;
  /// Changes that wait for these leases, in the order in which they came.
  std::vector<std::function<void()>> held;
  /// Who waits for the rows of notes that were taken.
  std::vector<caf::typed_response_promise<msg::notes_receipted>> noting;
  inode_id purged_up_to;              ///< Whose groups were told last, in turn.
  unix_milliseconds purges_told_at{}; ///< By the kept clock.
  bool full = false;                  ///< The disk, nearly.
  bool jumped = false;                ///< The wall clock, as of the last tick.
};

/// The NAMESPACE of the master. Applies a change to the tree at once and
/// answers when its rows are durable; answers a reading when what it saw is.
/// Ends the process when it ends: the tree is ahead of the disk.
namespace_keeper_actor::behavior_type namespace_keeper(
  namespace_keeper_actor::stateful_pointer<namespace_keeper_state> self,
  const namespace_keeper_options& options);

} // namespace dfs::actors
