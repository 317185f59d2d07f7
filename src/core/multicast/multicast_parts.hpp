#pragma once

#include "base/time.hpp"
#include "core/multicast/multicast_effects.hpp"
#include "core/multicast/operator_force.hpp"
#include "core/multicast/order_log.hpp"
#include "core/multicast/reach.hpp"
#include "core/multicast/rules_in_force.hpp"
#include "core/multicast/sender.hpp"
#include "core/multicast/snapshot_transfer.hpp"
#include "core/multicast/stability.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

// What `multicast_machine` keeps beside the order itself.

namespace dfs::core {

/// Another configured server, as it is heard.
struct group_peer {
  life_id life;
  std::optional<instant> heard;
  std::optional<msg::group_beacon> beacon; ///< Of this life.
  bool settled = false; ///< Its group is formed by the rules as configured.
  bool told_settled = false;  ///< It was when it told `beacon`.
  std::uint64_t received = 0; ///< As its last header told.
  std::uint64_t held = 0;     ///< Of the order, as it told with `beacon`.
  std::uint8_t version = 0;   ///< Of this life; 0: not told yet.
  instant asked_version{};
  instant probed{};
  instant answered{};
  instant shunned{}; ///< Until then.
};
using group_peers = std::map<server_id, group_peer>;

/// How long a member's mark has stood still.
struct member_progress {
  std::uint64_t mark = 0;
  instant since{};
};

struct nack_state {
  unsigned tries = 0;
  instant due{};
};

/// Places of the log that were given to the disk.
struct appended_run {
  std::uint64_t token = 0;
  std::uint64_t to = 0;
};

enum class attempt_phase : std::uint8_t { gathering, committed, ready };

/// A change of configuration, as one who takes part in it.
struct member_attempt {
  msg::configuration_id ballot;
  server_id leader;
  attempt_phase phase = attempt_phase::gathering;
  std::uint64_t token = 0; ///< Promise, then attempt: durable with this.
  bool answer = true;      ///< `members_gathered` is asked for.
  msg::group_configuration next;
  msg::group_history history;
  server_id donor;
  instant touched{};
  instant said{};
};

/// A change of configuration, as the one who leads it.
struct leader_attempt {
  msg::configuration_id ballot;
  std::vector<msg::group_member> members;
  bool forced = false; ///< Members by an operator's order, not by the rule.
  std::map<server_id, msg::members_gathered> gathered;
  std::optional<msg::commit_members> commit;
  std::set<server_id> forgetful; ///< They are sent it first.
  std::set<server_id> recorded;  ///< Who has the attempt, durably.
  std::set<server_id> ready;
  std::set<server_id> differing; ///< Ready, with another order.
  instant touched{};
  instant said{};
  instant kept{}; ///< When those who have answered were asked to go on waiting.
};

/// The service's state, for those who are far behind.
struct state_giver {
  snapshot_source source;
  std::optional<order_position> position; ///< Asked for,
  instant asked_at{};                     ///< … then.
  std::uint64_t tickets = 0;
};

/// What a server that is behind asks others for.
struct state_learner {
  std::optional<snapshot_fetch> fetch;
  bool needs_state = false; ///< Nothing but what is fetched brings it level.
  instant asked_at{};
  unsigned asked = 0; ///< Since something came.
};

struct order_counts {
  std::uint64_t resent = 0;
  std::uint64_t nacked = 0;
  std::uint64_t conflicts = 0;
};

/// The ballots that this life of a server has promised. Of lower ones than
/// `before` it does not know which.
class life_promises {
public:
  explicit life_promises(msg::configuration_id before = {}) : before_{before} {
    // nop
  }

  void add(const msg::configuration_id& ballot);
  /// Those up to there do not matter any more.
  void drop(const msg::configuration_id& up_to);

  /// Whether it never promised that one, for certain.
  [[nodiscard]] bool lacks(const msg::configuration_id& ballot) const {
    return before_ < ballot && !made_.contains(ballot);
  }

private:
  std::set<msg::configuration_id> made_;
  msg::configuration_id before_;
};

/// For the console.
struct multicast_status {
  bool operating = false;
  bool serving = false;
  msg::group_configuration configuration; ///< The last primary one known.
  std::vector<server_id> here;
  server_id leader;
  server_id owner; ///< Of the next place.
  std::uint64_t received = 0;
  std::uint64_t durable = 0;
  std::uint64_t safe = 0;
  std::uint64_t stable = 0;
  std::uint64_t delivered = 0;
  std::uint64_t retained = 0;
  std::uint64_t resent = 0;
  std::uint64_t nacks = 0;         ///< Places that were asked for.
  std::uint64_t waiting_bytes = 0; ///< Submitted, without a number.
  std::uint64_t under_way = 0;     ///< Own messages that are not delivered.
  std::uint64_t conflicts = 0;     ///< Orders that contradict others: a bug.
  bool stalled = false;            ///< Its log hangs, or did a short while ago.
  bool blank = true; ///< It has nothing of the order, and no state.
  /// Since it acted in a configuration of which all that is below the first
  /// place was delivered here; 0 while it does.
  instant::duration changing{0};
  std::map<server_id, std::uint64_t> marks; ///< `received`, of who is heard.
  /// Likewise, of all that were heard in this life: as they told last.
  std::map<server_id, std::uint64_t> last_marks;
  /// What all configured servers read (`msg::group_version`); 0 until each of
  /// them has told in this life.
  std::uint8_t version = 0;
};

/// As in `multicast_status`.
[[nodiscard]] std::uint8_t version_of_all(const group_peers& peers,
                                          const std::vector<server_id>& servers,
                                          server_id self);

/// Bytes that a part takes in a datagram, at most, as long as places, message
/// numbers and lives are below 2^49, epochs below 2^35, and marks less than
/// 2^20 apart.
[[nodiscard]] std::size_t bytes_of(const msg::multicast_part& part);

/// Bytes that a packet of `bytes` may have without needing another datagram.
[[nodiscard]] constexpr std::size_t packet_room(std::size_t bytes) {
  if (bytes <= msg::multicast_bytes_max)
    return msg::multicast_bytes_max;
  const auto fragments
    = (bytes + msg::fragment_bytes_max - 1) / msg::fragment_bytes_max;
  return fragments * msg::fragment_bytes_max;
}

/// What a header takes, at most.
inline constexpr std::size_t packet_header_bytes = 39;

} // namespace dfs::core
