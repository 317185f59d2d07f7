#pragma once

#include "core/chunks/lease_rule.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace dfs::core {

/// What the chunk directory goes by; most of it is `settings::chunks_section`.
struct directory_config {
  std::uint32_t chunk_size = 64 * 1024 * 1024; ///< Of new chunks.
  std::uint8_t replication = 3;                ///< 1 to 8.
  std::uint8_t replicas_min = 2;
  /// What is acknowledged is on the disks: a grant that finds less waits for
  /// servers that are away, or until they are forgotten.
  bool durable = true;

  std::chrono::milliseconds heartbeat = heartbeat_interval;
  std::chrono::milliseconds node_lease = core::node_lease;
  std::chrono::milliseconds chunk_lease = core::chunk_lease;
  /// That a former master may have granted, if that is more: a row, written
  /// before a lease of that length is given for the first time.
  std::chrono::milliseconds node_lease_before{0};
  std::chrono::milliseconds chunk_lease_before{0};
  /// A link that was lost and a data port that refuses prove a death.
  bool death_by_refusal = true;

  /// A server that does not answer a fence is told that the chunk is revoked.
  /// The first for one that its peers say does not answer.
  std::chrono::milliseconds fence_doubted{300};
  std::chrono::milliseconds fence_timeout{1'000};
  /// Bringing replicas level may mean sending what they lack.
  std::chrono::milliseconds take_timeout{5'000};
  /// After this a client is told `no_redundancy` or `busy`, and asks again.
  std::chrono::milliseconds grant_timeout{10'000};
  /// After the restart wait others may still be on their way to the master.
  std::chrono::milliseconds gathering{1'500};

  std::chrono::milliseconds pending_life{std::chrono::hours{1}};
  std::chrono::milliseconds orphan_life{std::chrono::hours{1}};
  /// From a master's start; before it nothing is deleted.
  std::chrono::milliseconds deletion_delay{std::chrono::minutes{1}};
  std::uint32_t deletions_per_second = 2'000; ///< Of replicas, per server.

  std::chrono::milliseconds repair_delay{0}; ///< After a server was lost.
  std::uint32_t repair_parallel = 4; ///< Large copies into one server at once.
  /// A chunk that is being changed is left alone, but not longer than this.
  std::chrono::milliseconds repair_patience{10'000};

  bool plain = false; ///< File bytes travel without TLS: for reports only.

  /// For leases that a former master may have given.
  [[nodiscard]] std::chrono::milliseconds longest_node_lease() const {
    return std::max(node_lease, node_lease_before);
  }
  [[nodiscard]] std::chrono::milliseconds longest_chunk_lease() const {
    return std::max(chunk_lease, chunk_lease_before);
  }

  std::size_t pending_max = 1'000'000;
  std::size_t grants_max = 10'000; ///< Recoveries under way.
};

} // namespace dfs::core
