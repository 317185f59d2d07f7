#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

// Bytes through processes on loopback TCP, with nothing around them: what the
// machine could do if a file system cost nothing.

namespace dfs::bench {

/// What each receiver does with what it reads.
enum class keeping { discard, page_cache, disk };

struct chain {
  std::string dir; ///< For the receivers' files, which go again.
  std::size_t hops = 3;
  std::size_t piece = 256 * 1024; ///< Bytes in one read and in one write.
  std::uint64_t bytes = 0;        ///< @pre A multiple of `piece`.
  keeping kept = keeping::discard;
  bool checksum = false;  ///< CRC32C of each piece: at the source, at each hop.
  bool from_file = false; ///< The source is a cached file, and sendfile reads.
};

struct chain_figures {
  double mib_per_s = 0;     ///< Until the last receiver has answered.
  double cpu_s_per_gib = 0; ///< Of the source and all receivers.
};

/// Runs one chain from its connections to its answer. Like a bare GFS push:
/// a receiver reads a piece, checks it, passes it on, writes it, and at the end
/// waits for those behind it, syncs, and answers.
[[nodiscard]] chain_figures run(const chain& what);

struct round_trip_figures {
  double per_s = 0;
  double cpu_us = 0; ///< For one, at both ends.
};

/// 64 bytes to and fro between two processes, one in flight.
[[nodiscard]] round_trip_figures run_round_trips(std::size_t count);

} // namespace dfs::bench
