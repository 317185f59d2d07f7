#include "core/failure/suspicion.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

void suspicion::alive(instant now) {
  last_alive_ = now;
  since_.reset();
  witnesses_.clear();
}

bool suspicion::refuted(std::uint32_t refutations, instant now) {
  if (refutations <= refutations_)
    return false;
  refutations_ = refutations;
  alive(now);
  return true;
}

void suspicion::credit(std::chrono::nanoseconds stall) {
  last_alive_ += stall;
  if (since_)
    *since_ += stall;
}

void suspicion::begin(instant now) {
  if (!since_)
    since_ = now;
}

void suspicion::hear(const msg::member_id& witness, std::uint32_t refutations,
                     std::chrono::milliseconds age, instant now) {
  if (refutations < refutations_)
    return;
  if (witnesses_.size() >= witnesses_max && !witnesses_.contains(witness))
    return;
  witnesses_[witness] = {now - age, now};
}

std::chrono::milliseconds suspicion::age(instant now) const {
  DFS_ASSERT(since_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - *since_);
}

std::optional<verdict_time> suspicion::verdict(const failure_config& config,
                                               const jury& around,
                                               instant now) const {
  if (!since_ || around.unanswered)
    return std::nullopt;
  if (around.others <= 1)
    return verdict_time{last_alive_ + config.verdict_pair,
                        msg::news_reason::silent_for_last};
  verdict_time decided{*since_ + config.verdict_alone,
                       msg::news_reason::silent_for_one};
  if (around.lossy)
    return decided;
  // Beginnings of the oldest and the second oldest suspicion.
  std::vector<instant> beginnings{*since_};
  for (const auto& [witness, said] : witnesses_)
    if (said.heard + witness_fresh > now)
      beginnings.push_back(std::max(said.since, last_alive_)); // I4
  if (beginnings.size() < 2)
    return decided;
  std::partial_sort(beginnings.begin(), beginnings.begin() + 2,
                    beginnings.end());
  const auto agreed = std::max(beginnings[0] + config.verdict_agreed,
                               beginnings[1] + config.verdict_second);
  if (agreed < decided.due)
    decided = {agreed, msg::news_reason::silent_for_two};
  return decided;
}

std::vector<msg::member_id> suspicion::witnesses(instant now) const {
  std::vector<msg::member_id> found;
  for (const auto& [witness, said] : witnesses_)
    if (said.heard + witness_fresh > now)
      found.push_back(witness);
  return found;
}

} // namespace dfs::core
