#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <map>

namespace dfs::core {

/// Does the group that orders this server's requests get on? This server's
/// view. A group may be primary by all that is heard and yet deliver nothing:
/// its changes fail, or each ends before a place is safe. Pure; bounded by the
/// requests that are under way.
class order_watch {
public:
  /// What is reported, at one moment.
  struct ages {
    std::chrono::milliseconds oldest{0}; ///< Request under way; 0: none.
    std::chrono::milliseconds silent{0}; ///< Since a place was delivered here.
    /// The group has been between two configurations for so long; 0: it is not.
    std::chrono::milliseconds changing{0};

    bool operator==(const ages&) const = default;
  };

  /// Longer than it takes to leave out a member that is silent (0.8 s), whose
  /// disk hangs (3 s), or to make up for 30 % of all datagrams.
  static constexpr std::chrono::seconds patience{5};

  /// @param token Rises.
  void submit(std::uint64_t token, instant now);
  /// It was delivered here, or refused. Of one that is not known: no effect.
  void end(std::uint64_t token);
  /// A place was delivered, of any server.
  void deliver(instant now);
  /// The primary is lost: nothing is waited for.
  void clear();

  /// Once a second or so.
  /// @param changing As in `ages`.
  /// @returns whether the group is stuck: `is_stuck` at this look and at the
  ///          one before. A process that was paused finds all ages high once.
  bool look(std::chrono::milliseconds changing, instant now);
  /// As of the last look.
  [[nodiscard]] const ages& last() const {
    return last_;
  }

private:
  std::map<std::uint64_t, instant> submitted_;
  instant delivered_{};
  ages last_;
  bool suspicious_ = false;
};

/// Requests wait for `order_watch::patience` and none is delivered, or the
/// group has been changing for that long.
[[nodiscard]] bool is_stuck(const order_watch::ages& x);

} // namespace dfs::core
