#include "core/groups/version_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

// File servers that never come back.

namespace dfs::core {

result<msg::fileserver_forgotten>
version_directory::forget(const msg::forget_fileserver& x, instant now) {
  std::vector<store_id> gone;
  bool lives = false;
  for (const auto& [store, server] : servers_) {
    if (server.row.name != x.server
        && fmt::format("{:016x}", store.value()) != x.server)
      continue;
    if (usable(store, now))
      lives = true;
    else
      gone.push_back(store);
  }
  if (gone.empty())
    return lives ? fail(ec::exists,
                        x.server
                          + " lives: only a server that has gone can be "
                            "forgotten")
                 : fail(ec::not_found,
                        fmt::format("no file server is called '{}', or it is "
                                    "forgotten; `dfsnode status` lists them",
                                    x.server));
  // A group that counts on it gets another server, or is forced to do without.
  for (const auto store : gone) {
    const auto needed
      = std::count_if(groups_.begin(), groups_.end(), [&](const auto& group) {
          const auto& [id, entry] = group;
          const auto repair = repairs_.find(store);
          return of_set(entry.in_force, store)
                 || (entry.change && of_set(entry.change->to(), store))
                 || (repair != repairs_.end()
                     && repair->second.open.contains(id));
        });
    if (needed != 0)
      return fail(ec::not_empty,
                  fmt::format("{} of file server {} have no other server in "
                              "its place yet; `dfsnode groups` lists them",
                              needed == 1 ? "one group"
                                          : fmt::format("{} groups", needed),
                              servers_.at(store).row.name));
  }
  const msg::fileserver_forgotten answer{servers_.at(gone.front()).row.name,
                                         gone.front()};
  for (const auto store : gone) {
    say(note::server_forgotten, {}, store, servers_.at(store).row.name);
    servers_.erase(store);
    repairs_.erase(store);
    for (auto& [group, entry] : groups_)
      entry.rejoining.erase(store);
    out_.push_back(remove_fileserver{store});
  }
  revision_ = next_number();
  return answer;
}

} // namespace dfs::core
