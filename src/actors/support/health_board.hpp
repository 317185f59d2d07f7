#pragma once

#include "actors/support/actor_registry.hpp"
#include "base/time.hpp"
#include "messages/health.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dfs::actors {

/// What is well in this process and what is not. Written by the supervisor and
/// by roles, read by /livez, /readyz and the console; thread-safe, so that it
/// answers while every actor is stuck. Times are of the actor system's clock.
///
/// Live: the supervisor's handler has run of late, so scheduler and clock work.
/// Ready: live, and every check that was ever set has passed, and there is one.
class health_board {
public:
  /// The supervisor is alive.
  void heartbeat(instant now);

  /// @param reason Why not, for people; ignored if passed.
  void set(std::string_view name, bool passed, std::string_view reason = {});

  /// The check passes all the same. @param remark What a person should look at;
  ///   may be empty.
  void pass(std::string_view name, std::string_view remark);

  /// From now on reports tell of subsystems that get no further, too: the check
  /// "subsystems", with a remark at first, and failed after `silence_max`.
  /// @param all Outlives the board's readers.
  void watch(const actor_registry& all);

  /// The same of what waits for a disk in a thread of its own, with a remark.
  /// @param stuck_for Thread-safe; outlives the board's readers.
  void
  watch(std::string name, std::function<std::chrono::nanoseconds()> stuck_for);

  /// Checks by name.
  [[nodiscard]] msg::health_report report(instant now) const;

  /// Of its heartbeats the supervisor may miss some: a loaded machine is no
  /// reason to be restarted.
  static constexpr auto silence_max = std::chrono::seconds{5};
  /// A message that takes so long is told of: no handler should wait for a
  /// disk.
  static constexpr auto stuck_told = std::chrono::milliseconds{1'500};

private:
  void put(std::string_view name, bool passed, std::string_view reason);

  mutable std::mutex guard_;
  instant last_heartbeat_;
  bool beaten_ = false;
  std::map<std::string, msg::health_check, std::less<>> checks_;
  const actor_registry* subsystems_ = nullptr;
  std::map<std::string, std::function<std::chrono::nanoseconds()>> disks_;
};

} // namespace dfs::actors
