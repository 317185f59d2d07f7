#pragma once

#include "actors/queue_server.hpp"
#include "core/queues/queue_rules.hpp"

#include <chrono>
#include <span>
#include <string>
#include <vector>

// The handlers' work of the queue server; queue_server.cpp has its behavior.

namespace dfs::actors {

struct queue_shell {
  using self_pointer = queue_server_actor::stateful_pointer<queue_server_state>;
  using answer_promise = queue_server_state::answer_promise;
  using change_key = queue_server_state::change_key;

  self_pointer self;
  queue_server_state& state = self->state;

  [[nodiscard]] queue_counters& counters() const {
    return *state.options.counters;
  }

  // queue_requests.cpp: clients
  caf::result<msg::queue_answer>
  change(const msg::change_queue& x, const door_caller& by) const;
  caf::result<msg::queue_answer> end(const msg::queue_request& x) const;
  void forget(const door_caller& gone) const;
  void forget(const caf::down_msg& gone) const;
  template <class Is>
  void forget_callers(Is is_gone) const;
  /// The front door that has sent what is handled now; none if it has ended.
  /// Before `make_response_promise`, which takes the sender away.
  [[nodiscard]] caf::actor_addr monitor_door() const;
  caf::result<msg::queue_answer> read(const msg::read_queue& x) const;
  void gather(msg::queue_request request, std::uint64_t read) const;
  void gather(core::waiting_pops::requests requests) const;
  void flush() const;
  [[nodiscard]] bool may_be_discarded() const;
  void ends(const std::vector<queue_server_state::asked>& payload) const;
  void give_up(const patience_over& x) const;
  void tick() const;
  void watch_order() const;
  void judge(std::chrono::nanoseconds changing) const;
  void answer(const msg::queue_answer& x) const;
  void refuse_all(const error& why) const;
  [[nodiscard]] error not_primary() const;

  // queue_news.cpp: the group
  void take(fileserver::multicast_events& events) const;
  void apply(std::span<fileserver::multicast_event> place) const;
  void take(const core::configuration_installed& x) const;
  void take(const core::primary_lost& x) const;
  void take(const core::primary_regained& x) const;
  void take(const core::submit_ended& x) const;
  void take(const core::log_went_back& x) const;
  void take(const core::rules_changed& x) const;
  void take(const fileserver::state_wanted& x) const;
  void take(const fileserver::state_replaced& x) const;
  void take(const fileserver::group_failed& x) const;
  void take(const fileserver::group_begun_anew& x) const;
  void count() const;
  void tell_board(const std::string& trouble) const;

  // queue_standing.cpp: operators
  caf::result<msg::queue_greeted> greet() const;
  caf::result<msg::queue_group_status> standing() const;
  caf::result<msg::queue_list> list(const msg::list_queues& x) const;
  [[nodiscard]] msg::queue_list
  listed(const msg::list_queues& x, bool stale) const;
  caf::result<msg::queue_primary_forced>
  force(const msg::force_queue_primary& x) const;
  [[nodiscard]] result<msg::queue_primary_forced>
  order_force(const core::multicast_status& at, bool blank) const;
  [[nodiscard]] std::vector<msg::queue_member_row>
  last_heard(const core::multicast_status& at) const;
  [[nodiscard]] std::string why_not() const;
  [[nodiscard]] std::string names_of(const std::vector<server_id>& x) const;
  [[nodiscard]] std::vector<server_id> primary_servers() const;
  [[nodiscard]] std::vector<server_id>
  not_here(const core::primary_lost& x) const;
};

} // namespace dfs::actors
