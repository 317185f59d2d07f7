#pragma once

#include "core/supervision/method_quarantine.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace dfs::actors {

/// The quarantine of a node's methods. It outlives its front door, and by what
/// `keep` writes down the process: a handler of some subsystems ends it when it
/// throws. Any thread.
class kept_quarantine {
public:
  using keep_function
    = std::function<void(std::vector<core::method_quarantine::record>)>;

  /// @param keep Has them written down, soon; it must not wait. May be empty.
  explicit kept_quarantine(core::method_quarantine known = {},
                           keep_function keep = {})
    : methods_{std::move(known)},
      keep_{std::move(keep)} {
    // nop
  }

  /// As of `core::method_quarantine`.
  bool threw(std::uint16_t method, instant now) {
    std::vector<core::method_quarantine::record> records;
    bool refused = false;
    {
      const std::lock_guard lock{guard_};
      refused = methods_.threw(method, now);
      records = methods_.records(now);
    }
    if (keep_)
      keep_(std::move(records));
    return refused;
  }

  [[nodiscard]] bool refuses(std::uint16_t method, instant now) const {
    const std::lock_guard lock{guard_};
    return methods_.refuses(method, now);
  }

private:
  mutable std::mutex guard_; ///< Of `methods_`.
  core::method_quarantine methods_;
  keep_function keep_;
};

} // namespace dfs::actors
