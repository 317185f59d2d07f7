#include "admin/fileserver_health.hpp"

#include "base/counted.hpp"

#include <string>
#include <utility>

namespace dfs::admin {

namespace {

std::string names_of(const msg::fileserver_list& x,
                     std::initializer_list<msg::fileserver_phase> which) {
  std::string text;
  for (const auto& server : x.servers)
    for (const auto phase : which)
      if (server.phase == phase)
        text += (text.empty() ? "" : ", ") + server.name;
  return text;
}

} // namespace

std::vector<msg::health_finding>
fileserver_findings(const msg::fileserver_list& x) {
  using enum msg::fileserver_phase;
  std::vector<msg::health_finding> found;
  const auto add = [&](const char* code, bool error, std::string text) {
    found.push_back({code, error, std::move(text)});
  };
  if (x.groups_lost > 0)
    add("GROUPS_LOST", true,
        counted(x.groups_lost, "group")
          + " of versioned files cannot go on: too few of the file servers "
            "are left");
  if (const auto names = names_of(x, {silent, failed}); !names.empty())
    add("FILESERVER_LOST", false, "not heard of: " + names);
  if (const auto names = names_of(x, {rejoining}); !names.empty())
    add("FILESERVER_REJOINING", false,
        "back, and not yet of use for all groups: " + names);
  const auto others = x.groups - x.groups_healthy - x.groups_lost;
  if (!x.servers.empty() && x.groups > x.groups_healthy + x.groups_lost)
    add("GROUPS_DEGRADED", false,
        counted(others, "group")
          + " of versioned files without all copies, or without a primary");
  return found;
}

} // namespace dfs::admin
