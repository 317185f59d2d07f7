#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/metrics.hpp"
#include "storage/chunk_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::actors {

/// Of one process. Any thread.
struct scrub_counters {
  std::atomic<std::uint64_t> bytes{0}; ///< Read again, since the start.
  std::atomic<std::uint64_t> chunks{0};
  std::atomic<std::uint64_t> bad{0};      ///< Chunks found bad.
  std::atomic<std::uint64_t> failures{0}; ///< Chunks that could not be read.
  std::atomic<std::uint64_t> passes{0};   ///< Completed.
  std::atomic<bool> running{false};
};

struct scrubbed_volume {
  storage::chunk_store* store = nullptr; ///< Outlives the actor.
  /// Is it really bad? Then move it aside, and say so. Any thread, at once.
  std::function<void(chunk_id)> suspect;
  /// What it has are chunks of files, which `verify_replicas` may name. Else
  /// pieces of versions, under ids that only this server knows.
  bool has_replicas = true;
};

struct scrubber_options {
  std::string name; ///< Of the server.
  std::vector<scrubbed_volume> volumes;
  std::uint64_t rate = 20u << 20; ///< Bytes/s; 0: only when somebody asks.
  /// From the beginning of one pass to that of the next.
  std::chrono::milliseconds interval{std::chrono::hours{24}};
  /// The first one waits for a start that is busy with other things.
  std::chrono::milliseconds first{std::chrono::minutes{1}};
  /// Of a pass that somebody waits for, bytes/s, if that is more.
  std::uint64_t asked_rate = 200u << 20;
  std::shared_ptr<scrub_counters> counters = std::make_shared<scrub_counters>();
};

struct scrubber_state {
  static inline const char* name = "scrubber";
  scrubber_state() = default;

  struct pass {
    std::vector<std::pair<const scrubbed_volume*, chunk_id>> chunks;
    std::size_t next = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bad = 0;
    bool asked = false; ///< Somebody waits for it.
    bool over = false;
  };

  scrubber_options options;
  std::optional<pass> present; ///< Or the last one.
  instant next_pass;
  std::optional<instant> last_end;
  std::uint64_t passes = 0;
  std::optional<instant> armed; ///< The tick on its way; others are idle.
};

/// Reads every replica, and every piece of a version, from the disk again and
/// again, and verifies it (SPEC G9, V5). It waits for the disk: spawn it with a
/// thread of its own.
scrubber_actor::behavior_type
scrubber(scrubber_actor::stateful_pointer<scrubber_state> self,
         scrubber_options options);

/// Metrics: docs/metrics.md.
void describe_scrubber(metrics_page& page, const scrub_counters& counters);

} // namespace dfs::actors
