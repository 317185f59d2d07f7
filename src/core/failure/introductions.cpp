#include "core/failure/introductions.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

void introductions::begin(const group_state& group,
                          std::vector<endpoint> introducers, bool may_found,
                          instant now) {
  std::erase(introducers, group.self.id.address());
  if (introducers.size() > introducers_max)
    introducers.resize(introducers_max);
  introducers_ = std::move(introducers);
  may_found_ = may_found;
  began_ = now;
  next_try_ = now;
  pause_ = group.config.join_retry_first;
}

void introductions::tick(group_state& group, instant now) {
  if (now < next_try_)
    return;
  for (const auto& address : introducers_)
    ask(group, address);
  next_try_ = now + pause_;
  pause_ = std::min(2 * pause_, group.config.join_retry_max);
}

bool introductions::founds(const group_state& group, instant now) const {
  return may_found_
         && (introducers_.empty() || now >= began_ + group.config.found_after);
}

std::optional<instant>
introductions::next_deadline(const group_state& group) const {
  return may_found_ ? std::min(next_try_, began_ + group.config.found_after)
                    : next_try_;
}

void introductions::ask(group_state& group, const endpoint& address) const {
  group.send_to(address,
                msg::gossip_introduction{msg::introduction_kind::join,
                                         group.self, group.table.digest()});
}

void introductions::look_for_strangers(group_state& group) {
  greet_introducers(group);
  // In alternation with the random probe of a member, which is the caller's.
  retired_turn_ = !retired_turn_;
  if (retired_turn_)
    greet_retired(group);
}

void introductions::greet(group_state& group, const endpoint& address) const {
  group.send_to(address,
                msg::gossip_introduction{msg::introduction_kind::hello,
                                         group.self, group.table.digest()});
}

void introductions::greet_introducers(group_state& group) const {
  // An introducer always does; the others share, so that the load on an
  // introducer that comes back does not grow with the group.
  const auto share = msg::has(group.self.roles, msg::role::introducer)
                       ? 1
                       : group.table.size() / hellos_per_second + 1;
  for (const auto& address : introducers_)
    if (group.table.find_at(address) == nullptr && group.random.one_in(share))
      greet(group, address);
}

void introductions::greet_retired(group_state& group) {
  const auto& stones = group.table.tombstones();
  if (stones.empty()
      || !group.random.one_in(
        group.table.size() / (hellos_per_second * stones.size()) + 1))
    return;
  auto it = stones.begin();
  std::advance(it,
               static_cast<std::ptrdiff_t>(group.random.below(stones.size())));
  if (it->second.change == msg::member_change::failed
      && group.table.find_at(it->first) == nullptr
      && it->first != group.self.id.address())
    greet(group, it->first);
}

} // namespace dfs::core
