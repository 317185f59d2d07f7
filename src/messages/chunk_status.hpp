#pragma once

#include "messages/chunk_control.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What operators ask the master about servers and chunks.

namespace dfs::msg {

struct server_status {
  store_id store;
  std::string name;
  std::string zone;
  endpoint data;
  bool serving = false;   ///< Has a node lease.
  bool reported = false;  ///< The master knows all that it holds.
  std::uint32_t load = 0; ///< Requests under way.
  std::vector<volume_status> volumes;

  bool operator==(const server_status&) const = default;
};

/// A reason why not all is well. The codes are stable.
struct health_finding {
  std::string code;   ///< CHUNKS_LOST, SERVER_LOST, …: docs/runbook.md.
  bool error = false; ///< Data cannot be read; otherwise a warning.
  std::string text;   ///< For people.

  bool operator==(const health_finding&) const = default;
};

/// -> `cluster_status`. May be repeated.
struct get_cluster_status {
  bool operator==(const get_cluster_status&) const = default;
};

struct cluster_status {
  master_term term;
  std::uint8_t replication = 0;
  std::uint8_t replicas_min = 0;
  std::vector<server_status> servers; ///< Every one that registered, by name.
  // Chunks of files, by how they are.
  std::uint64_t chunks = 0;
  std::uint64_t healthy = 0;
  std::uint64_t under_replicated = 0;
  std::uint64_t surplus = 0;     ///< More good copies than wanted.
  std::uint64_t unavailable = 0; ///< No good copy on a server that serves now.
  std::uint64_t lost = 0;        ///< Nor on one that could come back.
  // Repair.
  std::uint64_t repairs_waiting = 0; ///< Chunks.
  std::uint64_t repairs_running = 0; ///< Copies.
  std::uint64_t repair_bytes = 0;    ///< Still to be copied; an estimate.
  std::uint64_t repair_rate = 0;     ///< Bytes/s, of late.
  std::vector<health_finding> findings;
  std::vector<volume_status> master_disks; ///< Of the metadata.
  std::uint64_t unnamed = 0; ///< Chunks of no file that may be newer than a
                             ///< backup that was restored.
  std::uint64_t unnamed_files
    = 0; ///< Versioned files without a name, likewise.

  bool operator==(const cluster_status&) const = default;
};

} // namespace dfs::msg

#include "messages/chunk_status_inspect.hpp"
