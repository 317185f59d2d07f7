#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dfs {

/// What went wrong, as far as some caller reacts to it. The numbers travel:
/// append only, in `error.cpp` too. 0 means "no error" and is never used.
enum class ec : std::uint8_t {
  not_found = 1,        ///< The named thing does not exist.
  exists = 2,           ///< The name is taken.
  denied = 3,           ///< The principal has no right to do this.
  invalid_argument = 4, ///< A value that can never be right.
  malformed = 5,        ///< Bytes that are not what they should be.
  busy = 6,             ///< A limit is reached. Ask again later.
  timed_out = 7,        ///< No answer within the deadline.
  unavailable = 8,      ///< Nobody there who could answer. Ask again later.
  outcome_unknown = 9,  ///< A change may or may not have happened.
  integrity = 10,       ///< No good copy is left.
  unauthenticated = 11, ///< No credential, or one that proves nothing.
  token_expired = 12,   ///< Log in again.
  shutting_down = 13,   ///< This node is going. Ask another one.
  not_member = 14,      ///< The node is not in the group (any more).
  master_exists = 15,   ///< The cluster has a master, and one is the limit.
  unsupported = 16,     ///< Made by or for another version.
  io_error = 17,        ///< The operating system refused a read or a write.
  in_use = 18,          ///< A port or a directory belongs to somebody else.
  configuration = 19,   ///< Settings, keys or certificates that cannot work.
  cancelled = 20,       ///< The caller changed its mind.
  full = 21,            ///< No space left, or none that may be used.
  not_primary = 22,     ///< Other replicas order the changes.
  stale = 23,           ///< A version, epoch or term that has been superseded.
  lease_expired = 24,   ///< This server may not serve until it is renewed.
  is_directory = 25,    ///< A file was asked for and a directory is there.
  not_directory = 26,   ///< A path leads through a file.
  not_empty = 27,       ///< The directory has entries.
  too_few_servers = 28, ///< Fewer chunkservers than replicas demanded.
  chunk_full = 29,      ///< The record does not fit; go to the next chunk.
  no_redundancy = 30,   ///< Fewer replicas than min-replicas are reachable.
  not_leader = 31,      ///< Another node is the master. Nothing was done.
};

/// Stable spelling for scripts. Takes any value: a code from a newer node may
/// be unknown here.
[[nodiscard]] std::string_view to_string(ec code);

/// What the process of a failed command ends with (SPEC S7): 1 the system said
/// no, 2 usage or configuration, 3 unavailable, 4 unknown, 5 integrity.
[[nodiscard]] int exit_status(ec code);

struct error {
  ec code;
  std::string context; ///< What was being attempted; for humans only.
};

[[nodiscard]] inline error fail(ec code, std::string context = {}) {
  return {code, std::move(context)};
}

} // namespace dfs
