#pragma once

#include "base/endpoint.hpp"
#include "core/failure/failure_config.hpp"
#include "messages/version.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What a process is told by its configuration, as plain structs, one per
// section of the file. Keys, units, ranges, defaults and help stand in
// `table.cpp` and nowhere else: a default-constructed struct holds zeroes,
// `settings::load` fills it.
//
// Ports: numbers on the bind address; they are what is advertised, too.

namespace dfs::settings {

using std::chrono::milliseconds;

struct node_section {
  std::string name;     ///< Empty: the name in the certificate.
  std::string zone;     ///< Failure domain, for placement.
  std::string data_dir; ///< Absolute, or relative to the working directory.
  ip_address bind;      ///< Where sockets listen; unspecified: everywhere.
  ip_address advertise; ///< Where others reach this node; never unspecified.
  milliseconds drain_timeout{}; ///< Between SIGTERM and the end.
};

struct security_section {
  std::string bundle; ///< Directory; file names as in `bundle.hpp`.
};

struct group_section {
  std::uint16_t port = 0;            ///< UDP: gossip.
  std::uint16_t ping_port = 0;       ///< UDP: probes.
  std::vector<endpoint> introducers; ///< Their group ports.
  std::string log;                   ///< Membership log (SPEC M7).
  milliseconds join_timeout{};       ///< For finding the group at start.
  std::uint64_t receive_buffer = 0;  ///< Bytes, of each UDP socket.
};

struct control_section {
  std::uint16_t port = 0; ///< TCP: the gate.
  std::uint32_t links_max = 0;
  std::uint32_t unverified_max = 0; ///< Connections still in their handshake.
  milliseconds handshake_timeout{}; ///< From connection to certificate.
  milliseconds idle_timeout{};      ///< Silence after which a link is closed.
};

struct stream_section {
  std::uint16_t port = 0;         ///< TCP: the front door.
  std::uint16_t data_port = 0;    ///< TCP: file bytes, of a chunkserver.
  std::uint16_t version_port = 0; ///< TCP: versions, of a file server.
  bool tls = false;      ///< Of the data port; requests always have it.
  bool insecure = false; ///< Off a loopback address without TLS.
  std::uint32_t connections_max = 0;
  std::uint32_t connections_per_principal_max = 0;
  std::uint32_t unverified_max = 0; ///< Connections still in their handshake.
  std::uint32_t requests_max = 0;   ///< Outstanding, whole node.
  std::uint32_t requests_per_connection_max = 0;
  std::uint32_t requests_per_principal_max = 0;
  std::uint32_t subscriptions_max = 0; ///< Of the whole node.
  std::uint32_t subscriptions_per_principal_max = 0;
  std::uint64_t unsent_bytes_max = 0; ///< Of all connections.
  milliseconds handshake_timeout{};
  milliseconds idle_timeout{};  ///< Without a request and without an answer.
  milliseconds write_timeout{}; ///< A peer that takes too little is cut off.
  std::uint64_t write_bytes_min = 0; ///< In that time.
  milliseconds token_life{};
};

/// What all servers of a cluster must agree on about chunked files, and how
/// hard they work for them.
struct chunks_section {
  std::uint64_t size = 0; ///< Bytes of a full chunk; a multiple of 64 KiB.
  std::uint32_t replication = 0;
  std::uint32_t replicas_min = 0; ///< Fewer do not acknowledge a change.
  std::string durability;         ///< durable or memory
  milliseconds heartbeat{};
  milliseconds node_lease{};
  milliseconds chunk_lease{};
  milliseconds successor_timeout{}; ///< Of a silent replica in a chain.
  milliseconds trash_life{};
  milliseconds upload_life{};
  milliseconds orphan_life{};
  milliseconds repair_delay{};       ///< After a lease ended.
  std::uint64_t repair_rate = 0;     ///< Bytes/s into one server; 0: no limit.
  std::uint32_t repair_parallel = 0; ///< Copies into one server at once.
  std::uint64_t scrub_rate = 0;      ///< Bytes/s; 0: none.
  std::string death_proof;           ///< refused or never
};

/// A chunkserver's disks.
struct volumes_section {
  std::vector<std::string> paths; ///< Empty: `chunks` in node.data_dir.
  std::uint64_t reserve = 0;      ///< Bytes of each that are kept free.
  std::uint32_t disk_threads = 0; ///< For reads that must wait for a disk.
};

/// The master's memory of names.
struct metadata_section {
  std::string path;             ///< Empty: `metadata` in node.data_dir.
  std::uint64_t cache_size = 0; ///< Bytes of RocksDB's block cache.
};

/// What all servers of a cluster must agree on about versioned files, where a
/// file server keeps them, and how hard they work for them.
struct versions_section {
  std::uint32_t copies = 0; ///< N
  std::uint32_t write = 0;  ///< W; 0: what `quorum_of` makes of it.
  std::uint32_t read = 0;   ///< R; 0: likewise.
  std::map<std::string, std::string> quorums; ///< Path -> N:W:R.
  std::uint32_t groups = 0;                   ///< Of each rule.
  std::uint32_t keep = 0;                     ///< Versions of a file.
  milliseconds keep_life{};
  milliseconds trash_life{};
  milliseconds outcome_life{};
  milliseconds heartbeat{};
  milliseconds silent_after{};
  milliseconds repair_delay{};       ///< After a server fell silent.
  std::uint32_t repair_parallel = 0; ///< Changes of groups at once.
  std::uint64_t repair_rate = 0;     ///< Bytes/s into one server; 0: no limit.
  std::string durability;            ///< durable or memory
  std::vector<std::string> paths;    ///< Empty: `versions` in node.data_dir.
};

/// The group of file servers that keeps queues; but for `server_id` the same on
/// all of them.
struct queue_section {
  std::uint32_t server_id = 0;      ///< This server's; 0: it takes no part.
  std::vector<std::string> servers; ///< As `parse_queue_server` takes them.
  std::string primary;    ///< majority, highest-id, highest-id-literal
  std::string durability; ///< durable or memory
  std::uint32_t min_quorum = 0;
};

struct http_section {
  std::uint16_t port = 0; ///< TCP: health and metrics; 0 closes it.
  ip_address bind;
  bool is_public = false; ///< Without it `bind` must be loopback.
  std::uint32_t connections_max = 0;
  milliseconds idle_timeout{};
};

struct log_section {
  std::string level;  ///< trace debug info warning error critical off
  std::string format; ///< text or json
  std::string file;   ///< Empty: standard error.
  std::map<std::string, std::string> levels; ///< Subsystem -> level.
};

/// A server's settings, whatever its roles.
struct node_settings {
  node_section node;
  security_section security;
  group_section group;
  core::failure_config failure;
  control_section control;
  stream_section stream;
  chunks_section chunks;
  volumes_section volumes;
  metadata_section metadata;
  versions_section versions;
  queue_section queue;
  http_section http;
  log_section log;
};

/// What a verb needs to reach a cluster.
struct client_settings {
  std::vector<endpoint> contacts; ///< Stream ports of any servers.
  std::string bundle;             ///< Directory with a user's credential.
  milliseconds timeout{};         ///< For one request, retries included.
};

/// N, W and R, as they were given or as they follow from each other: W is the
/// least majority, R the least that meets each W.
[[nodiscard]] msg::quorum_rule quorum_of(const versions_section& x);

/// Likewise, by path. @pre They have been checked.
[[nodiscard]] std::map<std::string, msg::quorum_rule>
quorums_of(const versions_section& x);

} // namespace dfs::settings
