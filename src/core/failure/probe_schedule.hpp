#pragma once

#include "core/failure/group_state.hpp"
#include "core/failure/loss_meter.hpp"
#include "core/failure/probe_status.hpp"
#include "core/failure/suspicion.hpp"

#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace dfs::core {

/// Whom this node monitors, when it pings them, and when it gives them up. Also
/// its duties towards other monitors: indirect pings, testimony, and asking for
/// monitors when it seems to have none. State per target, of which there are a
/// handful whatever the size of the group.
///
///  I5  Only targets have suspicions: who stops being one leaves none behind.
///  I6  While nobody answers this node it tells nobody of a suspicion, and
///      judges nobody. Time in which it stood still is nobody's silence.
class probe_schedule {
public:
  /// Successors looked at to find k that are not suspected: k, the three that
  /// may crash at once, and as many again.
  static constexpr std::size_t walk_max = 16;
  /// Members that asked to be monitored; k ask k each, a few at a time.
  static constexpr std::size_t watched_max = 16;
  static constexpr std::size_t relays_max = 64;
  static constexpr std::size_t helpers = 3;
  /// An ack of an older ping is no sign of life.
  static constexpr std::chrono::milliseconds ack_fresh{1'000};
  /// No answer of anybody for so long: this node is deaf, mute or cut off. That
  /// others speak to it says nothing: they may not hear it. With one other
  /// member alive, 10 % loss does that once in days; no verdict is as quick.
  static constexpr std::chrono::milliseconds answer_fresh{1'500};

  struct decision {
    msg::member_id target;
    msg::news_reason reason;
    std::chrono::milliseconds silence;
  };

  /// Starts to monitor; before that nothing is due.
  void start(instant now);

  /// Sends what is due. @returns the targets that this node declares failed;
  /// the caller takes them off the list.
  std::vector<decision> tick(group_state& group, instant now);

  [[nodiscard]] std::optional<instant>
  next_deadline(const group_state& group, instant now) const;

  /// Some member answered, so this node is not cut off. If it was, what it did
  /// not hear meanwhile means nothing (I6).
  void hear_answer(group_state& group, instant now);

  /// Whether nobody answers this node, while there are two others at least.
  [[nodiscard]] bool unanswered(const group_state& group, instant now) const;

  /// Whether that lasts for so long that this node is to count itself alone.
  [[nodiscard]] bool alone(const group_state& group, instant now) const;

  /// @param source Where the ping came from.
  void on_ping(group_state& group, const msg::member_id& from,
               const endpoint& source, const msg::gossip_ping& ping,
               instant now);
  void on_ack(group_state& group, const msg::member_id& from,
              const msg::gossip_ack& ack, instant now);
  void on_ping_request(group_state& group, const msg::member_id& from,
                       const msg::gossip_ping_request& request, instant now);
  void on_relayed_ack(group_state& group, const msg::gossip_relayed_ack& ack,
                      instant now);
  void on_suspicion(group_state& group, const msg::member_id& from,
                    const msg::gossip_suspicion& said, instant now);
  void on_alive(group_state& group, const msg::gossip_alive& said, instant now);

  /// Monitors that one, too, for a while: it asks for it, or somebody says that
  /// it is dead who cannot be believed.
  void watch(const msg::member_id& id, const group_state& group, instant now);

  /// This node stood still for so long, and nobody is to answer for that.
  void credit(std::chrono::nanoseconds stall);

  /// This node was away: nothing that it did not hear means anything.
  void restart(group_state& group, instant now);

  [[nodiscard]] probe_status
  status(const group_state& group, instant now) const;

  void check(const group_state& group) const;

private:
  struct target {
    explicit target(instant now, instant first_probe)
      : next_probe{first_probe},
        life{now} {
      // nop
    }

    instant next_probe;
    std::optional<instant> unanswered; ///< When the open probe began.
    bool escalated = false;
    std::deque<std::pair<std::uint16_t, instant>>
      asked; ///< Numbers that count.
    suspicion life;
  };

  struct relay {
    msg::member_id requester;
    std::uint16_t number;
    msg::member_id target;
    instant expires;
  };

  using target_map = std::map<msg::member_id, target>;

  void retarget(group_state& group, instant now);
  void
  probe(group_state& group, const msg::member_id& id, target& to, instant now);
  void escalate(group_state& group, const msg::member_id& id, target& to,
                instant now);
  void
  ping(group_state& group, const msg::member_id& id, target& to, instant now);
  void ask_helpers(group_state& group, const msg::member_id& id, target& to,
                   instant now);
  void testify(group_state& group, const msg::member_id& id, const target& to,
               instant now);
  void answered(group_state& group, const msg::member_id& id, target& to,
                std::uint32_t refutations, instant now);
  void note_monitor(const group_state& group, const msg::member_id& from,
                    instant now);
  void exceed(group_state& group, std::uint32_t refutations);
  void ask_for_monitors(group_state& group, instant now);
  [[nodiscard]] instant alone_at(const group_state& group) const;
  [[nodiscard]] jury around(const group_state& group, instant now) const;
  [[nodiscard]] instant
  due(const group_state& group, const target& to, instant now) const;

  bool started_ = false;
  target_map targets_;
  std::map<msg::member_id, instant> watched_; ///< Who asked, until when.
  std::map<std::uint16_t, relay> relays_;
  loss_meter losses_;
  instant last_answer_{};  ///< Of anybody.
  instant last_watched_{}; ///< Last ping of somebody who monitors this node.
  std::map<msg::member_id, instant> pinged_; ///< By ring predecessors, lately.
  std::uint64_t seen_changes_ = 0;
  bool stale_ = true; ///< The targets must be chosen anew.
};

} // namespace dfs::core
