#include "actors/keeper_inlet.hpp"

#include <utility>

namespace dfs::actors {

namespace {

constexpr std::size_t gathered_max = 1'000;

} // namespace

void keeper_inlet::connect(const local_keeper_actor& keeper) {
  const std::lock_guard lock{box_->guard};
  box_->keeper = caf::actor_cast<caf::weak_actor_ptr>(keeper);
  box_->events.clear();
}

void keeper_inlet::put(keeper_event event) const {
  caf::strong_actor_ptr keeper;
  {
    const std::lock_guard lock{box_->guard};
    keeper = box_->keeper.lock();
    if (!keeper) {
      box_->events.clear();
      return;
    }
    box_->events.push_back(std::move(event));
    if (box_->events.size() % gathered_max != 0)
      return;
  }
  caf::anon_send(caf::actor_cast<local_keeper_actor>(keeper), keeper_input{});
}

std::vector<keeper_event> keeper_inlet::take() const {
  const std::lock_guard lock{box_->guard};
  return std::exchange(box_->events, {});
}

} // namespace dfs::actors
