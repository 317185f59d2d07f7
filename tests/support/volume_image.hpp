#pragma once

#include "base/assert.hpp"
#include "support/sim/disk.hpp"

#include <map>
#include <string>

namespace dfs::test {

/// The files of a volume on a simulated disk, to be damaged and put back.
class volume_image {
public:
  explicit volume_image(sim::disk& disk, std::string root = "/volume")
    : disk_{disk},
      root_{std::move(root)} {
    collect(root_, files_);
  }

  /// Whatever has become of the volume: it is again as it was.
  void restore() {
    std::map<std::string, std::string> now;
    collect(root_, now);
    for (const auto& [path, ignored] : now) {
      if (!files_.contains(path))
        DFS_ASSERT(disk_.remove(path));
    }
    for (const auto& [path, bytes] : files_)
      put(path, bytes);
  }

  void put(const std::string& path, const std::string& bytes) {
    const auto file = disk_.open(path, true);
    DFS_ASSERT(file && disk_.truncate(file.value, 0)
               && disk_.write(file.value, 0, bytes));
    disk_.close(file.value);
  }

  [[nodiscard]] const std::map<std::string, std::string>& files() const {
    return files_;
  }
  [[nodiscard]] std::string now(const std::string& path) {
    auto bytes = disk_.read_file(path);
    return bytes ? bytes.value : "";
  }

private:
  void
  collect(const std::string& path, std::map<std::string, std::string>& to) {
    const auto names = disk_.list(path);
    if (!names)
      return;
    for (const auto& name : names.value) {
      const auto below = path + "/" + name;
      if (disk_.list(below))
        collect(below, to);
      else
        to[below] = disk_.read_file(below).value;
    }
  }

  sim::disk& disk_;
  std::string root_;
  std::map<std::string, std::string> files_;
};

} // namespace dfs::test
