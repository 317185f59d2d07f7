#include "admin/change_outcome.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dfs::admin {
namespace {

using testing::HasSubstr;

// SPEC S11: "no" and "not now" mean that nothing has happened.
TEST(ChangeOutcome, IsNotNowOnlyIfNothingHasHappened) {
  const auto why = fail(ec::no_redundancy, "too few. Try: again");
  const auto none = explain_change(why, {});
  EXPECT_EQ(none.code, ec::no_redundancy);
  EXPECT_EQ(none.context, "too few. Try: again");
  const auto some = explain_change(
    why,
    {.done = 2, .text = "after 2 appends", .repeats = false, .name = "a1"});
  EXPECT_EQ(some.code, ec::outcome_unknown);
  EXPECT_EQ(some.context,
            "too few (after 2 appends). Try: the same command, with the same "
            "input and --request-id a1: it does what is not done yet, and "
            "nothing twice");
  const auto again = explain_change(
    why, {.done = 0, .text = {}, .repeats = true, .name = "a1"});
  EXPECT_EQ(again.code, ec::outcome_unknown) << "the first try may have";
}

TEST(ChangeOutcome, KeepsWhatIsNoFailureOfTheCluster) { // SPEC S7
  for (const auto code : {ec::cancelled, ec::invalid_argument, ec::integrity}) {
    const auto x = explain_change(
      fail(code, "why. Try: it"),
      {.done = 1, .text = "after 1 append", .repeats = true, .name = "a1"});
    EXPECT_EQ(x.code, code);
    EXPECT_THAT(x.context, HasSubstr("why (after 1 append). Try: "));
    EXPECT_EQ(x.context.find("--request-id a1") == std::string::npos,
              code == ec::invalid_argument);
  }
}

} // namespace
} // namespace dfs::admin
