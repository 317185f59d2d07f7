#include "actors/door_statistics.hpp"

#include "base/error.hpp"

namespace dfs::actors {

void door_statistics::count(std::string_view method, std::uint8_t status) {
  const std::lock_guard guard{mutex_};
  ++counts_[{method, status}];
}

std::vector<door_count> door_statistics::snapshot() const {
  const std::lock_guard guard{mutex_};
  std::vector<door_count> all;
  for (const auto& [what, count] : counts_)
    all.push_back(
      {std::string{what.first},
       std::string{what.second == 0 ? "ok" : to_string(ec{what.second})},
       count});
  return all;
}

} // namespace dfs::actors
