#include "base/time.hpp"

#include <ctime>

namespace dfs {

boot_instant boottime_now() noexcept {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return boot_instant{std::chrono::seconds{at.tv_sec}
                      + std::chrono::nanoseconds{at.tv_nsec}};
}

} // namespace dfs
