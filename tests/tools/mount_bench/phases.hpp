#pragma once

#include "support/bench_workload.hpp"

// What is measured on a mounted directory. Each prints its figures, and ends
// the program with status 1 where the directory does not keep its word.

namespace dfs::bench {

using workload = file_workload;

/// The large file: new, written in pieces of 1 MiB, synced, closed.
void write_large(const workload& what);
/// The same from begin to end, every stamp checked.
void read_large(const workload& what);
/// `files` reads of 4 KiB at random places of it, one at a time.
void read_random(const workload& what);

/// Files of `file_size` in a directory for each client; closed, not synced.
void create_small(const workload& what);
/// Those files, every byte count and stamp checked.
void read_small(const workload& what);
void stat_small(const workload& what);

/// Empty files in a directory for each client.
void touch(const workload& what);
/// `files` empty ones in one directory, for `list`.
void fill_directory(const workload& what);
/// Reads that directory once; it must have `files` entries.
void list(const workload& what);

/// Records to one file, each synced, then counted: `append.lost`,
/// `append.doubled` and `append.torn`.
void append(const workload& what);

/// One operation after another until told to end: see `stall_meter`.
void stall_writer(const workload& what);
void stall_reader(const workload& what);

} // namespace dfs::bench
