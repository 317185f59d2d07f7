#pragma once

#include <atomic>
#include <mutex>
#include <string>

namespace dfs::actors {

/// Whether this master's metadata are the newest, as far as its subsystems have
/// heard: whoever hears that they are not tells the others. One for a master;
/// any thread.
class master_fitness {
public:
  /// For good: only an operator can put that right. The first word stays.
  void lose(const std::string& why) {
    const std::lock_guard lock{guard_};
    if (why_.empty())
      why_ = why;
    lost_ = true;
  }

  [[nodiscard]] bool lost() const {
    return lost_;
  }

  /// Empty: they are the newest.
  [[nodiscard]] std::string why() const {
    const std::lock_guard lock{guard_};
    return why_;
  }

  /// What one subsystem knows and what the others know is brought together.
  /// @param stopped Why it has stopped; empty: it has not. @param stop Stops it
  ///   for that reason.
  template <class Stop>
  void share(const std::string& stopped, Stop stop) {
    if (!stopped.empty() && !lost())
      lose(stopped);
    else if (stopped.empty() && lost())
      stop(why());
  }

  /// After a restore nothing is purged before a person, or time, has confirmed
  /// it.
  void confirm(bool yes) {
    confirmed_ = yes;
  }
  [[nodiscard]] bool confirmed() const {
    return confirmed_;
  }

private:
  std::atomic<bool> confirmed_{true};
  std::atomic<bool> lost_{false};
  mutable std::mutex guard_;
  std::string why_;
};

} // namespace dfs::actors
