#include "core/versions/quorum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

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

result<msg::quorum_rule> parse_quorum(std::string_view text) {
  std::uint8_t given[3] = {};
  std::size_t count = 0;
  for (const char* at = text.data(); count < 3;) {
    const auto* end = text.data() + text.size();
    const auto [next, wrong] = std::from_chars(at, end, given[count]);
    ++count;
    if (wrong != std::errc{} || (next != end && (*next != ':' || count == 3)))
      return fail(
        ec::invalid_argument,
        fmt::format("'{}' is no N, N:W or N:W:R, such as 5:3:3", text));
    if (next == end)
      break;
    at = next + 1;
  }
  msg::quorum_rule rule{given[0], given[1], given[2]};
  if (count < 2)
    rule.write = static_cast<std::uint8_t>(rule.copies / 2 + 1);
  if (count < 3)
    rule.read = static_cast<std::uint8_t>(
      rule.write <= rule.copies ? rule.copies - rule.write + 1 : 1);
  if (auto good = check_quorum(rule); !good)
    return good.error();
  return rule;
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
