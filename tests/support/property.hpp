#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <sstream>

namespace dfs::test {

/// Tries a property with generated arguments; a failure is shrunk. Always from
/// the same seed, which the failure names: a test is as good tomorrow.
template <class Property>
void check_property(Property&& property, std::uint64_t seed = 1,
                    int cases = 100) {
  rc::detail::TestParams params;
  params.seed = seed;
  params.maxSuccess = cases;
  const auto outcome
    = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params);
  if (outcome.template is<rc::detail::SuccessResult>())
    return;
  std::ostringstream story;
  rc::detail::printResultMessage(outcome, story);
  ADD_FAILURE() << "seed " << seed << ": " << story.str();
}

} // namespace dfs::test
