#pragma once

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <string>
#include <vector>

// Whether a node is well, and how its parts are stopped. Both speak of one
// process: `get_health` comes from a console or from /readyz, the rest goes
// between main and the supervisor.

namespace dfs::msg {

/// Reply: `health_report`.
struct get_health {
  bool operator==(const get_health&) const = default;
};

/// One thing that has to be well before a node is.
struct health_check {
  std::string name;
  bool passed = false;
  std::string reason; ///< Why not; if passed, what to look at, or nothing.

  bool operator==(const health_check&) const = default;
};

struct health_report {
  bool live = false;  ///< Not hung: a restart would not help.
  bool ready = false; ///< May be sent work.
  std::vector<health_check> checks;

  bool operator==(const health_report&) const = default;
};

/// To the supervisor of this process: ends all subsystems, last spawned first.
/// Reply: `subsystems_stopped`, after `deadline` at the latest.
struct stop_subsystems {
  std::chrono::milliseconds deadline{0};

  bool operator==(const stop_subsystems&) const = default;
};

struct subsystems_stopped {
  std::vector<std::string> hung; ///< Did not end in time; empty is good.

  bool operator==(const subsystems_stopped&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_health&) {
  return f(caf::meta::type_name("get_health"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, health_check& x) {
  return f(caf::meta::type_name("health_check"), x.name, x.passed, x.reason);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, health_report& x) {
  return f(caf::meta::type_name("health_report"), x.live, x.ready, x.checks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stop_subsystems& x) {
  return f(caf::meta::type_name("stop_subsystems"), x.deadline);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, subsystems_stopped& x) {
  return f(caf::meta::type_name("subsystems_stopped"), x.hung);
}

} // namespace dfs::msg
