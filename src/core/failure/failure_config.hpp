#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dfs::core {

/// Times and counts of membership; docs/protocols/membership.md derives them
/// from the bounds of SPEC M4 and M5. The defaults hold those bounds together:
/// a change of one is a change of the proof.
struct failure_config {
  using ms = std::chrono::milliseconds;

  // Probing.
  std::size_t monitors = 4; ///< k: successors that each member probes.
  ms probe_period{500};     ///< Per target.
  ms escalate_after{300};   ///< No ack: two more pings, three indirect ones.
  ms suspect_after{900};    ///< No ack at all: suspect.
  ms suspect_period{250};   ///< Probes of a suspect.

  // Verdicts, counted from a suspicion.
  ms verdict_alone{2'800};  ///< Nobody agrees.
  ms verdict_agreed{1'800}; ///< From the older of two monitors' suspicions…
  ms verdict_second{1'500}; ///< …while the younger has lasted this long.
  // Verdicts, counted from the last sign of life.
  ms verdict_pair{3'600}; ///< Of the only other member.

  // Nobody answers, so no verdicts: when this node counts itself alone, from
  // the last answer of anybody.
  ms verdict_lonely{4'400};    ///< Up to three others.
  ms verdict_isolated{30'000}; ///< More.

  ms stall{200}; ///< Later than this, and the own loop has stalled.
  /// A longer one is not credited, and all begins anew: the others have given
  /// this node up meanwhile.
  ms stall_max{5'000};
  unsigned loss_percent = 28; ///< Lost round trips above which nobody's
                              ///< agreement shortens: 15 % each way.
  ms unwatched_after{1'500};  ///< No ping from a monitor: ask for one.
  ms watch_for{10'000};       ///< How long such a request is honoured.

  // Spreading news.
  std::size_t direct_max = 32; ///< Members up to which news goes to each.
  ms resend_after{150};        ///< Direct news without an ack.
  unsigned resends = 6;
  ms gossip_period{100};
  std::size_t gossip_fanout = 3;

  // Agreement of lists.
  ms random_probe_period{1'000}; ///< And greetings of introducers outside.
  ms sync_period{500};           ///< At most one comparison started per period.
  ms sync_settle{300};           ///< News on their way need no comparison.
  ms tombstone_for{60'000};

  // Coming and going.
  ms join_retry_first{100};
  ms join_retry_max{1'000};
  ms found_after{1'500};    ///< No other introducer answered: found a group.
  ms found_refused{10'000}; ///< Likewise, since a group last said no.
  ms leave_linger{300};     ///< Somebody knows: wait so long for the others.
  ms leave_max{1'000};
  ms newcomer_for{2'000};        ///< How long what a stranger says is a hint.
  ms new_life_pause{1'000};      ///< Between rejoins at first…
  ms new_life_pause_max{60'000}; ///< …and after many.
};

} // namespace dfs::core
