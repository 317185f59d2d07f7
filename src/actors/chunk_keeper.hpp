#pragma once

#include "actors/interfaces.hpp"
#include "actors/keeper_inlet.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/metrics.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "chunkserver/chunk_hands.hpp"
#include "core/chunks/keeper_machine.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace dfs::actors {

/// Of one process: outlives the keeper's lives. Any thread.
struct keeper_counters {
  std::atomic<std::uint64_t> sequence{0}; ///< Of heartbeats and lists, the
                                          ///< last: a later life goes on there.
  std::atomic<std::uint64_t> beats_answered{0};
  std::atomic<std::uint64_t> beats_failed{0};
  std::atomic<std::uint64_t> leases_ended{0}; ///< Node leases, unwanted.
  std::atomic<std::uint64_t> fences{0};
  std::atomic<std::uint64_t> takes{0};
  std::atomic<std::uint64_t> releases{0};
  std::atomic<std::uint64_t> copies{0};
  std::atomic<std::uint64_t> deletes{0};
  std::atomic<std::uint64_t> orders_refused{0};
  std::atomic<std::int64_t> lease_until{0}; ///< ns of CLOCK_BOOTTIME.
  std::atomic<std::uint64_t> news{0};       ///< That wait to be told.
  std::atomic<bool> registered{false};
};

struct chunk_keeper_options {
  core::keeper_config config;
  core::keeper_identity self;
  msg::master_mark newest; ///< That this node ever obeyed.
  std::shared_ptr<chunkserver::chunk_hands> hands;
  keeper_inlet inlet; ///< To be connected by whoever spawns.
  subsystem_ref<membership_actor> membership;
  subsystem_ref<control_links_actor> links;
  health_board* board = nullptr; ///< Check "chunkserver".
  std::shared_ptr<keeper_counters> counters
    = std::make_shared<keeper_counters>();
  /// `read_clocks`, but in tests.
  std::function<core::clock_pair()> clocks;
};

struct chunk_keeper_state {
  static inline const char* name = "chunk-keeper";
  chunk_keeper_state() = default;

  std::optional<core::keeper_machine> machine;
  chunk_keeper_options options;
  chunk_directory_actor found;     ///< On its way to be registered with.
  chunk_directory_actor directory; ///< Watched; null without one.
  std::uint64_t tickets = 0;
  std::map<std::uint64_t, caf::response_promise> orders; ///< Under way.
  std::optional<caf::typed_response_promise<msg::chunkserver_drained>> leaving;
  bool well = false;       ///< As the board was told.
  std::string trouble;     ///< Likewise.
  std::string cannot_free; ///< Volumes that refuse to remove files, as logged.
};

/// A chunkserver's end of docs/protocols/chunks.md: node lease, reports, and
/// the master's orders, which the hands carry out. It waits for no disk. When
/// it ends, its node lease ends.
local_keeper_actor::behavior_type
chunk_keeper(local_keeper_actor::stateful_pointer<chunk_keeper_state> self,
             chunk_keeper_options options);

/// Metrics of a chunkserver: docs/metrics.md.
void describe_keeper(metrics_page& page, const keeper_counters& counters,
                     const chunkserver::chunk_hands::condition& now,
                     boot_instant at);

} // namespace dfs::actors
