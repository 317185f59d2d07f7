#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dfs::admin {

/// How far a command came that changes a file in several steps.
struct change_progress {
  std::uint64_t done = 0; ///< Steps that certainly are.
  std::string text;       ///< "after 3 appends"; empty: it was said already.
  bool repeats = false;   ///< An earlier try may have done more.
  std::optional<std::string> name; ///< To repeat it with.
};

/// What such a command ends with when it fails (SPEC S7, S11): "no" and "not
/// now" only if nothing has happened; otherwise that the outcome is unknown,
/// how far it came, and the one thing to try. What the caller got wrong, what
/// is damaged, and who interrupted it, keep their codes.
[[nodiscard]] error explain_change(error why, const change_progress& so_far);

/// Does it say already what to try?
[[nodiscard]] bool is_advised(const error& why);

/// The text without what somebody below would try.
[[nodiscard]] std::string without_advice(std::string text);

} // namespace dfs::admin
