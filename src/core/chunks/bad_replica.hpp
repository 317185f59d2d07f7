#pragma once

#include "base/result.hpp"

namespace dfs::core {

/// Replicas with bytes that fail their checksums (docs/protocols/chunks.md,
/// "Bad replicas"). A chunkserver's view; pure.
///
///  B1  What was found condemns the replica that was read and no other: what
///      has taken its place meanwhile is looked at for itself.
///  B2  While a bad replica is in quarantine, no change and no fence makes the
///      chunk anew: an empty replica would pass for the one that was there.
///      Only a copy takes its place.
///  B3  With each list of what is here the master is told of what is in
///      quarantine, unless another replica has taken its place: then it goes.

enum class fault_step {
  nothing,    ///< The replica is not at fault, or is gone.
  look_again, ///< Another one is there now.
  set_aside,  ///< Into quarantine, and tell the master.
};

/// Reading a replica has failed. Takes time, so the replica may be another one
/// by then.
/// @param here Some replica of the chunk is here now.
/// @param same It is the one that was read.
[[nodiscard]] inline fault_step
judge_fault(const error& found, bool here, bool same) {
  if (found.code != ec::integrity || !here)
    return fault_step::nothing;
  return same ? fault_step::set_aside : fault_step::look_again;
}

/// May a change or a fence make the chunk here? @param quarantined A bad
/// replica of it is here. @returns `ec::not_found` (B2).
[[nodiscard]] inline result<nothing> may_make_anew(bool quarantined) {
  if (quarantined)
    return fail(ec::not_found, "the chunk was here, and its replica is bad");
  return done;
}

/// The chunk is not here, and nobody ordered that. Is it to be told as lost?
/// What is in quarantine has been told as that, and is there to be deleted
/// (B3).
[[nodiscard]] inline bool is_lost(bool quarantined) {
  return !quarantined;
}

enum class quarantine_step { tell, purge };

/// What is here is being listed. @param listed Another replica of the chunk is
/// here.
[[nodiscard]] inline quarantine_step judge_quarantined(bool listed) {
  return listed ? quarantine_step::purge : quarantine_step::tell;
}

} // namespace dfs::core
