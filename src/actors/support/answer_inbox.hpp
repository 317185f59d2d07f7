#pragma once

#include "actors/support/port_prober.hpp"
#include "base/ids.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace dfs::actors {

/// What other threads answer to an actor that has things made durable and ports
/// probed: many answers with one message. Any thread.
/// @tparam Token Of what was to be made durable.
/// @tparam Whom Whose port was probed.
template <class Token, class Whom>
class answer_inbox {
public:
  struct probe {
    Whom whom{};
    boot_id boot;
    port_answer answer = port_answer::silent;
  };
  struct content {
    std::vector<Token> logged;
    std::vector<probe> probes;
  };

  /// @returns whether the actor must be woken.
  [[nodiscard]] bool add_logged(Token x) {
    const std::lock_guard lock{mutex_};
    content_.logged.push_back(x);
    return !std::exchange(woken_, true);
  }

  /// Likewise.
  [[nodiscard]] bool add_probe(const probe& x) {
    const std::lock_guard lock{mutex_};
    content_.probes.push_back(x);
    return !std::exchange(woken_, true);
  }

  /// All that came since. For the actor, when it was woken.
  [[nodiscard]] content take() {
    const std::lock_guard lock{mutex_};
    woken_ = false;
    return std::exchange(content_, {});
  }

private:
  std::mutex mutex_;
  content content_;
  bool woken_ = false;
};

} // namespace dfs::actors
