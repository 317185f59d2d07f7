#pragma once

#include "base/ids.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>

namespace dfs::msg {

/// How far a master's metadata had come when somebody was told of it. Servers
/// keep the newest, so that they know older metadata (docs/protocols/chunks.md,
/// "Metadata that goes back").
struct master_mark {
  master_term term;           ///< 0: no master was obeyed yet.
  std::uint64_t life = 0;     ///< Random, of that term; 0: not known.
  std::uint64_t sequence = 0; ///< Of the last row that was durable.

  bool operator==(const master_mark&) const = default;
};

/// Is `x` newer than what is remembered?
[[nodiscard]] inline bool
goes_beyond(const master_mark& x, const master_mark& remembered) {
  if (x.term != remembered.term)
    return x.term > remembered.term;
  if (x.life != remembered.life)
    return remembered.life == 0;
  return x.sequence > remembered.sequence;
}

/// Is `x` older than what is remembered, or of metadata that went another way?
[[nodiscard]] inline bool
contradicts(const master_mark& x, const master_mark& remembered) {
  if (x.term != remembered.term)
    return x.term < remembered.term;
  if (x.life == 0 || remembered.life == 0)
    return false;
  return x.life != remembered.life || x.sequence < remembered.sequence;
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, master_mark& x) {
  return f(caf::meta::type_name("master_mark"), x.term, x.life, x.sequence);
}

} // namespace dfs::msg
