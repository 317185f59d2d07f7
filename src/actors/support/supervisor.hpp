#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/actor_registry.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "core/supervision/restart_policy.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The one list of subsystems of a process, and what becomes of them:
//
//   subsystem_ref<membership_actor> membership;
//   std::vector<supervised> list;
//   list.push_back(supervise("membership", membership, on_end::end_process,
//     [&] { return spawn_subsystem(system, registry, {.name = "membership"},
//                                  actors::membership, …); }));
//   auto root = spawn_supervisor(system, {&registry, &board, give_up}, list);
//
// Spawned in the order of the list, on the caller's thread: `membership.get()`
// is valid for whoever stands below. Stopped in the reverse order.
//
// A subsystem that ends without being told to is spawned again with a fresh
// handle, or ends the process, by its policy: a client that can make one of the
// lesser ones fail must not be able to end the node. How others learn of the
// handle: they hold the `subsystem_ref`, not the handle, and ask it each time
// they send. A plain handle may be kept of subsystems that end the process
// only. State does not survive a restart: what must, lives in storage or at
// peers. Spawn functions run again in the supervisor's thread: what they
// capture must live as long as the actor system, and they must not block.

namespace dfs::actors {

enum class on_end : std::uint8_t {
  restart,        ///< Until it ends too often; then the process ends.
  restart_always, ///< The node does without it while it is down.
  end_process,
};

struct supervised {
  std::string name;
  std::function<caf::strong_actor_ptr()> spawn;
  std::function<void()> forget; ///< Drops the handles that `spawn` gave away.
  on_end policy = on_end::end_process;
  core::restart_config restarts;
};

/// An entry whose handle is in `ref`. @param spawn `() -> Handle`.
template <class Handle, class Spawn>
supervised supervise(std::string name, subsystem_ref<Handle> ref, on_end policy,
                     Spawn spawn, core::restart_config restarts = {}) {
  auto again = [ref, spawn]() mutable {
    auto handle = spawn();
    ref.set(handle);
    return caf::actor_cast<caf::strong_actor_ptr>(std::move(handle));
  };
  restarts.essential = policy != on_end::restart_always;
  return {std::move(name), std::move(again), [ref]() mutable { ref.clear(); },
          policy, restarts};
}

struct supervisor_options {
  actor_registry* registry = nullptr;
  health_board* board = nullptr;
  /// Ends the process, by way of main: called once, with an exit status and
  /// why, in the supervisor's thread. It must not block.
  std::function<void(int status, const std::string& why)> give_up;
  /// Whether it runs in a thread of its own, where it stays alive whatever the
  /// others wait for.
  bool own_thread = false;
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  supervisor_state() = default;

  struct child {
    supervised entry;
    core::restart_policy restarts;
    caf::strong_actor_ptr actor; ///< Null while it is down.
    std::optional<instant> due;  ///< Of the restart.
  };

  std::vector<child> children; ///< In the order of the list.
  supervisor_options options;
  bool given_up = false;

  bool stopping = false; ///< From then on every end is welcome.

  // While stopping.
  std::optional<caf::typed_response_promise<msg::subsystems_stopped>> answer;
  std::size_t next = 0; ///< Children from here on have been told.
  instant patience;     ///< Until when the child `next` may take.
  instant deadline;
  std::chrono::nanoseconds share{0}; ///< Of the deadline, for one child.
};

using supervisor_self = supervisor_actor::stateful_pointer<supervisor_state>;

/// @pre No name stands twice. The registry, the board and what `give_up`
/// captures live as long as the actor system.
[[nodiscard]] supervisor_actor spawn_supervisor(caf::actor_system& system,
                                                supervisor_options options,
                                                std::vector<supervised> list);

/// Asks for `stop_subsystems` and waits, for main; then lets the supervisor go.
/// @returns The names of those that hung; all of them if even the supervisor
/// does not answer. With any, `~actor_system` would wait for ever: leave by
/// `_exit`.
[[nodiscard]] std::vector<std::string>
stop_supervisor(caf::actor_system& system, supervisor_actor root,
                std::chrono::milliseconds deadline);

} // namespace dfs::actors
