#include "core/links/known_members.hpp"

#include "core/links/leading_member.hpp"

#include <vector>

namespace dfs::core {

void known_members::reset(const msg::member_list& list) {
  self_ = list.self;
  members_.clear();
  for (const auto& x : list.members)
    members_.emplace(x.id, x);
}

void known_members::apply(const msg::member_changed& change) {
  const auto& who = change.member;
  if (change.change != msg::member_change::joined) {
    members_.erase(who.id);
    return;
  }
  // The same address: a later life of this node.
  if (who.id.address() == self_.address() && who.id.start_ms > self_.start_ms)
    self_ = who.id;
  members_.insert_or_assign(who.id, who);
}

const msg::member_record* known_members::self() const {
  return find(self_);
}

const msg::member_record* known_members::find(const msg::member_id& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<msg::member_record> known_members::master() const {
  const auto* own = self();
  if (own == nullptr || msg::has(own->roles, msg::role::master))
    return std::nullopt;
  std::vector<msg::member_record> all;
  for (const auto& [id, x] : members_)
    if (msg::has(x.roles, msg::role::master))
      all.push_back(x);
  return leading_member(all);
}

} // namespace dfs::core
