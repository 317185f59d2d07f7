#pragma once

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// What the console asks a node about itself.
//
//   client -- list_actors ------> admin console    actor_list
//          -- get_actor(name) -->                  actor_detail
//          -- get_log_levels --->                  log_levels
//          -- set_log_level ---->                  log_levels, audited
//          -- get_config ------->                  config_list
//          -- get_health ------->                  health_report (health.hpp)
//
// All of it speaks of one node, the one that was asked. Times are durations
// until the moment of the answer: nodes share no clock.

namespace dfs::msg {

/// What an actor is doing. The numbers travel: append only.
enum class actor_activity : std::uint8_t {
  starting = 0, ///< Spawned; has not run yet.
  idle = 1,     ///< Waits for messages, or for its turn.
  busy = 2,     ///< In a handler; `actor_stats::busy_for` says how long.
  ended = 3,    ///< Gone, on purpose or not; see `actor_stats::last_error`.
};

/// One subsystem, over all its lives since the process began.
struct actor_stats {
  std::string name;
  std::string parent; ///< Who spawned it; empty for the root.
  actor_activity activity = actor_activity::starting;
  std::uint64_t messages = 0; ///< Handled.
  std::uint64_t mailbox = 0;  ///< Waiting now.
  std::uint64_t failures = 0; ///< Exceptions and messages nobody understood.
  std::uint64_t restarts = 0;
  std::chrono::milliseconds age{0}; ///< Of this life.
  std::chrono::nanoseconds busy_for{0};
  std::chrono::nanoseconds handling_sum{0};
  std::chrono::nanoseconds handling_p50{0};
  std::chrono::nanoseconds handling_p99{0};
  std::chrono::nanoseconds handling_max{0};
  std::string last_error; ///< Empty: none yet.

  bool operator==(const actor_stats&) const = default;
};

/// Handling times above the former bucket's bound and at most `up_to`.
struct latency_bucket {
  std::chrono::nanoseconds up_to{0};
  std::uint64_t count = 0;

  bool operator==(const latency_bucket&) const = default;
};

/// A message an actor has handled: what it was, not what it said.
struct recent_message {
  std::string type;
  std::chrono::milliseconds ago{0};
  std::chrono::nanoseconds took{0};

  bool operator==(const recent_message&) const = default;
};

/// Reply: `actor_list`.
struct list_actors {
  bool operator==(const list_actors&) const = default;
};

/// In the order in which they were first spawned: parents before children.
struct actor_list {
  std::vector<actor_stats> actors;

  bool operator==(const actor_list&) const = default;
};

/// Reply: `actor_detail`. Errors: `ec::not_found`.
struct get_actor {
  std::string name;

  bool operator==(const get_actor&) const = default;
};

struct actor_detail {
  actor_stats stats;
  std::vector<latency_bucket> handling; ///< Without the empty ones; ascending.
  std::vector<recent_message> recent;   ///< Newest first; at most 16.

  bool operator==(const actor_detail&) const = default;
};

/// Reply: `log_levels`.
struct get_log_levels {
  bool operator==(const get_log_levels&) const = default;
};

/// Reply: `log_levels`, as they are afterwards. Errors: `ec::not_found` for a
/// subsystem that has never logged, `ec::invalid_argument`. May be repeated.
struct set_log_level {
  std::string subsystem;         ///< "*" is all of them.
  std::string level;             ///< trace, debug, info, warning, error or off.
  std::chrono::seconds lasts{0}; ///< Then back; 0 is for good; at most a day.
  /// Who asks, for the audit line. The front door puts the name that it has
  /// verified in the place of whatever stood here.
  std::string principal;

  bool operator==(const set_log_level&) const = default;
};

struct log_level {
  std::string subsystem;
  std::string level;
  std::chrono::seconds reverts_in{0}; ///< 0: stays.

  bool operator==(const log_level&) const = default;
};

/// Sorted by name.
struct log_levels {
  std::vector<log_level> subsystems;

  bool operator==(const log_levels&) const = default;
};

/// Reply: `config_list`.
struct get_config {
  bool operator==(const get_config&) const = default;
};

/// One effective setting. Secrets are redacted where the list is made.
struct config_entry {
  std::string key;
  std::string value;
  std::string source; ///< "default", a file and its line, a variable, a flag.

  bool operator==(const config_entry&) const = default;
};

struct config_list {
  std::vector<config_entry> entries;

  bool operator==(const config_list&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_stats& x) {
  return f(caf::meta::type_name("actor_stats"), x.name, x.parent, x.activity,
           x.messages, x.mailbox, x.failures, x.restarts, x.age, x.busy_for,
           x.handling_sum, x.handling_p50, x.handling_p99, x.handling_max,
           x.last_error);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, latency_bucket& x) {
  return f(caf::meta::type_name("latency_bucket"), x.up_to, x.count);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, recent_message& x) {
  return f(caf::meta::type_name("recent_message"), x.type, x.ago, x.took);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_actors&) {
  return f(caf::meta::type_name("list_actors"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_list& x) {
  return f(caf::meta::type_name("actor_list"), x.actors);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_actor& x) {
  return f(caf::meta::type_name("get_actor"), x.name);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, actor_detail& x) {
  return f(caf::meta::type_name("actor_detail"), x.stats, x.handling, x.recent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_log_levels&) {
  return f(caf::meta::type_name("get_log_levels"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_log_level& x) {
  return f(caf::meta::type_name("set_log_level"), x.subsystem, x.level, x.lasts,
           x.principal);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_level& x) {
  return f(caf::meta::type_name("log_level"), x.subsystem, x.level,
           x.reverts_in);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_levels& x) {
  return f(caf::meta::type_name("log_levels"), x.subsystems);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_config&) {
  return f(caf::meta::type_name("get_config"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, config_entry& x) {
  return f(caf::meta::type_name("config_entry"), x.key, x.value, x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, config_list& x) {
  return f(caf::meta::type_name("config_list"), x.entries);
}

} // namespace dfs::msg
