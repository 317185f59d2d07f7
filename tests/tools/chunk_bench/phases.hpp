#pragma once

#include "support/bench_workload.hpp"

#include <cstddef>
#include <string>

// What is measured on a running cluster. Each prints its figures, and ends the
// program with status 1 where the cluster does not keep its word.

namespace dfs::bench {

/// Each client has connections of its own.
struct workload : file_workload {
  std::string config;         ///< Of a client.
  std::size_t in_flight = 1;  ///< Requests of each.
  bool one_directory = false; ///< For `touch`: as `list` wants it.
  bool once = false;          ///< For `put_versions`: one version of each.
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

// The same of versioned files; their directories are there already.

/// `files` puts of `file_size`, each of another file; unless `once` then again,
/// as the next version of the same.
void put_versions(const workload& what);
/// The newest versions of those, every byte count and stamp checked.
void get_versions(const workload& what);
/// One version of the large size, durable when it ends; and read again.
void write_version(const workload& what);
void read_version(const workload& what);
/// `files` times the last five versions, of 1 MiB each, of one file.
void history(const workload& what);
/// One operation after another until told to end: see `stall_meter`.
void stall_putter(const workload& what);
void stall_getter(const workload& what);

} // namespace dfs::bench
