#include "admin/fileserver_health.hpp"

#include "base/counted.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

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

std::string full_ones(const msg::fileserver_list& x) {
  std::string text;
  for (const auto& server : x.servers)
    if (server.full)
      text += (text.empty() ? "" : ", ") + server.name;
  return text;
}

bool is_low(std::uint64_t total, std::uint64_t free) {
  return total != 0 && free * 100 < total * 10;
}

/// Its volumes together, and each other disk.
std::vector<std::string> low_places(const msg::fileserver_status& x) {
  std::vector<std::string> places;
  if (!x.full && is_low(x.total_bytes, x.free_bytes))
    places.emplace_back(" for versions");
  for (const auto& disk : x.disks)
    if (is_low(disk.total_bytes, disk.free_bytes))
      places.push_back(" at " + disk.path);
  return places;
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
  if (const auto names = full_ones(x); !names.empty())
    add("SPACE_LOW", false,
        "no room for versions, puts of their groups are refused where others "
        "have none either: "
          + names);
  for (const auto& server : x.servers)
    for (const auto& place : low_places(server))
      add("SPACE_LOW", false, server.name + " has less than 10 % free" + place);
  const auto others = x.groups - x.groups_healthy - x.groups_lost;
  if (!x.servers.empty() && x.groups > x.groups_healthy + x.groups_lost)
    add("GROUPS_DEGRADED", false,
        counted(others, "group")
          + " of versioned files without all copies, or without a primary");
  return found;
}

} // namespace dfs::admin
