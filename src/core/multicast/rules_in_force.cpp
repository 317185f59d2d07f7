#include "core/multicast/rules_in_force.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

rules_in_force::rules_in_force(const multicast_config& own,
                               const std::optional<group_rules>& stored)
  : judge_{own},
    own_{fingerprint_of(own)},
    group_{own_} {
  const auto configured = rules_of(own);
  if (!stored || *stored == configured)
    return;
  judge_.rule = stored->rule;
  judge_.min_quorum = stored->min_quorum;
  const auto& before = stored->servers;
  judge_.servers.clear();
  std::ranges::set_union(own.servers, before,
                         std::back_inserter(judge_.servers));
  std::ranges::set_intersection(own.servers, before,
                                std::back_inserter(judge_.needed));
  auto both = own;
  both.rule = stored->rule;
  both.min_quorum = stored->min_quorum;
  both.servers = before;
  // Of those who go from the one to the other: neither of both groups.
  group_ = own_ ^ (fingerprint_of(both) * 3 + 1);
}

} // namespace dfs::core
