#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace dfs::actors {

/// The present handle of a subsystem, whatever life it is in: the supervisor
/// replaces it after a restart, and whoever sends asks for it each time.
/// Copies share one cell; thread-safe; asking costs an uncontended lock.
///
/// A plain handle may be kept only of a subsystem that is never restarted
/// (policy `end_process`): after a restart it would speak to the dead.
template <class Handle>
class subsystem_ref {
public:
  /// Null before it has been spawned: subsystems refer to each other, and one
  /// of them comes first. What is sent to null is lost.
  [[nodiscard]] Handle get() const {
    const std::lock_guard lock{cell_->guard};
    return cell_->handle;
  }

  /// The same; says that null is reckoned with.
  [[nodiscard]] Handle find() const {
    return get();
  }

  /// `get`, for whoever takes a function that gives a handle.
  [[nodiscard]] Handle operator()() const {
    return get();
  }

  void set(Handle fresh) {
    const std::lock_guard lock{cell_->guard};
    cell_->handle = std::move(fresh);
  }

  /// Lets the actor go: the system waits for it, and a handle in a forgotten
  /// copy of this would keep it. Called by the supervisor at the end.
  void clear() {
    const std::lock_guard lock{cell_->guard};
    cell_->handle = Handle{};
    // `get` goes on to be allowed; what is sent to it is lost.
  }

private:
  struct cell {
    std::mutex guard;
    Handle handle;
  };

  std::shared_ptr<cell> cell_ = std::make_shared<cell>();
};

} // namespace dfs::actors
