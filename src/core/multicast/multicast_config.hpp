#pragma once

#include "messages/multicast.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfs::core {

/// Which side of a split group goes on (SPEC Q6).
enum class primary_rule : std::uint8_t {
  /// More than half of the last primary configuration; of two halves the one
  /// with its highest server.
  majority = 1,
  /// The side with the highest server of the last primary configuration.
  highest_id = 2,
  /// Each side: silence counts as death. A merge discards what the losing side
  /// did alone.
  highest_id_literal = 3,
};

struct multicast_config {
  std::vector<server_id> servers; ///< All of the group, ascending, 1 to 16.
  primary_rule rule = primary_rule::majority;
  std::size_t min_quorum = 2; ///< Never fewer members, if so many are there.
  /// Without all of these there is no primary: while the settings change.
  std::vector<server_id> needed;
  bool durable = true;           ///< Else stores live as long as processes.
  std::uint64_t first_place = 1; ///< Of the very first configuration.

  // -- who is there -----------------------------------------------------------
  std::chrono::milliseconds beacon_idle{200};
  std::chrono::milliseconds beacon_busy{50}; ///< While not operating.
  std::chrono::milliseconds probe_after{300};
  std::chrono::milliseconds probe_every{50};
  std::chrono::milliseconds silence{800}; ///< Then it is not heard any more.
  std::chrono::milliseconds settle{30}; ///< A set of members stands so long …
  std::chrono::milliseconds merge_gap{500}; ///< … or so long, to add some.
  std::chrono::milliseconds attempt_patience{400}; ///< Without any progress;
  /// … after one that failed. A disk may take longer than the first for a sync.
  std::chrono::milliseconds attempt_patience_again{1'600};
  std::chrono::milliseconds straggle{300}; ///< A member may install so late.
  std::chrono::milliseconds stuck{5'000};  ///< A member that holds all up.
  std::chrono::milliseconds shun{10'000};  ///< It is left out so long.
  /// Its own log does not get on for so long: its disk hangs. Longer than a
  /// sync takes on a disk that is merely busy.
  std::chrono::milliseconds log_hangs{2'000};

  /// A service that has not given its state for so long never will.
  std::chrono::milliseconds state_patience{60'000};

  // -- the order --------------------------------------------------------------
  std::chrono::microseconds ack_gap{200}; ///< Least time between two STATUS.
  std::chrono::microseconds pack_delay{200};
  std::chrono::milliseconds status_every{20}; ///< While not all is stable.
  std::chrono::milliseconds resend_after{20}; ///< Own message without a place …
  std::chrono::milliseconds resend_most{200}; ///< … doubling up to this.
  std::chrono::milliseconds nack_after{2};
  std::chrono::milliseconds nack_again{8}; ///< Doubling up to:
  std::chrono::milliseconds nack_most{100};
  /// … but only up to this for the one place that all others wait behind: of a
  /// body in many datagrams few answers arrive whole where many are lost.
  std::chrono::milliseconds nack_first_most{20};
  std::chrono::milliseconds nudge_after{10};
  /// After a loss the times to ask and to nudge are a quarter, for so long.
  std::chrono::milliseconds loss_memory{100};
  std::chrono::milliseconds duty_busy{2}; ///< How often timers are looked at.
  std::chrono::milliseconds duty_idle{50};
  std::chrono::milliseconds change_resend{20};

  // -- bounds -----------------------------------------------------------------
  std::uint64_t window = 256; ///< Own messages that are not safe, at most,
  std::size_t window_bytes = 384u << 10; ///< … and their bytes, about.
  /// A message fills so many bytes, if that much waits and nothing is lost.
  std::size_t message_bytes = msg::multicast_body_bytes_max;
  std::uint64_t unstable = 4'096;      ///< Places that not all hold, at most.
  std::uint64_t retained = 8'192;      ///< Places kept for those who come back.
  std::uint64_t fit_lag = 1'024;       ///< Who lacks more is not admitted yet.
  std::size_t submit_bytes = 8u << 20; ///< Waiting payloads.
  std::size_t payload_bytes = 2u << 20; ///< The largest payload.
  std::size_t snapshot_bytes = 256u << 20;
};

} // namespace dfs::core
