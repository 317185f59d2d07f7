#pragma once

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

} // namespace dfs::test
