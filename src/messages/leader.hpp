#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "messages/door.hpp"
#include "messages/member.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Who leads the cluster, for clients: docs/protocols/leader.md. The front door
// answers by itself; no actor is asked.

namespace dfs::msg {

/// Asks any server which master leads -> `master_found`. Small and quick: ten
/// thousand clients ask it at once after a restart. May be repeated.
struct find_master {
  bool operator==(const find_master&) const = default;
};

inline constexpr std::size_t master_found_others_max = 4;

/// At most 200 bytes.
struct master_found {
  bool in_group = false; ///< Else the server knows nothing of the group.
  bool known = false;    ///< Whether it knows a master.
  bool here = false;     ///< It leads itself.
  master_term term;      ///< Of that lead; 0: not known to this server.
  member_id who;         ///< The master.
  std::string name;      ///< Of the master, as in its certificate.
  endpoint address;      ///< Stream plane.
  /// Stream planes of some other servers, drawn anew for each answer.
  std::vector<endpoint> others;

  bool operator==(const master_found&) const = default;
};

/// What a refusal with `ec::not_leader` says: where the refusing server
/// believes the master to be. Best effort: the named server decides whether it
/// leads.
struct leader_hint {
  member_id who;    ///< All zero: the refusing server knows no master.
  endpoint address; ///< Stream plane.
  master_term term; ///< 0: not known to the refusing server.

  bool operator==(const leader_hint&) const = default;
};

/// "10.0.0.5:7401@1700000000000 leads at 10.0.0.5:7403 in term 7": the context
/// of the refusal. The form is part of the protocol.
[[nodiscard]] std::string to_string(const leader_hint& x);

/// Takes what `to_string` makes. Nothing: the text names no master.
[[nodiscard]] std::optional<leader_hint> hint_in(std::string_view refusal);

template <>
struct method<find_master> {
  using reply = master_found;
  static constexpr std::uint16_t number = 11;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "find_master";
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_master&) {
  return f(caf::meta::type_name("find_master"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, master_found& x) {
  return f(caf::meta::type_name("master_found"), x.in_group, x.known, x.here,
           x.term, x.who, x.name, x.address, x.others);
}

} // namespace dfs::msg
