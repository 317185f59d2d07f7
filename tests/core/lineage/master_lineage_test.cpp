#include "core/lineage/master_lineage.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

// Three lives: 100 rows were there when the second began, 250 at the third.
const master_lineage three{{{master_term{1}, 11, 0},
                            {master_term{2}, 22, 100},
                            {master_term{3}, 33, 250}},
                           master_term{1}};

bool has(const master_lineage& x, const msg::master_mark& seen,
         std::uint64_t durable = 300) {
  return static_cast<bool>(x.judge(seen, master_term{3}, durable));
}

} // namespace

TEST(MasterLineage, HasWhatItsOwnLivesHaveTold) { // SPEC G12
  EXPECT_TRUE(has(three, {}));
  EXPECT_TRUE(has(three, {master_term{1}, 11, 100}));
  EXPECT_TRUE(has(three, {master_term{2}, 22, 250}));
  EXPECT_TRUE(has(three, {master_term{3}, 33, 300}));
}

TEST(MasterLineage, KnowsThatItLacksRowsOfALife) { // SPEC G12
  // A copy that was made while that life ran.
  EXPECT_FALSE(has(three, {master_term{1}, 11, 101}));
  EXPECT_FALSE(has(three, {master_term{2}, 22, 251}));
  // The process itself was put back.
  EXPECT_FALSE(has(three, {master_term{3}, 33, 301}));
}

TEST(MasterLineage, KnowsThatAnotherLifeHadTheTerm) { // SPEC G12
  EXPECT_FALSE(has(three, {master_term{3}, 34, 1}));
  EXPECT_FALSE(has(three, {master_term{2}, 23, 1}));
  EXPECT_FALSE(has(three, {master_term{4}, 44, 1}));
  EXPECT_EQ(
    three.judge({master_term{2}, 23, 1}, master_term{3}, 300).error().code,
    ec::stale);
}

TEST(MasterLineage, ComparesTermsAloneWhereNothingElseIsKnown) {
  EXPECT_TRUE(has(three, {master_term{3}, 0, 0}));
  EXPECT_FALSE(has(three, {master_term{4}, 0, 0}));
  EXPECT_TRUE(has({}, {master_term{2}, 99, 1'000}));
  EXPECT_FALSE(has({}, {master_term{4}, 99, 1'000}));
  // Longer ago than is remembered.
  const master_lineage later{{{master_term{3}, 33, 250}}, master_term{1}};
  EXPECT_TRUE(has(later, {master_term{2}, 99, 1'000}));
}

TEST(MasterLineage, GivesUpWhatAPersonGaveUp) { // SPEC G12
  const master_lineage restored{{{master_term{1}, 11, 0},
                                 {master_term{65'538}, 55, 100},
                                 {master_term{65'539}, 66, 120}},
                                master_term{65'538}};
  const auto has = [&](const msg::master_mark& seen) {
    return static_cast<bool>(restored.judge(seen, master_term{65'539}, 130));
  };
  EXPECT_TRUE(has({master_term{1}, 11, 5'000})); // Of the lost metadata.
  EXPECT_TRUE(has({master_term{7}, 77, 5'000}));
  EXPECT_TRUE(has({master_term{65'538}, 55, 120}));
  // And then the restored ones were put back.
  EXPECT_FALSE(has({master_term{65'538}, 55, 121}));
  EXPECT_FALSE(has({master_term{65'539}, 67, 1}));
}

TEST(MasterMark, GoesBeyondOrContradicts) { // SPEC G12
  using msg::contradicts;
  using msg::goes_beyond;
  const msg::master_mark old{master_term{2}, 22, 10};
  EXPECT_TRUE(goes_beyond({master_term{2}, 22, 11}, old));
  EXPECT_TRUE(goes_beyond({master_term{3}, 33, 1}, old));
  EXPECT_FALSE(goes_beyond(old, old));
  EXPECT_FALSE(goes_beyond({master_term{2}, 23, 11}, old));
  EXPECT_FALSE(goes_beyond({master_term{1}, 11, 99}, old));
  EXPECT_FALSE(contradicts(old, old));
  EXPECT_FALSE(contradicts({master_term{3}, 33, 1}, old));
  EXPECT_TRUE(contradicts({master_term{2}, 22, 9}, old));
  EXPECT_TRUE(contradicts({master_term{2}, 23, 11}, old));
  EXPECT_TRUE(contradicts({master_term{1}, 11, 99}, old));
  // Of a file that knew terms only.
  EXPECT_TRUE(goes_beyond({master_term{2}, 22, 1}, {master_term{2}, 0, 0}));
  EXPECT_FALSE(contradicts({master_term{2}, 22, 1}, {master_term{2}, 0, 0}));
}

} // namespace dfs::core
