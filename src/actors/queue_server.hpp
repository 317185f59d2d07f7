#pragma once

#include "actors/multicast_group.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/metrics.hpp"
#include "base/time.hpp"
#include "core/queues/order_watch.hpp"
#include "core/queues/queue_machine.hpp"
#include "core/queues/waiting_pops.hpp"

#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::actors {

/// Of one process; any thread.
struct queue_counters {
  std::atomic<bool> primary{false};
  std::atomic<bool> stuck{false}; ///< Primary, and nothing is delivered.
  std::atomic<std::uint64_t> silent_ms{0};
  std::atomic<std::uint64_t> oldest_ms{0};
  std::atomic<std::uint64_t> queues{0};
  std::atomic<std::uint64_t> items{0};
  std::atomic<std::uint64_t> item_bytes{0};
  std::atomic<std::uint64_t> sessions{0};
  std::atomic<std::uint64_t> waiting_pops{0};
  std::atomic<std::uint64_t> clients_waiting{0}; ///< For any answer.
  std::atomic<std::uint64_t> applied{0};         ///< Requests, of all servers.
  std::atomic<std::uint64_t> answered{0};        ///< To clients of this one.
  std::atomic<std::uint64_t> refused{0}; ///< Not primary, or too much waits.
  std::atomic<std::uint64_t> stale_reads{0};
  std::atomic<std::uint64_t> passed_over{0}; ///< Messages that are no requests.
  std::atomic<std::uint64_t> discarded{0};   ///< Places given up in merges.
  std::atomic<std::uint64_t> snapshots_given{0};
  std::atomic<std::uint64_t> snapshots_taken{0};
};

struct queue_server_options {
  server_id server;
  std::map<server_id, std::string> names; ///< Of all servers of the group.
  std::string rule;                       ///< As in the settings.
  bool durable = true;
  subsystem_ref<multicast_group_actor> group;
  subsystem_ref<membership_actor> membership;
  health_board* board = nullptr; ///< Check "queues".
  std::shared_ptr<queue_counters> counters = std::make_shared<queue_counters>();
};

struct queue_server_state {
  static inline const char* name = "queue-server";
  queue_server_state() = default;

  using answer_promise = caf::typed_response_promise<msg::queue_answer>;
  /// What a client calls a change.
  using change_key = std::pair<msg::queue_session, std::uint64_t>;

  /// In a payload that is under way: whom an answer belongs to.
  struct asked {
    change_key change;      ///< If it is one.
    std::uint64_t read = 0; ///< Else; 0: it is no read.
    std::size_t bytes = 0;  ///< Of its item.
  };
  struct gathering {
    msg::queue_request request;
    std::uint64_t read = 0;
  };
  struct reader {
    answer_promise promise;
    msg::queue_request request;
  };

  queue_server_options options;
  core::queue_machine machine;
  core::waiting_pops pops;
  bool primary = false;
  msg::group_configuration configuration; ///< The last primary one known.
  std::optional<core::primary_lost> lost; ///< Why not primary.
  std::string trouble;                    ///< As the board was told.
  core::order_watch watch;
  std::string stuck; ///< Why the primary is of no use; empty if it is.

  std::map<change_key, std::vector<answer_promise>> changes;
  /// A client whose pop waits, and the front door that has to tell of its end.
  struct caller {
    std::uint64_t connection = 0;
    caf::actor_addr door;
  };
  std::map<change_key, caller> callers;
  std::set<caf::actor_addr> doors; ///< Monitored: those of callers.
  std::map<std::uint64_t, reader> reads;
  std::vector<gathering> gathered;
  std::vector<msg::queue_request> ended; ///< Sessions; go with what is next.
  std::uint8_t version = 0; ///< What all servers read (`msg::group_version`).
  std::map<core::submit_token, std::vector<asked>> under_way;
  /// Of each change, in how many payloads it is, under way or gathered.
  std::map<change_key, std::size_t> copies;
  std::uint64_t last_read = 0;
  core::submit_token last_token = 0;
  std::size_t waiting_bytes = 0; ///< Of items gathered, or under way.

  instant ticked{}; ///< When the clock of the state moved, or was asked to.
};

/// The queues of one file server: docs/protocols/queues.md, party *server*.
/// Waits for nothing. Its state is that of the group: not to be restarted by
/// itself. Ends when it meets requests of a newer format.
queue_server_actor::behavior_type
queue_server(queue_server_actor::stateful_pointer<queue_server_state> self,
             queue_server_options options);

/// Metrics of the queues and of the group: docs/metrics.md.
void describe_queues(metrics_page& page, const queue_counters& x,
                     const fileserver::multicast_report& group);

} // namespace dfs::actors
