#pragma once

#include "core/multicast/configuration.hpp"
#include "core/multicast/payloads.hpp"
#include "core/multicast/primary_choice.hpp"
#include "core/multicast/sender.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

// Effects of the ordered multicast, to be performed in order.

/// The same datagram to each of them. May be lost, doubled, reordered.
struct send_multicast {
  std::vector<server_id> to;
  msg::multicast_packet packet;
};

// What has to be durable goes to one log, in the order of the effects; then
// `stored(token)`: that, and all before it, is there. After a crash the log
// ends somewhere: what was told to be stored is there, and nothing follows a
// gap. Not used in memory mode.

/// Places `first`, `first` + 1 … of the order.
struct append_items {
  std::uint64_t token = 0;
  std::uint64_t first = 0;
  std::vector<msg::message_body> items;
  std::uint64_t final = 0; ///< Up to here places never change any more.
};

/// Replaces the former record. @see group_record
struct store_record {
  std::uint64_t token = 0;
  group_record record;
  std::uint64_t keep = 0;  ///< Places above are void, all or none with this.
  std::uint64_t final = 0; ///< As above.
};

/// The service's state and all places so far are void; this is the state at
/// `position.k`. All or none; durable, in durable mode, before what follows.
struct replace_state {
  std::uint64_t token = 0;
  order_position position;
  std::string state; ///< What a `take_snapshot` was answered with elsewhere.
  group_record record;
  /// Deliveries made here that this state does not contain (only under
  /// `highest_id_literal`, or after a forced primary): places
  /// `discarded_after` + 1 … `discarded_to`. To be counted and audited.
  std::uint64_t discarded_after = 0;
  std::uint64_t discarded_to = 0;
};

/// A payload in its place: it is safe, at every server it comes here, too.
/// Payloads of one place come in the order of their index.
struct deliver_payload {
  std::uint64_t k = 0;
  std::uint32_t index = 0;
  server_id sender;
  std::string payload;
  std::optional<submit_token> token; ///< It was submitted here, in this life.
};

/// A primary configuration with this server in it begins after `first` - 1.
/// Comes between the deliveries, at the same place at each of its members: when
/// all up to there is delivered. One that ends before that is not told of.
struct configuration_installed {
  msg::group_configuration configuration;
};

/// This server does not take part in a primary configuration (any more): it
/// must refuse updates; what it reads may be stale. Repeated when who is there,
/// or why, has changed.
struct primary_lost {
  primary_verdict why = primary_verdict::no_quorum;
  std::vector<server_id> here;      ///< Who hears each other, with this server.
  msg::group_configuration primary; ///< The last one that is known of.
  bool stalled = false;   ///< This server's log hangs, or did a while ago.
  bool forgetful = false; ///< Its disk is new, or went back: it has no vote.
};

/// The log of this server is older than what it acknowledged: its disk was put
/// back. It has no vote until it is in the next configuration.
struct log_went_back {
  msg::configuration_id known; ///< The last one that it knows now.
};

/// The settings of this server decide from here on: all that have them have
/// formed a configuration by the former ones.
struct rules_changed {
  group_rules from;
  group_rules to;
};

/// It does again: in the configuration that it was in.
struct primary_regained {
  msg::configuration_id id;
};

/// Give the service's state after the deliveries so far -> `snapshot_taken`.
struct take_snapshot {
  std::uint64_t ticket = 0; ///< Counts from 1 in each life.
  std::uint64_t k = 0;
};

enum class submit_outcome : std::uint8_t {
  refused = 1, ///< It was not sent, and never will be.
  settled = 2, ///< It has been ordered, at a place that was not seen here.
};

/// Of a payload for which no `deliver_payload` comes.
struct submit_ended {
  submit_token token = 0;
  submit_outcome outcome = submit_outcome::refused;
};

using multicast_effect
  = std::variant<send_multicast, append_items, store_record, replace_state,
                 deliver_payload, configuration_installed, primary_lost,
                 primary_regained, log_went_back, rules_changed, take_snapshot,
                 submit_ended>;
using multicast_effects = std::vector<multicast_effect>;

/// What a restarted server has.
struct stored_group {
  group_record record;
  order_position position;              ///< Of the service's state.
  std::vector<msg::message_body> items; ///< From `position.k` + 1 on.
  std::uint64_t final = 0;
};

} // namespace dfs::core
