#pragma once

#include "base/time.hpp"

#include <chrono>
#include <optional>

namespace dfs::core {

struct link_watch_config {
  /// Silence after which the server is asked for a sign of life.
  std::chrono::milliseconds silence{500};
  /// For that sign. Longer than a busy server takes.
  std::chrono::milliseconds patience{2'000};
  /// A verdict that is so late is not given: this process stood still itself.
  std::chrono::milliseconds stall{1'000};
};

/// Whether a server from which answers are due still lives: a stopped process
/// and a machine without power keep their connections. One per connection: the
/// client's view. Pure.
///
///  I1  A server that says something is never given up within `silence` +
///      `patience` of it.
///  I2  While an answer is due, a silent server is given up `silence` +
///      `patience` after its last word, or after the first request.
class link_watch {
public:
  enum class advice { wait, probe, give_up };

  explicit link_watch(link_watch_config config = {}) : config_{config} {
    // nop
  }

  /// An answer is due, or none is any more. May be repeated.
  void expect(bool due, instant now);

  /// When the server last sent a byte. Earlier times than known change nothing.
  void heard(instant at);

  /// `probe`: ask for a sign of life; said once for each silence.
  /// @pre `now` never goes back, here and above.
  [[nodiscard]] advice tick(instant now);

  /// When `tick` is wanted next; nothing while no answer is due.
  [[nodiscard]] std::optional<instant> next_deadline() const;

private:
  link_watch_config config_;
  bool due_ = false;
  instant heard_;                 ///< Or since when an answer is due.
  std::optional<instant> probed_; ///< In this silence.
};

} // namespace dfs::core
