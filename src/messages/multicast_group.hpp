#pragma once

#include "base/ids.hpp"

#include <caf/meta/type_name.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

// The group of the ordered multicast (docs/protocols/multicast.md): who is
// there, and how it goes from one configuration to the next.
//
//   leader -- gather_members --> those who follow it    -- members_gathered -->
//          -- commit_members -->   (pull up to the cut) -- member_ready -->
//          -- install_members ->

namespace dfs {

struct server_tag {};
struct life_tag : counter {};

/// The configured, static number of a server in the group; never 0.
using server_id = strong_id<server_tag>;

/// One start of a server's process; grows with each start of that server.
using life_id = strong_id<life_tag>;

} // namespace dfs

namespace dfs::msg {

inline constexpr std::size_t group_servers_max = 16;
inline constexpr std::size_t group_history_max = 8;

/// Names a configuration and, before it is one, the ballot for it. Ordered; a
/// leader never uses one twice. Epoch 0: none.
struct configuration_id {
  std::uint64_t epoch = 0;
  server_id leader;

  auto operator<=>(const configuration_id&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, configuration_id& x) {
  return f(caf::meta::type_name("configuration_id"), x.epoch, x.leader);
}

/// A server with its state. Votes follow (server, store): a store that is lost
/// is another one. In memory mode the store lives as long as the process.
struct group_member {
  server_id server;
  store_id store;
  life_id life; ///< Who acts; not part of a vote.

  bool operator==(const group_member&) const = default;
};

/// Who orders messages from place `first` on. Of attempts only `id` and
/// `members` are told, and `first` is 1 if the one who tells was committed to
/// it, else 0.
struct group_configuration {
  configuration_id id;
  configuration_id previous; ///< Whose places end before `first`.
  std::uint64_t first = 0;
  std::vector<group_member> members; ///< By server.

  bool operator==(const group_configuration&) const = default;
};

/// The last configurations, and where each of them began.
using group_history = std::vector<std::pair<configuration_id, std::uint64_t>>;

/// What a server brings to the choice of a configuration.
struct member_standing {
  group_member who;
  configuration_id promised; ///< It acts in nothing lower.
  /// The highest configuration that is known to have been installed by anyone.
  group_configuration known;
  /// Whose places are in the log beyond what is final.
  configuration_id lineage;
  /// Later ones than `known` that may have been installed by someone.
  std::vector<group_configuration> attempts;
  bool fit = false;    ///< Not too far behind to be a member.
  bool forced = false; ///< An operator overrides the rule.
  /// Its log hangs, or did a short while ago: others do without it if they can.
  bool stalled = false;
  /// Its disk is new, or went back to an older state: it may have acknowledged
  /// what it does not have. It has no vote until it is in a new configuration.
  bool forgetful = false;
  /// How far this server heard that each member of `known` holds the order,
  /// durably. By member; empty, unless this process acted in that one.
  std::vector<std::uint64_t> marks;

  bool operator==(const member_standing&) const = default;
};

/// To all configured servers, regularly: who am I, whom do I hear?
struct group_beacon {
  member_standing standing;
  std::vector<server_id> heard;
  server_id follows;          ///< Its leader, as it sees it; 0 for none.
  configuration_id operating; ///< Epoch 0: in none.
  std::uint64_t final = 0;    ///< Its prefix of the order that is for good.
  bool answer = false;        ///< "I have not heard you: answer at once."
  bool operator==(const group_beacon&) const = default;
};

/// GATHER: stop what you do in lower configurations, and tell what you have.
struct gather_members {
  configuration_id ballot;
  bool operator==(const gather_members&) const = default;
};

/// The promise is durable, and so is all that is told here.
struct members_gathered {
  configuration_id ballot;
  member_standing standing;
  std::uint64_t received = 0; ///< All places up to here are held.
  bool operator==(const members_gathered&) const = default;
};

/// COMMIT: this is the next configuration. Record the attempt, get what you
/// lack below `next.first`, say when you have it.
struct commit_members {
  group_configuration next;
  group_configuration known;
  std::vector<group_configuration> attempts; ///< That are not resolved.
  group_history history;                     ///< Up to `known`.
  server_id donor; ///< Has all up to the cut; 0 when nobody lacks anything.
  bool operator==(const commit_members&) const = default;
};

/// READY: the attempt is durable, and so is all below `next.first`.
struct member_ready {
  configuration_id ballot;
  std::uint64_t chain = 0; ///< Of the order up to the cut.
  bool operator==(const member_ready&) const = default;
};

/// INSTALL: all were ready. Implied by any packet in that configuration.
struct install_members {
  configuration_id ballot;
  bool operator==(const install_members&) const = default;
};

} // namespace dfs::msg
