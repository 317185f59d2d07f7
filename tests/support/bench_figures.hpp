#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <sys/resource.h>

// What the drivers of ./dev bench chunks share: they print lines of
// `name value unit`, which tests/bench/chunks/figures.py reads.

namespace dfs::bench {

using bench_clock = std::chrono::steady_clock;

/// Ends the program with status 1: a measurement that went wrong is none.
[[noreturn]] inline void fail(std::string_view what, int error = errno) {
  std::fflush(stdout);
  fmt::print(stderr, "bench: {}{}{}\n", what, error == 0 ? "" : ": ",
             error == 0 ? "" : std::strerror(error));
  std::_Exit(1);
}

inline void
print_figure(std::string_view name, double value, std::string_view unit) {
  fmt::print("{} {:.6g} {}\n", name, value, unit);
  std::fflush(stdout);
}

[[nodiscard]] inline double seconds_since(bench_clock::time_point began) {
  return std::chrono::duration<double>{bench_clock::now() - began}.count();
}

/// Processor time of this process and of children that were waited for.
[[nodiscard]] inline double cpu_seconds() {
  double all = 0;
  for (const int whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(whose, &used);
    for (const auto& x : {used.ru_utime, used.ru_stime})
      all += static_cast<double>(x.tv_sec)
             + static_cast<double>(x.tv_usec) * 1e-6;
  }
  return all;
}

/// Nearest rank. @pre `values` is not empty, `share` is from 0 to 1.
[[nodiscard]] inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto at
    = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  return values[at];
}

} // namespace dfs::bench
