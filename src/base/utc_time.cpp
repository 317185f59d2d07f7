#include "base/utc_time.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace dfs {

std::string utc_text(unix_milliseconds x) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(x);
  const std::time_t whole = seconds.time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole),
                     (x - seconds).count());
}

} // namespace dfs
