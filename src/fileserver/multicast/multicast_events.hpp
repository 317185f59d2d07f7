#pragma once

#include "base/error.hpp"
#include "core/multicast/multicast_effects.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What a service of the ordered multicast is told, in this order
// (docs/protocols/multicast.md, What a service sees), and what it says.

namespace dfs::fileserver {

/// Answer with the service's state after the deliveries so far.
struct state_wanted {
  std::uint64_t ticket = 0;
};

/// The service's state is now this one, after place `k`. The first event at a
/// start, if there is a stored state.
struct state_replaced {
  std::uint64_t k = 0;
  std::string state;
  /// Places delivered here that it does not contain: to be counted and audited.
  std::uint64_t discarded_after = 0;
  std::uint64_t discarded_to = 0;
};

/// Nothing is delivered any more: the log cannot be written.
struct group_failed {
  error why;
};

/// There is room for the log again. As at a start: the service's state is the
/// one it began with, and what is stored is told anew.
struct group_begun_anew {};

using multicast_event
  = std::variant<core::deliver_payload, core::configuration_installed,
                 core::primary_lost, core::primary_regained, core::submit_ended,
                 core::log_went_back, core::rules_changed, state_wanted,
                 state_replaced, group_failed, group_begun_anew>;
using multicast_events = std::vector<multicast_event>;

/// Payloads with the tokens that come back with them; of one process, unique.
using multicast_submits
  = std::vector<std::pair<core::submit_token, std::string>>;

} // namespace dfs::fileserver
