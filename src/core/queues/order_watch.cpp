#include "core/queues/order_watch.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

std::chrono::milliseconds since(instant then, instant now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
    std::max(now - then, instant::duration{0}));
}

} // namespace

void order_watch::submit(std::uint64_t token, instant now) {
  submitted_.emplace(token, now);
}

void order_watch::end(std::uint64_t token) {
  submitted_.erase(token);
}

void order_watch::deliver(instant now) {
  delivered_ = now;
}

void order_watch::clear() {
  submitted_.clear();
  suspicious_ = false;
}

bool order_watch::look(std::chrono::milliseconds changing, instant now) {
  last_ = {{}, since(delivered_, now), changing};
  if (!submitted_.empty()) // Tokens rise: the first one is the oldest.
    last_.oldest = since(submitted_.begin()->second, now);
  const bool before = std::exchange(suspicious_, is_stuck(last_));
  return before && suspicious_;
}

bool is_stuck(const order_watch::ages& x) {
  return x.changing >= order_watch::patience
         || std::min(x.oldest, x.silent) >= order_watch::patience;
}

} // namespace dfs::core
