#pragma once

#include "support/sanitizer.hpp"

#include <cstddef>
#include <fstream>

#include <unistd.h>

namespace dfs::test {

/// Bytes of this process that are in memory.
inline std::size_t resident_memory() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// What has come to `resident_memory` since it was `before`; 0 if it shrank,
/// and where a sanitizer keeps back what has been freed.
inline std::size_t grown_since(std::size_t before) {
  if (address_sanitized)
    return 0;
  const auto now = resident_memory();
  return now > before ? now - before : 0;
}

} // namespace dfs::test
