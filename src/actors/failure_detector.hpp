#pragma once

#include "actors/group_counters.hpp"
#include "actors/interfaces.hpp"
#include "actors/support/told_findings.hpp"
#include "core/failure/failure_machine.hpp"
#include "core/failure/list_doubts.hpp"
#include "messages/gossip.hpp"
#include "net/datagram_sender.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::actors {

struct failure_detector_options {
  core::failure_config config;
  msg::member_record self; ///< With the start stamp of the first life.
  std::uint64_t seed = 0;  ///< Random.
  /// For a `join_group` that names none.
  std::vector<endpoint> introducers;
  bool may_found = false;
  /// Members that a former process knew.
  std::vector<core::known_address> known;
  /// Writes down what the next process is to know, in another thread: soon
  /// after a change, and at least once an hour. May be empty.
  std::function<void(std::vector<core::known_address>)> keep_addresses;
  std::shared_ptr<net::datagram_sender> network;
  /// Writes down and returns the start stamp of another life: at least
  /// `at_least`, and larger than all before it (DESIGN 3). May wait for a disk:
  /// called only while this node is in no group.
  std::function<result<std::uint64_t>(std::uint64_t at_least)> new_stamp;
  /// The group gave this node that stamp, for a life that has begun. To be
  /// written down by another thread: only the next start depends on it.
  std::function<void(std::uint64_t stamp)> keep_stamp;
  /// Told, in this actor's thread, that the former life was declared over: what
  /// was promised in it (leases, votes) ends here. May be empty.
  std::function<void(const msg::member_record&)> on_new_life;
  /// Told when the group refuses this node and nobody waits for an answer to
  /// `join_group`: the cluster has another master, and the process is to end.
  /// Empty: this actor ends with the code of the refusal.
  std::function<void(const error&)> on_refusal;
  /// Told when it changes, and once after joining. May be empty.
  std::function<void(core::group_reach)> on_reach;
  std::shared_ptr<group_counters> counters = std::make_shared<group_counters>();
  /// Told of members that have another list for long. May be null.
  std::shared_ptr<told_findings> findings = nullptr;
};

/// What the class of a body is to `net::group_socket`: the kind of a gossip
/// packet. `traffic_class_name` has its name.
[[nodiscard]] std::uint8_t traffic_class_of(std::string_view body);
[[nodiscard]] std::string traffic_class_name(std::uint8_t of);
[[nodiscard]] msg::bandwidth_report report_of(const net::traffic& counted);

/// Requests that wait for the machine, and the machine's errands.
struct failure_detector_state {
  static inline const char* name = "failure-detector";

  /// Answers to `join_group` and to `leave_group` that may be due at once.
  static constexpr std::size_t waiting_max = 64;

  // Keeps this from being an aggregate: CAF 0.17 would build `State(self)`.
  failure_detector_state() = default;

  struct joining {
    caf::typed_response_promise<msg::group_joined> promise;
    instant until;
  };

  failure_detector_options options;
  membership_actor membership;
  std::optional<core::failure_machine> machine; ///< From the spawn function on.
  bool gone = false; ///< It said goodbye, or was refused: silent for ever.
  std::vector<joining> joins;
  std::optional<error> refusal; ///< The last one that may pass, until then.
  std::vector<caf::typed_response_promise<msg::group_left>> leaves;
  instant compared_at{};                  ///< When lists were last looked at.
  std::optional<instant> armed;           ///< The next tick on its way, if any.
  std::optional<core::group_reach> reach; ///< As told last.
  std::uint64_t kept_changes = 0; ///< Of the list whose addresses were kept.
  instant kept_at;
  std::chrono::nanoseconds lag{};
  std::chrono::nanoseconds lag_max{};
  std::uint64_t malformed = 0;
  std::string body; ///< Of the packet sent last; saves allocations.
};

/// The group plane of one node: mailbox, `core::failure_machine`, datagrams.
/// Never blocks. Not to be restarted by itself: a node that has forgotten what
/// it said must be another incarnation.
failure_detector_actor::behavior_type failure_detector(
  failure_detector_actor::stateful_pointer<failure_detector_state> self,
  failure_detector_options options, membership_actor membership);

} // namespace dfs::actors
