#include "core/chunks/keeper_led.hpp"

#include <utility>

namespace dfs::core {

void keeper_led::restart() {
  after_ = 0;
  begin_last_round();
}

void keeper_led::begin_last_round() {
  ++round_;
  first_ = more_ = true;
  taken_ = false;
}

void keeper_led::take(led_page found) {
  page_ = std::move(found);
  taken_ = true;
}

keeper_led::telling keeper_led::tell(msg::chunk_heartbeat& to) {
  if (!std::exchange(taken_, false))
    return {};
  to.led = std::move(page_.leases);
  to.led_last = page_.complete;
  return {round_, page_.upto, page_.complete};
}

void keeper_led::confirmed(const telling& told) {
  if (told.round != round_ || told.upto < after_)
    return;
  after_ = told.upto;
  more_ = !told.complete;
  first_ = first_ && !told.complete;
}

} // namespace dfs::core
