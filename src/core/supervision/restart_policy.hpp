#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <variant>

namespace dfs::core {

/// What a process ends with when it gives up on a subsystem: EX_SOFTWARE of
/// sysexits.h, none of a command's (SPEC S7). A service manager restarts it.
inline constexpr int subsystem_failure_status = 70;

struct restart_config {
  std::uint32_t restarts_max = 5; ///< In any `window`; 0 never restarts.
  std::chrono::milliseconds window{60'000};
  std::chrono::milliseconds backoff_first{100};
  std::chrono::milliseconds backoff_max{5'000};
  int status = subsystem_failure_status;
  /// The process ends with it. Otherwise nothing is lost with it that others
  /// need, and it is restarted for ever.
  bool essential = true;
};

/// Spawn it again, so much later: what broke it may pass.
struct restart_after {
  std::chrono::milliseconds delay{0};

  bool operator==(const restart_after&) const = default;
};

/// End the process with `status`.
struct give_up {
  int status = subsystem_failure_status;

  bool operator==(const give_up&) const = default;
};

using restart_decision = std::variant<restart_after, give_up>;

/// Whether a subsystem that ended is started again. One per subsystem.
/// A broken invariant never comes here: it has aborted the process.
///
///  I1  In any time of length `window` there are at most `restarts_max`
///      restarts.
///  I2  The n-th restart within `window` waits backoff_first * 2^(n-1), at most
///      `backoff_max`.
///  I3  Once given up is given up for ever.
///  I4  Nothing that is not essential is given up: its next restart waits for
///  I1.
class restart_policy {
public:
  /// @pre 0 < backoff_first <= backoff_max, window > 0, status is not 0.
  explicit restart_policy(restart_config config);

  /// The subsystem has ended without being told to.
  /// @pre `now` never goes back.
  [[nodiscard]] restart_decision on_end(instant now);

private:
  restart_config config_;
  std::deque<instant> restarts_; ///< Those of the last `window`; bounded by I1.
  bool given_up_ = false;
};

} // namespace dfs::core
