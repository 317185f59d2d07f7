#include "core/multicast/reach.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <bit>
#include <tuple>

namespace dfs::core {

namespace {

using mask = std::uint32_t;

constexpr mask bit(std::size_t i) {
  return mask{1} << i;
}

bool hears(const reach_node& a, server_id b) {
  return std::find(a.heard.begin(), a.heard.end(), b) != a.heard.end();
}

// Bron and Kerbosch (CACM 1973) with a pivot: all maximal cliques.
void cliques(const std::vector<mask>& edges, mask in, mask open, mask done,
             std::vector<mask>& out) {
  if (open == 0 && done == 0) {
    out.push_back(in);
    return;
  }
  const auto pivot
    = static_cast<std::size_t>(std::countr_zero(open != 0 ? open : done));
  for (mask rest = open & ~edges[pivot]; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(rest));
    cliques(edges, in | bit(i), open & edges[i], done & edges[i], out);
    open &= ~bit(i);
    done |= bit(i);
  }
}

class partition {
public:
  partition(const multicast_config& config, std::vector<reach_node> nodes)
    : config_{config},
      nodes_{std::move(nodes)},
      edges_(nodes_.size()) {
    std::sort(nodes_.begin(), nodes_.end(), [](const auto& a, const auto& b) {
      return a.standing.who.server < b.standing.who.server;
    });
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (std::size_t j = 0; j < nodes_.size(); ++j)
        if (i != j && hears(nodes_[i], nodes_[j].standing.who.server)
            && hears(nodes_[j], nodes_[i].standing.who.server))
          edges_[i] |= bit(j);
  }

  reach_component find(server_id self) const {
    mask left = bit(nodes_.size()) - 1;
    while (left != 0) {
      const auto [servers, choice] = best(left);
      left &= ~servers;
      reach_component found;
      for (const auto& x : standings_of(servers))
        found.servers.push_back(x.who.server);
      if (!std::binary_search(found.servers.begin(), found.servers.end(), self))
        continue;
      found.leader = choice.members.empty() ? found.servers.back()
                                            : choice.members.back().server;
      found.choice = choice;
      return found;
    }
    DFS_ASSERT(!"self is among the nodes");
    return {};
  }

private:
  using found = std::pair<mask, primary_choice>;

  found best(mask among) const {
    std::vector<mask> all;
    std::vector<mask> edges = edges_;
    for (auto& x : edges)
      x &= among;
    cliques(edges, 0, among, 0, all);
    found result{0, {}};
    for (const auto x : all) {
      found next{x, choose_primary(config_, standings_of(x))};
      if (result.first == 0 || rank(next) > rank(result))
        result = std::move(next);
    }
    return result;
  }

  std::vector<msg::member_standing> standings_of(mask servers) const {
    std::vector<msg::member_standing> all;
    for (mask rest = servers; rest != 0; rest &= rest - 1)
      all.push_back(
        nodes_[static_cast<std::size_t>(std::countr_zero(rest))].standing);
    return all;
  }

  using ranked = std::tuple<bool, std::size_t, bool, mask>;

  static ranked rank(const found& x) {
    const auto& c = x.second;
    return {c.verdict == primary_verdict::primary,
            c.verdict == primary_verdict::primary
              ? c.members.size()
              : static_cast<std::size_t>(std::popcount(x.first)),
            c.members == c.last.members, x.first};
  }

  const multicast_config& config_;
  std::vector<reach_node> nodes_;
  std::vector<mask> edges_;
};

} // namespace

reach_component component_of(const multicast_config& config, server_id self,
                             const std::vector<reach_node>& nodes) {
  DFS_ASSERT(nodes.size() <= msg::group_servers_max);
  return partition{config, nodes}.find(self);
}

} // namespace dfs::core
