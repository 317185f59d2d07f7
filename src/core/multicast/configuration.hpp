#pragma once

#include "core/multicast/multicast_config.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// Who gives place `k`: the members take turns. @pre it has members.
[[nodiscard]] server_id
owner_of(const msg::group_configuration& x, std::uint64_t k);

/// @returns the index of the server, or nothing.
[[nodiscard]] std::optional<std::size_t>
index_of(const msg::group_configuration& x, server_id server);
/// @returns the index of this life of the server, or nothing.
[[nodiscard]] std::optional<std::size_t>
index_of(const msg::group_configuration& x, server_id server, life_id life);

/// Is this process a member?
[[nodiscard]] bool
acts_in(const msg::group_configuration& x, const msg::group_member& who);

/// Is this server, with this state, one of them?
[[nodiscard]] bool
votes_in(const msg::group_configuration& x, const msg::group_member& who);

/// The same id, and the same members with their stores? Of attempts lives are
/// not told; where members are not known the id decides.
[[nodiscard]] bool
is_same(const msg::group_configuration& x, const msg::group_configuration& y);

/// Which one counts: the one with the higher id. An id that means two was given
/// twice, by a leader whose disk had gone back; then it is the same one of the
/// two everywhere.
[[nodiscard]] bool
is_later(const msg::group_configuration& x, const msg::group_configuration& y);

/// How many attempts a server remembers at most, its own last one included:
/// what is told of them has to fit into a packet. More would have to fail one
/// after another, each with another store that is gone for good since.
inline constexpr std::size_t attempts_most = msg::group_attempts_max;

/// Was the server that has or tells of this attempt committed to it itself? Of
/// those that a leader told it of it has no first place.
[[nodiscard]] inline bool is_own(const msg::group_configuration& attempt) {
  return attempt.first > 0;
}

[[nodiscard]] constexpr bool is_none(const msg::configuration_id& x) {
  return x.epoch == 0;
}

/// "7.3: 1 2 3".
[[nodiscard]] std::string to_text(const msg::group_configuration& x);
[[nodiscard]] std::string to_text(const msg::configuration_id& x);

/// Of the configured group and its rule: who differs is not listened to.
[[nodiscard]] std::uint64_t fingerprint_of(const multicast_config& config);

/// What decides who is primary: the same at all servers of a group.
struct group_rules {
  primary_rule rule = primary_rule::majority;
  std::uint64_t min_quorum = 0;
  std::vector<server_id> servers; ///< Ascending.

  bool operator==(const group_rules&) const = default;
};

[[nodiscard]] group_rules rules_of(const multicast_config& config);

/// "highest-id, min_quorum 2, servers 1 2 3".
[[nodiscard]] std::string to_text(const group_rules& x);

/// What a server must not forget about configurations. Durable before anything
/// that builds on it is said.
struct group_record {
  msg::configuration_id promised;
  msg::group_configuration known;
  msg::configuration_id lineage;
  /// Own ones and others; the last is own, the others are all that were open
  /// when it was made. Of a forgetful server: own ones since it has become so.
  std::vector<msg::group_configuration> attempts;
  msg::group_history history; ///< For the count of what a merge discards.
  /// This server may have acknowledged what is not here. Until it is in a
  /// configuration that was formed in this knowledge, it has no vote.
  bool forgetful = false;
  /// By which it is decided who goes on after `known`. Nothing: as configured.
  std::optional<group_rules> rules;
  /// Others, by which that is decided after its last attempt: none but a server
  /// that is configured so may judge that one.
  std::optional<group_rules> next_rules;

  bool operator==(const group_record&) const = default;
};

} // namespace dfs::core
