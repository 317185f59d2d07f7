#include "core/chunks/keeper_led.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

void keeper_led::restart() {
  from_ = chunk_id{};
  ++page_;
  first_ = true;
  taken_ = false;
}

void keeper_led::take(std::vector<msg::led_chunk> found) {
  const bool full = found.size() >= page_max;
  // What comes from the beginning again belongs to the next round.
  const auto again
    = std::find_if(found.begin(), found.end(),
                   [this](const auto& x) { return x.chunk <= from_; });
  last_ = !full || again != found.end();
  seen(found);
  found.erase(again, found.end());
  if (!last_ && found.front().chunk != found.back().chunk) {
    // There may be more leases of the last chunk than had room.
    const auto cut = found.back().chunk;
    std::erase_if(found, [&](const auto& x) { return x.chunk == cut; });
  }
  for (auto& x : found)
    x.active = active_.count(x.epoch) != 0;
  entries_ = std::move(found);
  taken_ = true;
}

void keeper_led::seen(const std::vector<msg::led_chunk>& found) {
  ++order_;
  for (const auto& x : found)
    if (x.active)
      active_[x.epoch] = {x.chunk, order_};
}

keeper_led::telling keeper_led::tell(msg::chunk_heartbeat& to) {
  if (!std::exchange(taken_, false))
    return {};
  telling told{page_, order_, from_, from_, last_};
  if (!entries_.empty())
    told.end = entries_.back().chunk;
  to.led = std::move(entries_);
  to.led_last = last_;
  entries_.clear();
  return told;
}

void keeper_led::confirmed(const telling& told) {
  if (told.page != page_)
    return;
  ++page_;
  from_ = told.last ? chunk_id{} : told.end;
  first_ = first_ && !told.last;
  std::erase_if(active_, [&](const auto& x) {
    const auto& [chunk, order] = x.second;
    return order <= told.order && chunk > told.after
           && (told.last || chunk <= told.end);
  });
}

} // namespace dfs::core
