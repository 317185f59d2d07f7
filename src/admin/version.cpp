#include "admin/version.hpp"

#include "settings/library_versions.hpp"

#include <CLI/Version.hpp>
#include <fmt/core.h>
#include <histedit.h>
#include <nlohmann/json.hpp>

namespace dfs::admin {

void print_version(output& out, const std::vector<library_version>& others) {
  const auto of_settings = settings::library_versions();
  record lines{{"dfsnode", DFS_VERSION}};
  for (const auto& x : others)
    lines.emplace_back(x.name, x.version);
  for (const auto& [name, version] : of_settings)
    lines.emplace_back(name, version);
  lines.emplace_back("fmt",
                     fmt::format("{}.{}.{}", FMT_VERSION / 10000,
                                 FMT_VERSION / 100 % 100, FMT_VERSION % 100));
  lines.emplace_back("CLI11", CLI11_VERSION);
  lines.emplace_back("libedit",
                     fmt::format("{}.{}", LIBEDIT_MAJOR, LIBEDIT_MINOR));
  lines.emplace_back("nlohmann-json",
                     fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                 NLOHMANN_JSON_VERSION_MINOR,
                                 NLOHMANN_JSON_VERSION_PATCH));
  out.print(lines);
}

} // namespace dfs::admin
