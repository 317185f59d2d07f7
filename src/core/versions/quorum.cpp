#include "core/versions/quorum.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::core {

msg::quorum_rule default_quorum(std::uint8_t copies) {
  DFS_ASSERT(copies >= 1 && copies <= copies_max);
  const auto write = static_cast<std::uint8_t>(copies / 2 + 1);
  return {copies, write, static_cast<std::uint8_t>(copies - write + 1)};
}

result<nothing> check_quorum(const msg::quorum_rule& rule) {
  const int n = rule.copies;
  const int w = rule.write;
  const int r = rule.read;
  if (n < 1 || n > copies_max)
    return fail(ec::invalid_argument,
                fmt::format("N = {} copies, allowed are 1 to {}", n,
                            static_cast<int>(copies_max)));
  if (w < 1 || w > n)
    return fail(ec::invalid_argument,
                fmt::format("W = {} of {} copies, allowed are {} to {}", w, n,
                            n / 2 + 1, n));
  if (r < 1 || r > n)
    return fail(ec::invalid_argument,
                fmt::format("R = {} of {} copies, allowed are {} to {}", r, n,
                            n - w + 1, n));
  if (2 * w <= n)
    return fail(ec::invalid_argument,
                fmt::format("2 W > N is broken: W = {}, N = {}; W has to be "
                            "{} at least",
                            w, n, n / 2 + 1));
  if (w + r <= n)
    return fail(ec::invalid_argument,
                fmt::format("W + R > N is broken: W = {}, R = {}, N = {}; with "
                            "this W, R has to be {} at least",
                            w, r, n, n - w + 1));
  return done;
}

std::uint8_t promise_quorum(const msg::quorum_rule& rule) {
  return static_cast<std::uint8_t>(rule.copies - rule.write + 1);
}

std::uint8_t seal_quorum(const msg::quorum_rule& rule) {
  const int n = rule.copies;
  return static_cast<std::uint8_t>(std::max(
    {int{rule.write}, n - int{rule.write} + 1, n - int{rule.read} + 1}));
}

} // namespace dfs::core
