#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

// What each principal holds of a port, over all of its connections.

namespace dfs::net {

/// Any thread.
struct principal_share {
  principal_share(std::string who, std::uint64_t which)
    : name{std::move(who)},
      number{which} {
    // nop
  }

  const std::string name;
  const std::uint64_t number; ///< Of this share; never used again.
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> requests{0};     ///< In work.
  std::atomic<std::uint64_t> unsent_bytes{0}; ///< Of answers and events.
  std::atomic<std::uint64_t> refused_busy{0}; ///< Connections and requests.
  std::atomic<std::uint64_t> closed_idle{0};  ///< Gave way to somebody.
  std::atomic<std::uint64_t> closed_slow{0};  ///< Had most unsent bytes.
};

/// For people and metrics. The last three only grow.
struct principal_counters {
  std::string name;
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t unsent_bytes = 0;
  std::uint64_t refused_busy = 0;
  std::uint64_t closed_idle = 0;
  std::uint64_t closed_slow = 0;
};

/// The principals of one port. Those with connections or requests in work, and,
/// so that their counters stay, some of those that were turned away.
class principal_table {
public:
  using share_ptr = std::shared_ptr<principal_share>;

  /// Without connections, and something was refused to them.
  static constexpr std::size_t absent_max = 64;

  /// Known or new.
  [[nodiscard]] share_ptr of(const std::string& name);

  /// `x` has a connection less, or got none: those that hold nothing go, but
  /// for some to which something was refused.
  void forget_absent(const share_ptr& x);

  /// By name.
  [[nodiscard]] std::vector<principal_counters> snapshot() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, share_ptr> all_;
  std::uint64_t last_number_ = 0;
};

} // namespace dfs::net
