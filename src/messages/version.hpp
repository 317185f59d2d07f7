#pragma once

#include "base/ids.hpp"

#include <cstdint>
#include <vector>

// The vocabulary of versioned files (docs/protocols/versioned_files.md): what
// master, file servers and clients all say to each other.

namespace dfs {

struct replica_group_tag {};
struct group_ballot_tag : counter {};
struct group_epoch_tag : counter {};
struct version_number_tag : counter {};
struct put_writer_tag : counter {};

/// Some file servers that keep the same files.
using group_id = strong_id<replica_group_tag>;

/// The right to lead a group: begins with the master's term, given once.
using group_ballot = strong_id<group_ballot_tag>;

/// A set of a group: the ballot with which it began.
using group_epoch = strong_id<group_epoch_tag>;

/// Of a file, from 1, without gaps.
using version_number = strong_id<version_number_tag>;

/// Numbered by the master, upwards, over its terms.
using put_writer = strong_id<put_writer_tag>;

} // namespace dfs

namespace dfs::msg {

/// One put, however often it is asked for; the request id that people see. A
/// writer has one on a file at a time, with rising sequences.
struct put_id {
  put_writer writer;
  std::uint64_t sequence = 0;

  auto operator<=>(const put_id&) const = default;
};

/// The place of a manifest in the order of its file.
struct version_stamp {
  group_ballot ballot;
  std::uint64_t serial = 0; ///< Rises with each proposal on the file.

  auto operator<=>(const version_stamp&) const = default;
};

/// The numbers travel and stand in rows.
enum class version_kind : std::uint8_t {
  content = 1,
  deleted = 2, ///< No bytes. Puts go on after it.
  closed = 3,  ///< The last one: the name is about to go.
};

struct file_version {
  version_number number;
  version_kind kind = version_kind::content;
  put_id put;     ///< What made it.
  put_id content; ///< The put that brought its bytes; an older one's: restored.
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0; ///< CRC32C of all of them.
  std::int64_t time_ms = 0;   ///< Unix time at the primary; information only.

  bool operator==(const file_version&) const = default;
};

/// What became of a writer's last put on a file.
struct put_outcome {
  put_id put;
  version_number version; ///< Zero: barred, it never happens.

  bool operator==(const put_outcome&) const = default;
};

/// What a file is. Replaced as a whole; at most some 3 KiB.
struct file_manifest {
  std::vector<file_version> versions; ///< Kept ones, newest first.
  /// Rising writers, one each. Those up to `floor` are leaving: no put of them
  /// follows, and the manifest after the next eviction is without them.
  std::vector<put_outcome> outcomes;
  put_writer floor; ///< Of unknown writers up to here nothing is known.
  /// Position of the master's log up to which its group had forgotten files
  /// when this one began. Of puts whose name was looked up before it nothing is
  /// known: after a restore the file may have been forgotten itself.
  std::uint64_t born = 0;

  bool operator==(const file_manifest&) const = default;
};

/// A file as one replica has it; no stamp: it has none.
struct file_state {
  version_stamp stamp;
  bool settled = false; ///< Known to be accepted by W with this stamp.
  file_manifest manifest;

  bool operator==(const file_state&) const = default;
};

/// N, W and R.
struct quorum_rule {
  std::uint8_t copies = 3;
  std::uint8_t write = 2;
  std::uint8_t read = 2;

  bool operator==(const quorum_rule&) const = default;
};

struct group_set {
  group_id group;
  group_epoch epoch;
  quorum_rule rule;
  std::vector<store_id> servers; ///< `rule.copies` distinct ones.

  bool operator==(const group_set&) const = default;
};

} // namespace dfs::msg
