#include "core/versions/outcome_ages.hpp"

namespace dfs::core {

std::vector<outcome_key>
outcome_ages::take_old(const outcome_limits& limits, instant now) {
  std::vector<outcome_key> gone;
  const auto slack = limits.life / 16;
  const bool due
    = !ages_.empty() && now - ages_.front().first >= limits.life + slack;
  while (!ages_.empty() && gone.size() < limits.at_once
         && (ages_.size() > limits.most
             || (due && now - ages_.front().first >= limits.life))) {
    gone.push_back(ages_.front().second);
    ages_.pop_front();
  }
  return gone;
}

} // namespace dfs::core
