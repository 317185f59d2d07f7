#pragma once

#include <cstdint>
#include <string>

// What is measured on a running cluster. Each prints its figures, and ends the
// program with status 1 where the cluster does not keep its word.

namespace dfs::bench {

struct workload {
  std::string config;            ///< Of a client.
  std::string dir;               ///< In the cluster; made if it is missing.
  std::uint64_t size_mib = 1024; ///< Of the large file.
  std::size_t files = 5'000;
  std::size_t file_size = 1024; ///< Bytes.
  std::size_t clients = 1;      ///< Each with connections of its own.
  std::size_t in_flight = 1;    ///< Requests of each.
  std::size_t records = 1'000;
  std::size_t record_size = 100; ///< Bytes, at least 16.
  bool one_directory = false;    ///< For `touch`: as `list` wants it.
  std::uint64_t seed = 1;
};

/// The large file: put in one go, durable when it ends.
void write_large(const workload& what);
/// The same from begin to end, every checksum and stamp checked.
void read_large(const workload& what);
/// `files` reads of 4 KiB at random places of it, one at a time.
void read_random(const workload& what);

/// Files of `file_size`, a directory for each client.
void create_small(const workload& what);
/// Those files, every byte count and stamp checked.
void read_small(const workload& what);
/// `files` requests for the status of those files.
void stat_small(const workload& what);

/// Empty files, a directory for each client, or all in one.
void touch(const workload& what);
/// Reads that one directory; it must have `files` entries.
void list(const workload& what);

/// Records to one file, one after another for each client, then counted:
/// `append.lost`, `append.doubled` and `append.torn`.
void append(const workload& what);

/// One operation after another until told to end: see `stall_meter`.
void stall_writer(const workload& what);
void stall_reader(const workload& what);

} // namespace dfs::bench
