#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace dfs::core {

/// An operator's order to do without the quorum. It ends by itself: who ordered
/// it looks at what came of it, and not at what is there a day later.
class operator_force {
public:
  void order(instant now) {
    until_ = now + lasts;
  }
  [[nodiscard]] bool stands() const {
    return until_.has_value();
  }
  /// @returns whether it has ended by itself just now.
  bool look(instant now) {
    const bool over = until_ && now >= *until_;
    if (over)
      until_.reset();
    return over;
  }
  void end() {
    until_.reset();
    settle();
  }

  // -- of who leads by such an order, its own or another server's -------------

  /// The epoch of its next attempt; `highest` is the highest that it heard of.
  /// Above those that others may form in the meantime without having heard of
  /// it: so many changes of theirs. Attempts that fail do not add that again.
  [[nodiscard]] std::uint64_t next_epoch(std::uint64_t highest) {
    if (!least_)
      least_ = highest + epochs;
    return std::max(*least_, highest + 1);
  }
  /// No order stands any more, as far as is heard.
  void settle() {
    least_.reset();
  }

private:
  static constexpr std::chrono::seconds lasts{10};
  static constexpr std::uint64_t epochs = 1u << 24;

  std::optional<instant> until_;
  std::optional<std::uint64_t> least_;
};

} // namespace dfs::core
