#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/version_control.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace dfs::core {

struct put_config {
  /// An answer is waited for so long; then it is asked again, of whoever leads.
  std::chrono::milliseconds again{1'000};
  /// Of the time it has, what is kept to find out whether it was done.
  std::chrono::milliseconds settling{3'000};
  /// So long a primary that has no room is asked again: leads leave it.
  std::chrono::milliseconds full_patience{3'000};
};

// Effects of a put, to be performed in order.

/// To whoever leads the group, if it is known -> `on_put` or `on_settled`.
/// Carries what the master said last (set, position).
struct send_put {
  msg::put_file what;
};
struct send_settle {
  msg::settle_put what;
};
/// Ask the master who leads which set -> `on_located`.
struct ask_leader {};
/// The last one.
struct put_over {
  enum class outcome : std::uint8_t { done, not_done, unknown };
  outcome is = outcome::unknown;
  version_number version;
  std::uint8_t copies = 0;
  error why{ec::outcome_unknown, {}}; ///< Unless done.
};

using put_effect = std::variant<send_put, send_settle, ask_leader, put_over>;
using put_effects = std::vector<put_effect>;

/// One put or delete until its outcome is known, or its time is over
/// (docs/protocols/versioned_files.md, "Put"): a client's view. Pure.
///
///  P1  "Not done" is said only if it was refused when it had been sent once,
///      or is barred.
///  P2  It is sent with one put id, however often.
class put_machine {
public:
  /// @param put Group and epoch are filled in from `on_located`.
  put_machine(put_config config, msg::put_file put, instant until);

  [[nodiscard]] put_effects
  begin(const msg::group_set& set, std::uint64_t looked_up_at, instant now);
  [[nodiscard]] put_effects on_put(const result<msg::put_done>& x, instant now);
  [[nodiscard]] put_effects
  on_settled(const result<msg::put_settled>& x, instant now);
  /// What the master says now. @param same_file The name still means the file.
  [[nodiscard]] put_effects on_located(const msg::group_set& set,
                                       std::uint64_t looked_up_at,
                                       bool same_file, instant now);
  /// What `send_put` said was not sent, and cannot be: the content is gone.
  [[nodiscard]] put_effects on_unsent(error why, instant now);
  /// To be called at `next_deadline`.
  [[nodiscard]] put_effects tick(instant now);
  /// It has more time: a content is brought to another server.
  void extend(instant until);
  [[nodiscard]] instant next_deadline() const {
    return next_;
  }
  [[nodiscard]] bool over() const {
    return over_;
  }

private:
  void send(put_effects& out, instant now);
  void give_up(put_effects& out, error why, instant now);
  void end(put_effects& out, put_over x);

  put_config config_;
  msg::put_file put_;
  instant until_;
  instant next_{};
  std::uint32_t sent_ = 0;
  bool settling_ = false;
  bool over_ = false;
  error why_{ec::outcome_unknown, {}};
  std::optional<instant> full_; ///< The first time that there was no room.
};

} // namespace dfs::core
