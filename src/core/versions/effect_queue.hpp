#pragma once

#include <deque>
#include <utility>
#include <variant>

namespace dfs::core {

/// What the machines of one replica want done, performed in that order. What an
/// effect causes is done after all that waits already, never in its middle.
/// @tparam Effect A variant of the variants that the machines return.
template <class Effect>
class effect_queue {
public:
  /// Whether somebody further up the stack performs.
  [[nodiscard]] bool performing() const {
    return performing_;
  }

  /// What waits is not performed.
  void clear() {
    todo_.clear();
  }

  /// @param perform Called with each effect; it may call `run`, and `clear`.
  /// @pre Whoever owns the queue keeps it alive until this returns.
  template <class Effects, class Perform>
  void run(Effects effects, Perform perform) {
    for (auto& x : effects)
      todo_.emplace_back(std::move(x));
    if (performing_)
      return;
    performing_ = true;
    while (!todo_.empty()) {
      auto x = std::move(todo_.front());
      todo_.pop_front();
      std::visit([&](auto& of) { std::visit(perform, of); }, x);
    }
    performing_ = false;
  }

private:
  std::deque<Effect> todo_;
  bool performing_ = false;
};

} // namespace dfs::core
