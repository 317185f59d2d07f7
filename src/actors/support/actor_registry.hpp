#pragma once

#include "actors/support/given_up_requests.hpp"
#include "actors/support/latency_histogram.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/admin.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

// What this process knows of its subsystem actors, whatever they are doing:
// meters are written from outside the handlers (subsystem.hpp), so an actor
// that is stuck, or gone, is seen as well as a healthy one. Times are of the
// actor system's clock.

namespace dfs::actors {

/// Names a message type without touching its content: CAF's number for a
/// built-in type, or the C++ type of one of ours.
struct message_type {
  std::uint16_t built_in = 0;
  const std::type_info* ours = nullptr;
};

/// "dfs::msg::get_actor", "@atom"; "()" for an empty message.
[[nodiscard]] std::string to_string(message_type x);

/// One life of a subsystem, from spawn to end. `arrived` is called by any
/// thread, `taken` by the one that runs the actor.
class actor_life {
public:
  void arrived(instant now) {
    if (waiting() == 0)
      moved(now);
    arrived_.fetch_add(1, std::memory_order_relaxed);
  }
  void taken(instant now) {
    moved(now);
    taken_.store(taken_.load(std::memory_order_relaxed) + 1,
                 std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t waiting() const {
    // `taken` first: what arrives between the reads must not make it negative.
    const auto taken = taken_.load(std::memory_order_relaxed);
    const auto arrived = arrived_.load(std::memory_order_relaxed);
    return arrived > taken ? arrived - taken : 0;
  }
  /// For how long messages have been waiting, or one has been worked on,
  /// without any being finished. Any thread.
  [[nodiscard]] std::chrono::nanoseconds stuck_for(instant now) const;

private:
  void moved(instant now) {
    moved_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  std::atomic<std::int64_t> moved_at_{0};
  std::atomic<std::uint64_t> arrived_{0};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
};

/// All lives of one subsystem: counters only grow.
class actor_meter {
public:
  /// @param waits_for_disks In handlers: one that takes long says little.
  actor_meter(std::string name, std::string parent, bool waits_for_disks);

  [[nodiscard]] const std::string& name() const {
    return name_;
  }
  [[nodiscard]] bool waits_for_disks() const {
    return waits_for_disks_;
  }

  /// A new life begins; from the second on, a restart.
  [[nodiscard]] std::shared_ptr<actor_life> begin_life(instant now);

  // To be called by the thread that runs the actor.
  void initialized();
  void handling_begins(instant now);
  /// @param counts False if the actor has put the message off.
  void
  handling_ends(instant began, instant now, message_type what, bool counts);
  void failed(std::string what);
  /// @param reason Empty for an end on purpose.
  void ended(std::string reason);

  /// How long its present handler has been running; zero if none is.
  [[nodiscard]] std::chrono::nanoseconds busy_for(instant now) const;
  /// As `actor_life::stuck_for`; zero between two lives.
  [[nodiscard]] std::chrono::nanoseconds stuck_for(instant now) const;
  [[nodiscard]] msg::actor_stats stats(instant now) const;
  [[nodiscard]] msg::actor_detail detail(instant now) const;
  [[nodiscard]] latency_histogram::reading handling() const {
    return handling_.read();
  }

private:
  /// Written by one thread without a lock: a reader may see the type of one
  /// message with the time of the next, which is good enough for people.
  struct recent {
    std::atomic<const std::type_info*> ours{nullptr};
    std::atomic<std::uint16_t> built_in{0};
    std::atomic<std::int64_t> at{0};
    std::atomic<std::int64_t> took{0};
  };

  static constexpr std::int64_t not_busy = 0;

  const std::string name_;
  const std::string parent_;
  const bool waits_for_disks_;
  std::atomic<msg::actor_activity> activity_{msg::actor_activity::starting};
  std::atomic<std::int64_t> busy_since_{not_busy};
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> failures_{0};
  latency_histogram handling_;
  std::array<recent, 16> recent_{};

  mutable std::mutex guard_; ///< For what is below; never held in a handler.
  std::shared_ptr<actor_life> life_;
  std::uint64_t lives_ = 0;
  instant born_;
  std::string last_error_;
};

/// The meters of this process. Thread-safe. Declared before the actor system
/// and destroyed after it.
class actor_registry {
public:
  /// The meter of that name; a second life of a name keeps its counters.
  /// @param parent, waits_for_disks Count at first sight of a name only.
  [[nodiscard]] std::shared_ptr<actor_meter>
  enroll(std::string_view name, std::string_view parent,
         bool waits_for_disks = false);

  [[nodiscard]] msg::actor_list list(instant now) const;

  /// @returns `ec::not_found`.
  [[nodiscard]] result<msg::actor_detail>
  detail(std::string_view name, instant now) const;

  /// What the subsystems of this process need not do any more.
  [[nodiscard]] const std::shared_ptr<given_up_requests>& given_up() const {
    return given_up_;
  }

  /// For metrics; in the order of `list`.
  [[nodiscard]] std::vector<std::shared_ptr<const actor_meter>> meters() const;

private:
  const std::shared_ptr<given_up_requests> given_up_
    = std::make_shared<given_up_requests>();
  mutable std::mutex guard_;
  std::vector<std::shared_ptr<actor_meter>> meters_; ///< By first spawn.
};

} // namespace dfs::actors
