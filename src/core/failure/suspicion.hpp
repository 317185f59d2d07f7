#pragma once

#include "base/time.hpp"
#include "core/failure/failure_config.hpp"
#include "messages/gossip.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace dfs::core {

/// What the judge of a target must know besides the suspicion itself.
struct jury {
  std::size_t others = 0; ///< Members besides this node, the suspect included.
  /// Nobody answers this node, and there are two others at least: it judges
  /// nobody, since it is itself that is cut off, deaf or mute.
  bool unanswered = false;
  bool lossy = false; ///< Too much is lost to trust agreement.
};

struct verdict_time {
  instant due;
  msg::news_reason reason = msg::news_reason::silent_for_one;
};

/// One monitor's case against one target. Pure bookkeeping of times; the probe
/// schedule feeds it and asks when a verdict is due.
///
///  I4  No verdict without an own suspicion, and none counts time before this
///      monitor's own last sign of life of the target.
class suspicion {
public:
  /// Members that may agree: k monitors, and some that see another ring.
  static constexpr std::size_t witnesses_max = 16;
  /// Suspicions are repeated with each probe (250 ms); one that is not has been
  /// withdrawn, or its owner is gone.
  static constexpr std::chrono::milliseconds witness_fresh{1'000};

  explicit suspicion(instant now) : last_alive_{now} {
    // nop
  }

  /// The target answered, by whatever path: the case is closed.
  void alive(instant now);

  /// The target raised its counter. @returns whether that was news.
  bool refuted(std::uint32_t refutations, instant now);

  /// This monitor stood still for so long: that time is nobody's silence.
  void credit(std::chrono::nanoseconds stall);

  /// This monitor begins to suspect. Keeps an earlier beginning.
  void begin(instant now);

  /// Another monitor suspects the target, since `age` ago.
  void hear(const msg::member_id& witness, std::uint32_t refutations,
            std::chrono::milliseconds age, instant now);

  [[nodiscard]] bool active() const {
    return since_.has_value();
  }

  /// By this monitor or, lately, by another one.
  [[nodiscard]] bool suspected_by_any(instant now) const {
    return active() || !witnesses(now).empty();
  }

  /// @pre `active()`.
  [[nodiscard]] std::chrono::milliseconds age(instant now) const;

  [[nodiscard]] instant last_alive() const {
    return last_alive_;
  }

  /// The target's counter, as far as known: what it must exceed.
  [[nodiscard]] std::uint32_t refutations() const {
    return refutations_;
  }

  /// None while this monitor does not suspect the target itself (I4).
  [[nodiscard]] std::optional<verdict_time>
  verdict(const failure_config& config, const jury& around, instant now) const;

  /// Who suspected it lately; they are to hear of a refutation.
  [[nodiscard]] std::vector<msg::member_id> witnesses(instant now) const;

private:
  struct testimony {
    instant since;
    instant heard;
  };

  instant last_alive_;
  std::optional<instant> since_;
  std::uint32_t refutations_ = 0;
  std::map<msg::member_id, testimony> witnesses_;
};

} // namespace dfs::core
