#pragma once

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "messages/control.hpp"
#include "messages/member.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

struct link_config {
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds heartbeat_timeout{1'000};
  std::uint32_t misses_max = 3; ///< In a row; then the link is lost.
  std::chrono::milliseconds connect_timeout{4'000};
  std::chrono::milliseconds introduce_timeout{2'000};
  std::chrono::milliseconds wait_first{100}; ///< Doubled with each failure.
  std::chrono::milliseconds wait_max{5'000};
  /// A link that stood this long makes waits short again.
  std::chrono::milliseconds stable{5'000};
  /// How long a peer that answered is tried although no list has it: as long
  /// as it keeps the links of silent ones.
  std::chrono::minutes kept_for{10};
};

// Effects, to be performed in order. Each is for one epoch: an answer that
// names an older one changes nothing.

/// Find the directory of `peer` within that time. Answered by
/// `directory_found` or `attempt_failed`.
struct find_directory {
  link_epoch epoch;
  msg::member_record peer;
  std::chrono::milliseconds within;
};

/// Ask it who it is, and for its link keeper. Answered by `introduced` or
/// `attempt_failed`.
struct ask_introduction {
  link_epoch epoch;
  std::chrono::milliseconds within;
};

/// Answered by `heartbeat_answered` or `heartbeat_failed`.
struct send_heartbeat {
  link_epoch epoch;
  std::uint64_t sequence = 0;
  std::chrono::milliseconds within;
};

/// Let the handles of that peer go and cut the connection. May be repeated.
struct drop_link {
  msg::member_record peer;
};

/// For the log.
struct link_changed {
  msg::member_record peer;
  msg::link_state state = msg::link_state::idle;
  std::string cause; ///< Empty when all is well.
};

using link_effect = std::variant<find_directory, ask_introduction,
                                 send_heartbeat, drop_link, link_changed>;
using link_effects = std::vector<link_effect>;

/// When to connect to one peer, when to ask, and when to give up. One per node
/// and peer: this end's view. Pure.
///
///  I1  At most one attempt or link at a time; its epoch is the largest so far.
///  I2  Up only after the peer said to be the very incarnation we look for, in
///      a protocol we speak, and answered a heartbeat.
///  I3  Unanswered heartbeats never exceed the peer's credits.
///  I4  While there is a peer to be linked to, there is a next deadline.
///  I5  A link that answers is ended by a newer peer only: that the group has
///      lost sight of the peer is a hint, which costs a heartbeat. A link that
///      breaks meanwhile is made anew.
///  I6  A heartbeat that the shell forgets is a miss, and frees its credit.
///  I7  A link keeper that is replaced ends no link: the peer is asked for the
///      next one over the same connection, for as long as misses would take.
class link_plan {
public:
  /// @param before Larger than any epoch of a former plan of this process.
  link_plan(link_config config, rng random, link_epoch before = {});

  /// Whom to be linked to, if anybody, as the group says. One that is not newer
  /// than the present peer: that one is kept for as long as it answers.
  /// Nobody: the present peer is tried for some minutes after its last answer
  /// (I5). Repeating it is harmless.
  [[nodiscard]] link_effects
  aim_at(const std::optional<msg::member_record>& peer, instant now);

  /// The peer, or this node, has said goodbye to the group.
  [[nodiscard]] link_effects rest(instant now);

  [[nodiscard]] link_effects directory_found(link_epoch epoch, instant now);
  [[nodiscard]] link_effects
  introduced(link_epoch epoch, const msg::introduction& who, instant now);
  /// Of `find_directory` or `ask_introduction`.
  [[nodiscard]] link_effects
  attempt_failed(link_epoch epoch, const error& why, instant now);
  [[nodiscard]] link_effects
  heartbeat_answered(const msg::link_heartbeat_ack& answer, instant now);
  [[nodiscard]] link_effects heartbeat_failed(link_epoch epoch,
                                              std::uint64_t sequence,
                                              const error& why, instant now);
  /// The peer's link keeper ended, and the connection stands as far as this end
  /// knows: the peer's subsystem is being restarted.
  [[nodiscard]] link_effects keeper_lost(link_epoch epoch, instant now);
  /// CAF says that the connection is gone.
  [[nodiscard]] link_effects connection_lost(link_epoch epoch, instant now);

  /// @pre `now` never goes back, here and above.
  [[nodiscard]] link_effects tick(instant now);
  [[nodiscard]] std::optional<instant> next_deadline() const;

  [[nodiscard]] msg::link_status status(instant now) const;

  /// Of the present attempt or link.
  [[nodiscard]] link_epoch epoch() const {
    return epoch_;
  }

  /// The peer is known to be who it should be, and answers.
  [[nodiscard]] bool is_up() const {
    return state_ == msg::link_state::up;
  }

  [[nodiscard]] bool is_of(const msg::member_id& peer) const {
    return peer_ && peer_->id == peer;
  }

  /// Aborts if an invariant is broken.
  void check() const;

private:
  void enter(link_effects& out, msg::link_state state, instant now,
             std::string cause = {});
  void begin_attempt(link_effects& out, instant now);
  void give_up(link_effects& out, std::string cause, instant now);
  void beat(link_effects& out, instant due, instant now);
  void ask_keeper(link_effects& out, instant now);
  [[nodiscard]] bool is_current(link_epoch epoch, msg::link_state state) const;
  [[nodiscard]] bool is_beating(link_epoch epoch) const;
  /// A later life of the peer, or a master in a higher term.
  [[nodiscard]] bool is_newer(const msg::member_record& other) const;
  /// It answered lately, so that no list decides about it.
  [[nodiscard]] bool is_kept(instant now) const;
  void turn_to(std::optional<msg::member_record> peer);
  /// @returns whether the link ended by it.
  bool miss_forgotten(link_effects& out, instant now);
  [[nodiscard]] std::chrono::nanoseconds next_wait();

  link_config config_;
  rng random_;
  std::optional<msg::member_record> peer_;
  /// The group names another one, or nobody: where to turn when the link ends.
  std::optional<std::optional<msg::member_record>> next_;
  msg::link_state state_ = msg::link_state::idle;
  link_epoch epoch_;
  instant since_;    ///< In this state.
  instant deadline_; ///< Of the wait, the attempt, or the next heartbeat.
  std::uint32_t failures_in_row_ = 0;
  std::uint32_t misses_ = 0;
  std::uint32_t credits_ = 1;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, instant> unanswered_; ///< When each was sent.
  std::optional<instant> heard_;                ///< The peer's last answer.
  bool keeperless_ = false; ///< No introduction since its keeper ended.
  /// Its keeper ended, and no heartbeat was answered since.
  std::optional<instant> keeper_lost_;
  std::chrono::microseconds round_trip_{0};
  std::uint64_t answered_ = 0;
  std::uint64_t failures_ = 0;
  std::string cause_;
};

} // namespace dfs::core
