#pragma once

#include "messages/version_control.hpp"

#include <cstdint>
#include <vector>

// What the master orders of the servers of a group, and what they tell it
// (docs/protocols/versioned_files.md).

namespace dfs::msg {

/// Lead the group. No answer: who leads tells with `group_led`.
struct lead_group {
  group_set set;
  group_ballot ballot;
};
struct group_led {
  group_id group;
  group_ballot ballot;
};
/// It does not lead with that ballot any more, or never did.
struct group_resigned {
  group_id group;
  group_ballot ballot;
};

/// End your part in that epoch -> `group_sealed`.
struct seal_group {
  group_id group;
  group_epoch epoch;
  group_ballot by;
};
struct group_sealed {
  group_id group;
  group_epoch epoch;
  group_ballot by;
};

/// Become a member of `set`: merge what all `sources` have, which are sealed in
/// `base` -> `group_installed`. Base zero: the group is new, and empty.
struct install_group {
  group_set set;
  group_epoch base;
  std::vector<store_id> sources;
};
struct group_installed {
  group_id group;
  group_epoch epoch;
};

/// The epoch is logged: answer in it. -> `group_activated`; `group_refused` by
/// who has not installed it.
struct activate_group {
  group_id group;
  group_epoch epoch;
};
struct group_activated {
  group_id group;
  group_epoch epoch;
};

/// Server to server: all of a group -> `group_fetched`.
struct fetch_group {
  group_id group;
  group_epoch epoch;
  bool sealed = false; ///< Only if sealed in that epoch; else only if active.
};
struct fetched_file {
  inode_id file;
  file_state state;
};
struct group_fetched {
  group_id group;
  group_epoch epoch;
  std::uint64_t forgotten = 0;
  std::vector<fetched_file> files;
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
};
struct group_rejoined {
  group_id group;
  group_epoch epoch;
  rejoin_order order = rejoin_order::quarantine;
};

/// To the master: a closed file has no need of its name -> `file_unlinked`.
struct unlink_file {
  group_id group;
  inode_id file;
};
struct file_unlinked {
  group_id group;
  inode_id file;
  std::uint64_t at = 0; ///< Position of the master's log, durable.
};

} // namespace dfs::msg
