#include "base/utc_time.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace dfs {

std::string utc_text(unix_milliseconds x) {
  // Not `std::chrono::floor`: it overflows at the earliest of all stamps, and
  // those of other nodes may be anything.
  const auto stamp = x.time_since_epoch().count();
  std::time_t whole = stamp / 1'000;
  auto rest = stamp % 1'000;
  if (rest < 0) {
    rest += 1'000;
    --whole;
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), rest);
}

} // namespace dfs
