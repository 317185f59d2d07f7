#include "core/failure/introductions.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

void introductions::begin(const group_state& group,
                          std::vector<endpoint> introducers, bool may_found,
                          std::vector<known_address> known, instant now) {
  std::erase_if(known, [&](const known_address& x) {
    return x.where == group.self.id.address();
  });
  known_ = std::move(known);
  next_known_ = 0;
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
  for (std::size_t i = std::min(known_at_once, known_.size()); i > 0; --i)
    ask(group, known_[next_known_++ % known_.size()].where);
  next_try_ = now + pause_;
  pause_ = std::min(2 * pause_, group.config.join_retry_max);
}

bool introductions::founds(const group_state& group, instant now) const {
  return may_found_
         && ((introducers_.empty() && known_.empty())
             || now >= founds_at(group));
}

instant introductions::founds_at(const group_state& group) const {
  const auto alone = began_ + group.config.found_after;
  return refused_ ? std::max(alone, *refused_ + group.config.found_refused)
                  : alone;
}

void introductions::arrived(group_state& group, instant now) {
  group.book.remember(std::exchange(known_, {}), now);
}

std::optional<instant>
introductions::next_deadline(const group_state& group) const {
  return may_found_ ? std::min(next_try_, founds_at(group)) : next_try_;
}

void introductions::ask(group_state& group, const endpoint& address) const {
  group.introduce(address, msg::introduction_kind::join, 0);
}

void introductions::look_for_strangers(group_state& group, instant now) {
  group.book.expire(now);
  greet_introducers(group);
  greet_lost(group);
}

void introductions::greet_introducers(group_state& group) const {
  // An introducer always does; the others share, so that the load on an
  // introducer that comes back does not grow with the group.
  const auto share = msg::has(group.self.roles, msg::role::introducer)
                       ? 1
                       : group.table.size() / hellos_per_second + 1;
  for (const auto& address : introducers_)
    if (group.table.find_at(address) == nullptr && group.random.one_in(share))
      group.introduce(address, msg::introduction_kind::hello);
}

void introductions::greet_lost(group_state& group) {
  if (!group.random.one_in(
        group.table.size()
          / (hellos_per_second * std::max<std::size_t>(group.book.size(), 1))
        + 1))
    return;
  const auto address = group.book.any(group.random);
  if (address && group.table.find_at(*address) == nullptr)
    group.introduce(*address, msg::introduction_kind::hello);
}

} // namespace dfs::core
