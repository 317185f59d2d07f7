#pragma once

#include "actors/chunk_interfaces.hpp"
#include "base/utc_time.hpp"
#include "core/filetree/file_tree.hpp"
#include "storage/metadata_store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace dfs::actors {

struct namespace_keeper_options {
  /// The chunk directory's, too. Outlives the actor; its commit thread may
  /// still call back when the actor is gone.
  storage::metadata_store* store = nullptr;
  master_term term; ///< `store->next_term()`: one for all of the master.
  core::tree_config config;
  std::function<chunk_directory_actor()> chunks;
  std::function<unix_milliseconds()> clock;
  /// What the actor begins with: `load_namespace`.
  std::shared_ptr<core::file_tree> tree;
};

/// What the store is to write.
[[nodiscard]] std::vector<storage::row_change>
encode_rows(const core::tree_changes& changes);

/// Reads all names: some seconds for some millions. Before the actor is
/// spawned, so that no worker of the actor system waits for a disk. Makes the
/// root of a new tree durable.
/// @returns errors of the store; `ec::integrity` for rows that make no sense.
[[nodiscard]] result<std::shared_ptr<core::file_tree>>
load_namespace(const namespace_keeper_options& options);

/// How far the rows of the namespace are durable; filled by the commit thread.
class namespace_inbox {
public:
  /// @returns whether the actor must be woken.
  [[nodiscard]] bool durable_up_to(std::uint64_t operation);
  [[nodiscard]] std::uint64_t take();

private:
  std::mutex mutex_;
  std::uint64_t durable_ = 0;
  bool woken_ = false;
};

struct namespace_keeper_state {
  static inline const char* name = "namespace";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  namespace_keeper_state() = default;

  namespace_keeper_options options;
  std::shared_ptr<core::file_tree> tree;
  std::shared_ptr<namespace_inbox> inbox;
  std::uint64_t durable = 0; ///< Operations whose rows are.
  /// Answers, by the operation that must be durable before they are given.
  std::multimap<std::uint64_t, std::function<void()>> waiting;
};

/// The shell of `core::file_tree`: decides at once, against everything that is
/// under way, and answers when what the answer depends on is durable. Ends the
/// process when it ends: what it has decided is not to be decided twice.
namespace_keeper_actor::behavior_type namespace_keeper(
  namespace_keeper_actor::stateful_pointer<namespace_keeper_state> self,
  const namespace_keeper_options& options);

} // namespace dfs::actors
