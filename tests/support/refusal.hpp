#pragma once

#include "base/result.hpp"

#include <optional>

namespace dfs::test {

/// Why not, or nothing: for `EXPECT_EQ(refusal(outcome), ec::busy)`.
template <class T>
std::optional<ec> refusal(const result<T>& outcome) {
  return outcome ? std::nullopt : std::optional{outcome.error().code};
}

} // namespace dfs::test
