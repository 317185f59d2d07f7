#include "core/supervision/restart_policy.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

restart_policy::restart_policy(restart_config config) : config_{config} {
  using std::chrono::milliseconds;
  DFS_ASSERT(config.backoff_first > milliseconds{0});
  DFS_ASSERT(config.backoff_first <= config.backoff_max);
  DFS_ASSERT(config.window > milliseconds{0});
  DFS_ASSERT(config.status != 0);
  DFS_ASSERT(config.essential || config.restarts_max > 0);
}

restart_decision restart_policy::on_end(instant now) {
  // A restart happens `delay` after the decision: it is that moment that
  // counts, or a long delay would let more than `restarts_max` into a window.
  while (!restarts_.empty() && restarts_.front() + config_.window <= now)
    restarts_.pop_front();
  if (!config_.essential && restarts_.size() >= config_.restarts_max) { // I4
    const auto due = restarts_.front() + config_.window;
    restarts_.pop_front();
    restarts_.push_back(due);
    return restart_after{
      std::chrono::ceil<std::chrono::milliseconds>(due - now)};
  }
  if (given_up_ || restarts_.size() >= config_.restarts_max) {
    given_up_ = true;
    return give_up{config_.status};
  }
  auto delay = config_.backoff_first;
  for (std::size_t n = 0; n < restarts_.size() && delay < config_.backoff_max;
       ++n)
    delay *= 2;
  delay = std::min(delay, config_.backoff_max);
  restarts_.push_back(now + delay);
  return restart_after{delay};
}

} // namespace dfs::core
