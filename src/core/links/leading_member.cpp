#include "core/links/leading_member.hpp"

#include <algorithm>
#include <map>

namespace dfs::core {

std::optional<msg::member_record>
leading_member(const std::vector<msg::member_record>& members,
               const leadership& known) {
  std::map<endpoint, const msg::member_record*> lives;
  for (const auto& x : members) {
    if (!msg::has(x.roles, msg::role::master))
      continue;
    if (known.term != master_term{} && x.id == known.who)
      return x;
    auto& last = lives[x.id.address()];
    if (last == nullptr || last->id.start_ms < x.id.start_ms)
      last = &x;
  }
  const auto first
    = std::min_element(lives.begin(), lives.end(), [](auto& a, auto& b) {
        return a.second->id.start_ms < b.second->id.start_ms;
      });
  if (first == lives.end())
    return std::nullopt;
  return *first->second;
}

} // namespace dfs::core
