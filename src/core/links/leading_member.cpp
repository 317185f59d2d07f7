#include "core/links/leading_member.hpp"

#include <map>

namespace dfs::core {

bool is_master_rather_than(const msg::member_record& x,
                           const msg::member_record& y) {
  if (x.id.address() == y.id.address())
    return x.id.start_ms > y.id.start_ms;
  return x.term > y.term;
}

std::optional<msg::member_record>
leading_member(const std::vector<msg::member_record>& members) {
  std::map<endpoint, const msg::member_record*> lives;
  for (const auto& x : members) {
    if (!msg::has(x.roles, msg::role::master))
      continue;
    auto& last = lives[x.id.address()];
    if (last == nullptr || is_master_rather_than(x, *last))
      last = &x;
  }
  const msg::member_record* first = nullptr;
  for (const auto& [address, x] : lives)
    if (first == nullptr || is_master_rather_than(*x, *first))
      first = x;
  return first == nullptr ? std::nullopt : std::optional{*first};
}

} // namespace dfs::core
