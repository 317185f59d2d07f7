#pragma once

#include "messages/version_control.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <vector>

// What the master orders of the servers of a group, and what they tell it
// (docs/protocols/versioned_files.md).

namespace dfs::msg {

/// Lead the group. No answer: who leads tells with `group_led`.
struct lead_group {
  group_set set;
  group_ballot ballot;

  bool operator==(const lead_group&) const = default;
};
struct group_led {
  group_id group;
  group_ballot ballot;

  bool operator==(const group_led&) const = default;
};
/// It does not lead with that ballot any more, or never did.
struct group_resigned {
  group_id group;
  group_ballot ballot;

  bool operator==(const group_resigned&) const = default;
};

/// End your part in that epoch -> `group_sealed`.
struct seal_group {
  group_id group;
  group_epoch epoch;
  group_ballot by;

  bool operator==(const seal_group&) const = default;
};
struct group_sealed {
  group_id group;
  group_epoch epoch;
  group_ballot by;

  bool operator==(const group_sealed&) const = default;
};

/// Become a member of `set`: merge what all `sources` have, which are sealed in
/// `base` -> `group_installed`. Base zero: the group is new, and empty.
struct install_group {
  group_set set;
  group_epoch base;
  std::vector<store_id> sources;

  bool operator==(const install_group&) const = default;
};
struct group_installed {
  group_id group;
  group_epoch epoch;

  bool operator==(const group_installed&) const = default;
};

/// To a server that is to become a member: fetch the contents of the set in
/// force, which changes nothing else. `group_standing::filled` reports the end.
/// Repeated each second; without it the server gives the fill up. No answer.
struct fill_group {
  group_set set;
  std::vector<store_id> sources; ///< Active in it.

  bool operator==(const fill_group&) const = default;
};

/// The epoch is logged: answer in it. -> `group_activated`; `group_refused` by
/// who has not installed it.
struct activate_group {
  group_id group;
  group_epoch epoch;

  bool operator==(const activate_group&) const = default;
};
struct group_activated {
  group_id group;
  group_epoch epoch;

  bool operator==(const group_activated&) const = default;
};

/// Server to server: a page of a group -> `group_fetched`.
struct fetch_group {
  group_id group;
  group_epoch epoch;
  bool sealed = false; ///< Only if sealed in that epoch; else only if active.
  inode_id after;      ///< Zero: from the first file on.

  bool operator==(const fetch_group&) const = default;
};
struct fetched_file {
  inode_id file;
  file_state state;

  bool operator==(const fetched_file&) const = default;
};
/// Files rise. A sealed group stands still; of an active one each file is as it
/// was when its page was made.
struct group_fetched {
  group_id group;
  group_epoch epoch;
  bool sealed = false; ///< As asked.
  inode_id after;      ///< As asked.
  std::uint64_t forgotten = 0;
  std::vector<fetched_file> files;
  bool last = false; ///< There are no more.

  bool operator==(const group_fetched&) const = default;
};

enum class rejoin_order : std::uint8_t {
  quarantine = 1, ///< Answer nothing.
  refill = 2,     ///< Get what `sources` have, then answer again.
  take_back = 3,  ///< Answer again, as you are.
};
/// -> `group_rejoined`, when that is so.
struct rejoin_group {
  group_id group;
  group_epoch epoch;
  rejoin_order order = rejoin_order::quarantine;
  std::vector<store_id> sources; ///< Refill: N − W + 1 others.
  /// Refill: nothing below is accepted afterwards. Its own promises may be
  /// gone with a store that went back.
  group_ballot floor;

  bool operator==(const rejoin_group&) const = default;
};
struct group_rejoined {
  group_id group;
  group_epoch epoch;
  rejoin_order order = rejoin_order::quarantine;

  bool operator==(const group_rejoined&) const = default;
};

/// The set of that epoch, which is in force, has everything: wipe what is here
/// of the group. Ignored by who is, or may become, a member in that epoch or a
/// later one: it came late. No answer.
struct drop_group {
  group_id group;
  group_epoch epoch;

  bool operator==(const drop_group&) const = default;
};

/// To the primary: the file was purged; it is to be closed and forgotten,
/// unless its newest version is above `seen`: then it is noted again. Said
/// again until the file is unlinked, or that note is there. No answer.
struct purge_file {
  group_id group;
  inode_id file;
  version_number
    seen; ///< The deletion that was purged; zero: whatever is there.

  bool operator==(const purge_file&) const = default;
};

/// To the master: a closed file has no need of its name -> `file_unlinked`.
struct unlink_file {
  group_id group;
  inode_id file;
  /// Of the primary that closed it: a former one's word may be of a file that
  /// has been forgotten since, and put again.
  group_ballot ballot{};

  bool operator==(const unlink_file&) const = default;
};
struct file_unlinked {
  group_id group;
  inode_id file;
  std::uint64_t at = 0; ///< Position of the master's log, durable.

  bool operator==(const file_unlinked&) const = default;
};

} // namespace dfs::msg
