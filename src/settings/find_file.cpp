#include "settings/find_file.hpp"

#include <unistd.h>

namespace dfs::settings {

namespace {

constexpr auto system_file = "/etc/dfsnode/client.toml";

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

} // namespace

std::optional<std::string>
variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& line : environment)
    if (line.size() > name.size() && line[name.size()] == '='
        && line.compare(0, name.size(), name) == 0)
      return line.substr(name.size() + 1);
  return std::nullopt;
}

std::string find_server_file(const std::string& flag,
                             const std::vector<std::string>& environment) {
  return flag.empty() ? variable(environment, "DFSNODE_CONFIG").value_or("")
                      : flag;
}

std::string find_client_file(const std::string& flag,
                             const std::vector<std::string>& environment) {
  if (auto named = find_server_file(flag, environment); !named.empty())
    return named;
  std::vector<std::string> places;
  if (auto home = variable(environment, "XDG_CONFIG_HOME"); home)
    places.push_back(*home + "/dfsnode/config.toml");
  if (auto home = variable(environment, "HOME"); home)
    places.push_back(*home + "/.config/dfsnode/config.toml");
  places.emplace_back(system_file);
  for (const auto& place : places)
    if (exists(place))
      return place;
  return {};
}

} // namespace dfs::settings
