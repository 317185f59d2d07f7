#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

// Who gives way when a limit is reached. Decisions only: no sockets, no clock.
// docs/protocols/front_door.md, "Shares".

namespace dfs::net {

/// Of something of which all principals together have so many: requests in
/// work, subscriptions.
struct share_limits {
  std::size_t all_max = 0;
  std::size_t mine_max = 0; ///< Of one principal.
};

/// Who holds fewer than this takes any place that is free.
inline constexpr std::size_t share_floor = 16;

/// Whether a principal that holds `mine` of `all` may have one more. Above the
/// floor it must leave more free than it holds itself: k greedy principals
/// leave a part of k + 1 to those who come later.
[[nodiscard]] bool
may_take(const share_limits& limits, std::size_t mine, std::size_t all);

/// A connection that a newcomer could have the place of.
struct seat {
  /// Of its principal, this one included.
  std::size_t connections = 0;
  /// An administrator's, or a server's: it gives way to nobody.
  bool kept = false;
  /// Since then it has sent nothing. None: it waits for an answer, or one
  /// waits for it.
  std::optional<instant> idle_since;
};

/// @param mine Connections of the newcomer's principal, without the newcomer.
/// @returns the connection that has been idle for longest, of the principal
///          with most of all that have more than `mine` and an idle one. None:
///          the newcomer must go.
[[nodiscard]] std::optional<std::size_t>
choose_to_evict(const std::vector<seat>& seats, std::size_t mine);

/// Bytes that a connection has not taken yet.
struct unsent_load {
  std::uint64_t principal = 0; ///< Any number that stands for it.
  std::size_t bytes = 0;
};

/// Which to close until all together have at most `bytes_max`: each time the
/// one with most bytes, of the principal with most.
[[nodiscard]] std::vector<std::size_t>
choose_to_close(std::vector<unsent_load> loads, std::size_t bytes_max);

/// Whether a peer takes what waits for it, at a least rate: some bytes in each
/// period, or all that waited at its beginning if that is less.
class drain_watch {
public:
  struct pace {
    std::size_t bytes_min = 0;
    std::chrono::milliseconds period{0};
  };

  /// Something waits since `at`. Has no effect when that is known.
  /// @param taken Bytes that the peer has confirmed, ever.
  void begin(instant at, std::uint64_t taken, std::uint64_t waiting);

  /// Nothing waits any more.
  void end() {
    since_.reset();
  }

  /// Whether a period is over, so that `too_slow` has something to say.
  [[nodiscard]] bool due(instant at, const pace& least) const {
    return since_ && at - *since_ > least.period;
  }

  /// @pre `due`. Otherwise begins the next period.
  [[nodiscard]] bool too_slow(instant at, const pace& least,
                              std::uint64_t taken, std::uint64_t waiting);

private:
  std::optional<instant> since_;
  std::uint64_t taken_ = 0;   ///< At `since_`.
  std::uint64_t waiting_ = 0; ///< Likewise.
};

} // namespace dfs::net
