#include "core/chunks/torn_links.hpp"

#include <algorithm>

namespace dfs::core {

void torn_links::note(server_index a, server_index b, instant now) {
  if (until_.size() >= pairs_max)
    std::erase_if(until_, [now](const auto& x) { return x.second <= now; });
  if (a == b || until_.size() >= pairs_max)
    return;
  until_[std::minmax(a, b)] = now + memory;
}

void torn_links::mended(server_index a, server_index b) {
  until_.erase(std::minmax(a, b));
}

bool torn_links::torn(server_index a, server_index b, instant now) const {
  const auto it = until_.find(std::minmax(a, b));
  return it != until_.end() && now < it->second;
}

std::size_t torn_links::count(server_index of,
                              const std::vector<server_index>& others,
                              instant now) const {
  return static_cast<std::size_t>(
    std::count_if(others.begin(), others.end(),
                  [&](server_index i) { return torn(of, i, now); }));
}

std::vector<std::pair<server_index, server_index>>
torn_links::among(const std::vector<server_index>& servers, instant now) const {
  const auto in = [&](server_index i) {
    return std::find(servers.begin(), servers.end(), i) != servers.end();
  };
  std::vector<pair> found;
  for (const auto& [ends, until] : until_)
    if (now < until && in(ends.first) && in(ends.second))
      found.push_back(ends);
  return found;
}

} // namespace dfs::core
