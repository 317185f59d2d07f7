#include "roles/versions.hpp"

#include <caf/config.hpp>

#include <spdlog/version.h>

#include <string>

namespace dfs::roles {

std::vector<admin::library_version> linked_libraries() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "."
           + std::to_string(patch);
  };
  return {
    {"CAF",
     dotted(CAF_VERSION / 10'000, CAF_VERSION / 100 % 100, CAF_VERSION % 100)},
    {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
  };
}

} // namespace dfs::roles
