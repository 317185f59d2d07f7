#pragma once

#include "actors/group_counters.hpp"
#include "actors/interfaces.hpp"
#include "actors/leader_board.hpp"
#include "actors/membership_log.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace dfs::actors {

struct membership_options {
  msg::member_record self; ///< As the failure detector begins with it.
  std::function<unix_milliseconds()> now; ///< Wall clock, for the log.
  std::shared_ptr<group_counters> counters = std::make_shared<group_counters>();
  std::shared_ptr<leader_board> leaders = nullptr; ///< Nobody looks at it.
};

/// This node's view of the group, for everybody in the process who asks.
struct membership_state {
  static inline const char* name = "membership";

  // Consoles, clients' watches and subsystems; each costs a message a change.
  static constexpr std::size_t listeners_max = 1'024;

  // Keeps this from being an aggregate: CAF 0.17 would build `State(self)`.
  membership_state() = default;

  [[nodiscard]] msg::member_list list() const;
  void apply(const msg::member_changed& event);
  void show() const;
  void note(const msg::member_changed& event);
  void count(msg::member_change change);

  membership_options options;
  std::shared_ptr<membership_log> log;
  std::map<msg::member_id, msg::member_record> members;
  std::vector<member_listener_actor> listeners;
};

/// Tells the log of this process of trouble with the membership log.
void log_membership_trouble(const char* what, const error& why);

/// Not to be restarted by itself: the failure detector tells it changes only.
/// @param log Opened by the caller, who can still refuse to start.
membership_actor::behavior_type
membership(membership_actor::stateful_pointer<membership_state> self,
           membership_options options, std::shared_ptr<membership_log> log);

} // namespace dfs::actors
