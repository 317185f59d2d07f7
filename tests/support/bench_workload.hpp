#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dfs::bench {

/// What ./dev bench chunks has done to every file system alike: so their
/// figures can stand side by side.
struct file_workload {
  std::string dir;               ///< Where; made if it is missing.
  std::uint64_t size_mib = 1024; ///< Of the large file.
  std::size_t files = 5'000;
  std::size_t file_size = 1024; ///< Bytes.
  std::size_t clients = 1;
  std::size_t records = 1'000;
  std::size_t record_size = 100; ///< Bytes, at least 16.
  std::uint64_t seed = 1;
};

} // namespace dfs::bench
