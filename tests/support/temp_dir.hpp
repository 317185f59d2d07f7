#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace dfs::test {

/// Where files cost no disk, for tests that are not about disks.
inline std::filesystem::path memory_directory_path() {
  const std::filesystem::path memory{"/dev/shm"};
  std::error_code ignored;
  return std::filesystem::is_directory(memory, ignored)
           ? memory
           : std::filesystem::temp_directory_path();
}

/// A new directory that goes with this object.
class temp_dir {
public:
  explicit temp_dir(const std::filesystem::path& parent
                    = std::filesystem::temp_directory_path()) {
    auto name = (parent / "dfs-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr)
      path_ = name;
  }

  temp_dir(const temp_dir&) = delete;

  ~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string{name};
  }

  [[nodiscard]] const std::string& path() const {
    return path_;
  }

  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view text) const {
    auto place = *this / name;
    std::ofstream{place, std::ios::binary} << text;
    return place;
  }

  [[nodiscard]] static std::string read(const std::string& place) {
    std::ostringstream text;
    text << std::ifstream{place, std::ios::binary}.rdbuf();
    return text.str();
  }

  /// How many names are in it, at any depth.
  [[nodiscard]] std::size_t count() const {
    std::size_t names = 0;
    for ([[maybe_unused]] const auto& each :
         std::filesystem::recursive_directory_iterator{path_})
      ++names;
    return names;
  }

private:
  std::string path_;
};

} // namespace dfs::test
