#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace dfs::test {

/// The text of tests/golden/NAME, from wherever below the repository a test is
/// run.
inline std::string golden(const std::string& name) {
  for (auto place = std::filesystem::current_path();;
       place = place.parent_path()) {
    std::ifstream file{place / "tests" / "golden" / name};
    if (file)
      return std::string{std::istreambuf_iterator<char>{file},
                         std::istreambuf_iterator<char>{}};
    if (place == place.root_path())
      throw std::runtime_error{"there is no tests/golden/" + name};
  }
}

} // namespace dfs::test
