#include "core/sessions/server_list.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

/// As `std::shuffle`, the same on every platform.
void shuffle(std::vector<std::string>& x, rng& random) {
  for (auto left = x.size(); left > 1; --left)
    std::swap(x[left - 1], x[random.below(left)]);
}

} // namespace

server_list::server_list(std::vector<std::string> configured, rng& random) {
  shuffle(configured, random);
  for (auto& address : configured)
    if (find(address) == nullptr)
      servers_.push_back({std::move(address), true, false});
}

void server_list::learn(std::vector<std::string> addresses, rng& random) {
  std::erase_if(addresses,
                [this](const auto& x) { return find(x) != nullptr; });
  shuffle(addresses, random);
  if (addresses.size() > learned_max)
    addresses.resize(learned_max);
  for (auto& address : addresses)
    if (find(address) == nullptr)
      servers_.push_back({std::move(address), false, false});
  const auto learned = static_cast<std::size_t>(
    std::count_if(servers_.begin(), servers_.end(),
                  [](const auto& x) { return !x.configured; }));
  auto excess = learned > learned_max ? learned - learned_max : 0;
  // The oldest of those that failed, then the oldest.
  for (const auto dead : {true, false})
    std::erase_if(servers_, [&](const auto& x) {
      if (excess == 0 || x.configured || (dead && !x.failed))
        return false;
      --excess;
      return true;
    });
}

void server_list::failed(const std::string& address) {
  if (auto* found = find(address))
    found->failed = true;
}

void server_list::answered(const std::string& address) {
  if (auto* found = find(address))
    found->failed = false;
}

void server_list::asked(const std::string& address) {
  if (const auto* found = find(address))
    cursor_ = static_cast<std::size_t>(found - servers_.data()) + 1;
}

std::vector<std::string> server_list::next_round() const {
  std::vector<std::string> round;
  round.reserve(servers_.size());
  for (const auto failed : {false, true})
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      const auto& x = servers_[(cursor_ + i) % servers_.size()];
      if (x.failed == failed)
        round.push_back(x.address);
    }
  return round;
}

server_list::server* server_list::find(const std::string& address) {
  const auto found
    = std::find_if(servers_.begin(), servers_.end(),
                   [&](const auto& x) { return x.address == address; });
  return found == servers_.end() ? nullptr : &*found;
}

} // namespace dfs::core
