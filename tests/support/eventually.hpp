#pragma once

#include <poll.h>

#include <chrono>

namespace dfs::test {

/// Whether `condition` comes true within `limit`; looks every 5 ms. For what
/// another thread or process does: anything else has virtual time.
template <class Condition>
[[nodiscard]] bool
eventually(Condition condition,
           std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  constexpr auto step = std::chrono::milliseconds{5};
  for (auto waited = std::chrono::milliseconds{0}; waited < limit;
       waited += step) {
    if (condition())
      return true;
    ::poll(nullptr, 0, static_cast<int>(step.count()));
  }
  return condition();
}

} // namespace dfs::test
