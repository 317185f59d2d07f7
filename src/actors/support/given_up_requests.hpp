#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

namespace dfs::actors {

/// Requests that nobody waits for any more, but which may still lie in the
/// mailbox of a subsystem. It drops them instead of doing them (subsystem.hpp):
/// one that is late would else do the work of the past for ever, while its
/// clients give up and ask again. Any thread.
class given_up_requests {
public:
  /// Of more than these the oldest of an asker are forgotten: they were never
  /// answered, since their subsystem ended with them.
  static constexpr std::size_t size_max = 65'536;

  /// @param asker An actor's control block, which names it in this process.
  /// @param response Number of the message that would bring the answer.
  void add(const void* asker, std::uint64_t response) {
    const std::lock_guard lock{guard_};
    all_.emplace(asker, response);
    if (all_.size() > size_max)
      all_.erase(all_.lower_bound({asker, 0}));
    size_.store(all_.size(), std::memory_order_relaxed);
  }

  /// The answer is here, or the request was dropped.
  void remove(const void* asker, std::uint64_t response) {
    const std::lock_guard lock{guard_};
    all_.erase({asker, response});
    size_.store(all_.size(), std::memory_order_relaxed);
  }

  /// The asker ends: another one may get its address.
  void remove_all(const void* asker) {
    const std::lock_guard lock{guard_};
    all_.erase(all_.lower_bound({asker, 0}),
               all_.upper_bound({asker, ~std::uint64_t{0}}));
    size_.store(all_.size(), std::memory_order_relaxed);
  }

  /// Costs nothing while there are none. Repeatable.
  [[nodiscard]] bool contains(const void* asker, std::uint64_t response) const {
    if (size_.load(std::memory_order_relaxed) == 0)
      return false;
    const std::lock_guard lock{guard_};
    return all_.contains({asker, response});
  }

  [[nodiscard]] std::size_t size() const {
    return size_.load(std::memory_order_relaxed);
  }

private:
  mutable std::mutex guard_; ///< Of `all_`.
  std::set<std::pair<const void*, std::uint64_t>> all_;
  std::atomic<std::size_t> size_{0};
};

} // namespace dfs::actors
