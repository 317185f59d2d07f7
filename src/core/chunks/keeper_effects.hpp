#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "messages/chunk_control.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

/// One registration, and all that is said under it; grows within a life.
using keeper_talk = std::uint64_t;

// Effects of the keeper machine, to be performed in order. What is answered is
// answered once, with an error if need be; not at all is allowed, too.

/// Where is the present master's chunk directory? -> `master_found` or
/// `master_missing`.
struct find_master {};

/// -> `registered` or `registration_failed`.
struct send_registration {
  keeper_talk talk = 0;
  msg::register_chunkserver what;
  std::chrono::milliseconds within{0};
};

/// Make durable that no older metadata is to be obeyed -> `mark_persisted`.
struct persist_mark {
  msg::master_mark mark;
};

/// List all replicas that are in service now -> `replicas_listed`.
struct list_replicas {
  std::uint64_t ticket = 0;
};

/// -> `page_answered` or `page_failed`.
struct send_page {
  keeper_talk talk = 0;
  msg::report_chunks what;
  std::chrono::milliseconds within{0};
};

/// Ask the data server what has happened to its leases after that, at most so
/// many (`led_table::news`) -> `led_told`.
struct ask_led {
  std::uint64_t ticket = 0;
  std::uint64_t after = 0;
  std::size_t most = 0;
};

/// Tell the data server when it is sent, then send it -> `beat_answered` or
/// `beat_failed`.
struct send_beat {
  keeper_talk talk = 0;
  msg::chunk_heartbeat what;
  boot_instant sent;
  std::chrono::milliseconds within{0};
};

/// Serve and change nothing of these below their versions -> `revoked`, when
/// that holds.
struct revoke_replicas {
  std::uint64_t ticket = 0;
  std::vector<msg::chunk_state> chunks;
};

/// Read these replicas and see whether they are good: what is not is told by
/// the data server, as always. May be performed again, or not at all.
struct verify_replicas {
  std::vector<chunk_id> chunks;
};

struct renew_leases {
  std::vector<lease_epoch> epochs;
  boot_instant until;
};

struct end_leases {
  std::vector<lease_epoch> epochs;
};

/// This life of the server is known to a master: once, before anything else.
/// Grants up to this one were to a former life.
struct begin_life {
  lease_epoch granted;
};

/// In the past: it is over.
struct set_node_lease {
  boot_instant until;
};

/// Nothing that was counted before this moment means anything: all chunk leases
/// are over, and those that count from earlier heartbeats as well.
struct forget_clocks {};

/// -> `goodbye_said` or `goodbye_failed`.
struct say_goodbye {
  keeper_talk talk = 0;
  msg::leave_chunkserver what;
  std::chrono::milliseconds within{0};
};

/// A line for the log.
struct keeper_note {
  enum class kind : std::uint8_t {
    registered,   ///< With a master.
    refused,      ///< By a master, or a master by us.
    master_lost,  ///< The connection, or its answers.
    reported,     ///< It knows all that is here.
    lease_began,  ///< The node lease.
    lease_ended,  ///< Without being renewed.
    clock_jumped, ///< And so it ended.
    impeded,      ///< It is not renewed, because it could not be honoured.
    freed,        ///< Of that.
    left,
  };
  kind what = kind::registered;
  std::string text;
};

using keeper_effect
  = std::variant<find_master, send_registration, persist_mark, list_replicas,
                 send_page, ask_led, send_beat, revoke_replicas,
                 verify_replicas, renew_leases, end_leases, begin_life,
                 set_node_lease, forget_clocks, say_goodbye, keeper_note>;
using keeper_effects = std::vector<keeper_effect>;

} // namespace dfs::core
