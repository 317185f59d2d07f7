#pragma once

#include "actors/chunk_interfaces.hpp"
#include "core/filetree/tree_rows.hpp"
#include "storage/metadata_store.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace dfs::actors {

/// What of the namespace is on the disk, and who waits for it. Changes are
/// numbered by the tree (`file_tree::applied`), and become durable in order.
class namespace_journal {
public:
  /// @param self Woken with `caf::update_atom` when more is durable than it
  ///   knows of.
  namespace_journal(storage::metadata_store& store,
                    const namespace_keeper_actor& self);

  /// The changes of operation `number`, which are all that were made since the
  /// last call.
  void commit(const core::tree_changes& changes, std::uint64_t number);

  [[nodiscard]] bool is_durable(std::uint64_t number) const {
    return news_->durable.load(std::memory_order_acquire) >= number;
  }

  /// Calls `then` from `wake`, in the order of the numbers.
  void wait(std::uint64_t number, std::function<void()> then);

  /// Calls who waited for what has become durable.
  void wake();

private:
  /// Shared with the commit thread.
  struct news {
    std::atomic<std::uint64_t> durable{0};
    std::atomic<bool> told{false};
  };
  struct waiter {
    std::uint64_t number = 0;
    std::function<void()> then;
  };

  storage::metadata_store& store_;
  caf::actor_addr self_;
  std::shared_ptr<news> news_ = std::make_shared<news>();
  std::deque<waiter> waiting_;
};

} // namespace dfs::actors
