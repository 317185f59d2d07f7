#pragma once

#include "base/ids.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/node_id.hpp>

#include <map>
#include <optional>

namespace dfs::actors {

/// The keepers that registered at a directory of the master: for each store the
/// actor that takes its orders, and whose process speaks for it.
template <class Handle>
class store_keepers {
public:
  struct registration {
    boot_id boot;
    caf::node_id node; ///< Of its process: nobody else speaks for the store.
    Handle handle;     ///< Monitored; null once it is down.
  };

  /// Takes `handle` for the store's keeper, in place of an earlier one. `self`
  /// monitors it once, however often it registers.
  template <class Self>
  void enrol(Self* self, store_id store, boot_id boot, const Handle& handle) {
    auto& keeper = keepers_[store];
    if (keeper.handle != handle) {
      if (keeper.handle)
        self->demonitor(keeper.handle.address());
      self->monitor(handle);
    }
    keeper = {boot, handle.node(), handle};
  }

  /// False if the keeper of that life is in another process than `sender`. What
  /// is not registered here the machine refuses.
  [[nodiscard]] bool may_speak(const caf::strong_actor_ptr& sender,
                               store_id store, boot_id boot) const {
    const auto known = keepers_.find(store);
    return known == keepers_.end() || known->second.boot != boot
           || (sender && sender->node() == known->second.node);
  }

  /// @returns the keeper of the store, or null if it has none, or it is down.
  [[nodiscard]] const registration* find(store_id store) const {
    const auto known = keepers_.find(store);
    return known != keepers_.end() && known->second.handle ? &known->second
                                                           : nullptr;
  }

  struct store_life {
    store_id store;
    boot_id boot;
  };

  /// A monitored actor ended: whose keeper it was, if any.
  std::optional<store_life> down(const caf::actor_addr& who) {
    for (auto& [store, keeper] : keepers_)
      if (keeper.handle && who == keeper.handle.address()) {
        keeper.handle = Handle{};
        return store_life{store, keeper.boot};
      }
    return std::nullopt;
  }

  void forget(store_id store) {
    keepers_.erase(store);
  }

private:
  std::map<store_id, registration> keepers_;
};

} // namespace dfs::actors
