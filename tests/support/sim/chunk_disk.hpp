#pragma once

#include "core/chunks/chunk_change.hpp"
#include "messages/chunk.hpp"
#include "messages/master_mark.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

// What a simulated chunkserver keeps: replicas with real offsets and lengths,
// whose bytes say who wrote them.

namespace dfs::sim {

/// A byte of a chunk: the change that wrote it here, and what it wrote.
struct sim_cell {
  mutation_serial serial;
  std::uint64_t value = 0;

  bool operator==(const sim_cell&) const = default;
};

/// A change as a disk keeps it.
struct stored_change {
  core::chunk_change what;
  /// Of the request: never used for another one. The witness's, not the
  /// protocol's.
  std::uint64_t value = 0;
  /// The bytes. Each is the `value` of whose it is, so these are all alike
  /// unless somebody sent bytes of another change.
  std::vector<std::uint64_t> bytes;

  bool operator==(const stored_change&) const = default;
};

/// A change with the bytes that its request brings.
[[nodiscard]] stored_change
change_with_bytes(const core::chunk_change& what, std::uint64_t value);

/// What a disk keeps of a replica.
struct stored_replica {
  chunk_version version;
  std::vector<stored_change> log; ///< By serial, from 1.
  std::vector<sim_cell> cells;    ///< The bytes now.
  // What a power cut leaves.
  chunk_version durable_version;
  std::size_t durable = 0; ///< Entries of the log.
  /// Of older changes the store knows nothing but their bytes.
  std::size_t remembered_from = 0;

  /// Changes that a store remembers. Few, so that it matters.
  static constexpr std::size_t remembered_max = 12;

  void apply(stored_change change);
  /// Only the first ones are left.
  void go_back(std::size_t changes);
  [[nodiscard]] msg::chunk_extent extent(std::uint32_t chunk_size) const;
  [[nodiscard]] core::known_writers writers() const;
  /// As `chunk_store::mutations_after`.
  [[nodiscard]] std::optional<std::vector<core::chunk_change>>
  changes_after(mutation_serial serial) const;
  /// As it would be sent now: with the bytes that are here.
  [[nodiscard]] stored_change change_now(mutation_serial serial) const;

private:
  void write(const stored_change& change);
};

/// A chunkserver's disk: survives its processes.
struct chunk_disk {
  std::map<chunk_id, stored_replica> replicas;
  msg::master_mark newest; ///< Obeyed.

  void lose_power();
};

} // namespace dfs::sim
