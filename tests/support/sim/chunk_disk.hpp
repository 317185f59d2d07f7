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

/// What a byte reads as that nobody wrote: no request brings such a value.
inline constexpr std::uint64_t rotten_value = std::uint64_t{1} << 62;

/// Bytes that have one checksum.
inline constexpr std::uint32_t sim_block_bytes = 8;

/// As whoever reads bytes compares it with the one that came with them.
[[nodiscard]] std::uint64_t sum_of(const std::vector<sim_cell>& cells);

/// A change with the bytes that its request brings.
[[nodiscard]] stored_change
change_with_bytes(const core::chunk_change& what, std::uint64_t value);

/// What a disk keeps of a replica.
struct stored_replica {
  chunk_version version;
  std::vector<stored_change> log; ///< By serial, from 1.
  std::vector<sim_cell> cells;    ///< The bytes now.
  /// Where they are others than were written, and what was written there: what
  /// the checksums say.
  std::map<std::uint32_t, sim_cell> rotten;
  bool rotted = false; ///< At any time. The witness's.
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

  // -- checksums --------------------------------------------------------------

  /// The disk loses what is there. @pre `place` is below `cells.size()`.
  void rot(std::uint32_t place);
  /// Whether the blocks that have any of these bytes have their checksums.
  [[nodiscard]] bool sound(std::uint32_t offset, std::uint64_t length) const;
  [[nodiscard]] bool sound() const {
    return rotten.empty();
  }
  /// As `chunk_store::apply`: blocks of which a change leaves something are
  /// read before; what is added at the end is added to any bytes.
  [[nodiscard]] bool takes(const core::chunk_change& change) const;
  /// Planted: their checksums are made anew, of what is there.
  void believe(std::uint32_t offset, std::uint32_t length);
  /// The bytes as they were written.
  [[nodiscard]] std::vector<sim_cell> written() const;

private:
  void write(const stored_change& change);
};

/// A replica that was found bad: neither served nor listed.
struct quarantined_replica {
  stored_replica what;
  bool durable = false; ///< Else a power cut brings it back.
};

/// A chunkserver's disk: survives its processes.
struct chunk_disk {
  std::map<chunk_id, stored_replica> replicas;
  std::map<chunk_id, quarantined_replica> quarantine;
  msg::master_mark newest; ///< Obeyed.

  void lose_power();
};

} // namespace dfs::sim
