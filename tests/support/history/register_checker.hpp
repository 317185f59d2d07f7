#pragma once

#include "support/history/operation.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dfs::history {

enum class verdict : std::uint8_t {
  linearizable,
  violated,
  undecided, ///< The limit was reached. Counts as a failure.
};

[[nodiscard]] std::string_view to_string(verdict x);

struct register_limits {
  /// States of the search for one key; about 100 bytes of memory each.
  std::uint64_t states_max = 5'000'000;
};

struct register_report {
  verdict outcome = verdict::linearizable;
  std::string key; ///< Of the first key that is not linearizable.
  std::string why; ///< For people: what cannot be placed, and beside what.
  std::uint64_t keys = 0;
  std::uint64_t operations = 0;
  std::uint64_t states = 0; ///< Visited, of all keys.
};

/// Is there an order of all reads and writes, key by key, in which each takes
/// effect at one instant between its call and its return, and each read sees
/// what was written last (Herlihy and Wing)? Keys are independent, so they are
/// checked one by one: linearizability is local.
///
/// The search is Wing and Gong's with Lowe's memo of visited states. What cuts
/// it down is exact, each time by an exchange of neighbours in the order:
///  - a read that can be next and fits is next, since it changes nothing;
///  - a write of unknown outcome that no read saw is left out;
///  - a write that no read will see goes just before one that covers it;
///  - a value that a read must still see, and that nobody will write again, is
///    not overwritten.
///
/// Refused writes take no part: who reads their value proves the violation.
/// Appends and scans in `history` are ignored.
[[nodiscard]] register_report
check_registers(std::span<const operation> history,
                const register_limits& limits = {});

} // namespace dfs::history
