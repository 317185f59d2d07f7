#include "core/sessions/link_watch.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

void link_watch::expect(bool due, instant now) {
  // Nobody had to say anything before.
  if (!std::exchange(due_, due) && due) {
    heard_ = std::max(heard_, now);
    probed_.reset();
  }
}

void link_watch::heard(instant at) {
  if (at <= heard_)
    return;
  heard_ = at;
  probed_.reset();
}

link_watch::advice link_watch::tick(instant now) {
  if (!due_)
    return advice::wait;
  if (probed_) {
    const auto ends = *probed_ + config_.patience;
    if (now >= ends + config_.stall)
      probed_ = now; // This process stood still: its word may wait unread.
    else if (now >= ends)
      return advice::give_up;
    return advice::wait;
  }
  if (now < heard_ + config_.silence)
    return advice::wait;
  probed_ = now;
  return advice::probe;
}

std::optional<instant> link_watch::next_deadline() const {
  if (!due_)
    return std::nullopt;
  return probed_ ? *probed_ + config_.patience : heard_ + config_.silence;
}

} // namespace dfs::core
