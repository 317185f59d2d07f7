#pragma once

#include "support/history/queue_operation.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dfs::history {

struct queue_report {
  std::vector<std::string> violations; ///< For people; at most 20.
  std::uint64_t operations = 0;        ///< Done, and placed.
  std::uint64_t unknown = 0;
  std::uint64_t unknown_seen = 0; ///< Pushes of them that an answer shows.
};

/// The witness check: are the answers those of queues to which all operations
/// were applied one after another, in the order of the places that they carry?
/// And does that order agree with time: what had returned before another was
/// called has a lower place? If so, and nothing is unknown, the history is
/// linearizable; the places are the proof.
///
/// Operations of unknown outcome may have been executed once, anywhere after
/// their call, or not: they explain what cannot be otherwise, and never make a
/// right history wrong. Refused ones take no part. O(n log n).
[[nodiscard]] queue_report
check_witness(std::span<const queue_operation> history);

/// Without places: what came out, after everything was popped until empty.
///
///  - An acknowledged item comes out exactly once, an unknown one at most once,
///    a refused one never, and nothing else. As many may be missing as there
///    are pops of unknown outcome.
///  - Who was pushed after another had been acknowledged does not come out, as
///    a whole, before it.
///  - Each queue was drained: a pop that began after all pushes found nothing.
///
/// O(n log n).
[[nodiscard]] queue_report
check_drained(std::span<const queue_operation> history);

} // namespace dfs::history
