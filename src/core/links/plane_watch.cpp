#include "core/links/plane_watch.hpp"

#include <fmt/format.h>

namespace dfs::core {

namespace {

// A text has an end: so many are named.
constexpr std::size_t named_max = 4;

} // namespace

void plane_watch::note(lacks& all,
                       const std::map<endpoint, std::string>& lacking,
                       instant now) {
  std::erase_if(all, [&](auto& x) { return !lacking.contains(x.first); });
  for (const auto& [address, name] : lacking)
    all.try_emplace(address, lack{name, now});
}

void plane_watch::look(const known_members& group,
                       const std::vector<msg::link_status>& links,
                       instant now) {
  std::map<endpoint, std::string> linked;
  for (const auto& x : links)
    if (!x.outgoing && x.state == msg::link_state::up)
      linked.emplace(x.peer.address(), x.name);
  // Lives change; a member is its address here.
  std::map<endpoint, std::string> listed;
  std::map<endpoint, std::string> unlinked;
  if (group.self() == nullptr)
    linked.clear(); // It is this node that is in no group.
  else
    for (const auto& [id, x] : group.all()) {
      listed.emplace(id.address(), x.name);
      if (!msg::has(x.roles, msg::role::master)
          && !linked.contains(id.address()))
        unlinked.emplace(id.address(), x.name);
    }
  std::erase_if(linked,
                [&](const auto& x) { return listed.contains(x.first); });
  note(unlisted_, linked, now);
  note(unlinked_, unlinked, now);
}

std::vector<msg::health_finding> plane_watch::findings(instant now) const {
  std::vector<msg::health_finding> found;
  const auto tell = [&](const char* code, const lacks& all,
                        std::chrono::seconds patience, const char* what) {
    std::string named;
    std::size_t count = 0;
    for (const auto& [address, x] : all) {
      if (now - x.since < patience)
        continue;
      if (++count <= named_max)
        named += fmt::format("{}{} at {}", named.empty() ? "" : ", ", x.name,
                             to_string(address));
    }
    if (count > named_max)
      named += fmt::format(" and {} more", count - named_max);
    if (count > 0)
      found.push_back({code, false, fmt::format("{}: {}", what, named)});
  };
  tell("DATAGRAMS_LOST", unlisted_, without_datagrams,
       "linked to the master, and lost to its group: UDP between them fails");
  tell("CONNECTION_LOST", unlinked_, without_link,
       "in the group, and without a link to the master: TCP between them "
       "fails");
  return found;
}

} // namespace dfs::core
