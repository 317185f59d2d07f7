#include "core/links/store_claims.hpp"

#include <fmt/format.h>

namespace dfs::core {

std::string to_string(const store_place& x) {
  return fmt::format("{} at {}", x.name, to_string(x.address));
}

std::string describe_claim(store_id store, const store_place& holder,
                           const store_place& refused) {
  return fmt::format(
    "store {:016x} is served by {}, and {} says that it is its own",
    store.value(), to_string(holder), to_string(refused));
}

void store_claims::refuse(store_id store, const store_place& holder,
                          const store_place& refused, instant now) {
  expire(now);
  auto known = claims_.find(store);
  if (known == claims_.end()) {
    if (claims_.size() >= claims_max)
      return;
    known = claims_.emplace(store, claim{}).first;
  }
  auto& x = known->second;
  const bool same = x.holder == holder && x.refused == refused;
  x = {store, holder, refused, now, same && x.conflict};
}

std::optional<store_claims::claim>
store_claims::heard(store_id store, instant now) {
  if (claims_.empty())
    return std::nullopt;
  expire(now);
  const auto known = claims_.find(store);
  if (known == claims_.end() || known->second.conflict)
    return std::nullopt;
  known->second.conflict = true;
  return known->second;
}

void store_claims::settle(store_id store) {
  claims_.erase(store);
}

std::vector<store_claims::claim> store_claims::conflicts(instant now) const {
  std::vector<claim> all;
  for (const auto& [store, x] : claims_)
    if (x.conflict && now < x.last + claim_life)
      all.push_back(x);
  return all;
}

void store_claims::expire(instant now) {
  std::erase_if(
    claims_, [&](const auto& x) { return now >= x.second.last + claim_life; });
}

std::vector<msg::health_finding>
find_conflicts(const std::vector<store_claims::claim>& conflicts,
               std::string_view what) {
  std::vector<msg::health_finding> found;
  for (const auto& x : conflicts)
    found.push_back(
      {"STORE_TWICE", false,
       fmt::format("two nodes with one data directory ({}): {}", what,
                   describe_claim(x.store, x.holder, x.refused))});
  return found;
}

} // namespace dfs::core
