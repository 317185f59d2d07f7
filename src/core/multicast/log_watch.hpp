#pragma once

#include "base/time.hpp"

#include <chrono>

namespace dfs::core {

/// Does this server's log get on? A disk that hangs fails no write and ends
/// none, and the process that waits for it is heard as before. This server's
/// view; time in which the process itself did not run says nothing.
class log_watch {
public:
  /// @param overdue A write waits so long without any being done: it hangs.
  /// @param wary    After that it has to work for so long.
  log_watch(std::chrono::milliseconds overdue, std::chrono::milliseconds wary)
    : bound_{overdue},
      wary_{wary} {
    // nop
  }

  /// Something was given to the disk.
  void begins(instant now);
  /// Something is durable. @param all Nothing is under way any more.
  void moves(bool all, instant now);
  /// Regularly, several times a second.
  void look(instant now);

  /// It hangs, as `look` saw it.
  [[nodiscard]] bool hangs() const {
    return hangs_;
  }
  /// It hangs, or did a short while ago.
  [[nodiscard]] bool ails() const {
    return ails_;
  }

private:
  std::chrono::milliseconds bound_;
  std::chrono::milliseconds wary_;
  bool waits_ = false;
  bool hangs_ = false;
  bool ails_ = false;
  instant since_{}; ///< It waits without any progress.
  instant looked_{};
  instant hung_{}; ///< For the last time.
};

} // namespace dfs::core
