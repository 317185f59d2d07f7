#include "core/links/store_claims.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr store_id store{0xab};
const store_place holder{"chunk-1", *endpoint::parse("10.0.0.5:7401")};
const store_place copy{"chunk-1", *endpoint::parse("10.0.0.6:7401")};

struct StoreClaims : ::testing::Test {
  instant now{1h};
  store_claims claims;
};

} // namespace

TEST_F(StoreClaims, AreConflictsOnceBothNodesWereHeard) { // SPEC O7, K1
  EXPECT_FALSE(claims.heard(store, now)) << "nobody claims it";
  claims.refuse(store, holder, copy, now);
  EXPECT_TRUE(claims.conflicts(now).empty()) << "the holder may be gone";
  EXPECT_FALSE(claims.heard(store_id{1}, now)) << "another store";
  const auto told = claims.heard(store, now);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->holder, holder);
  EXPECT_EQ(told->refused, copy);
  EXPECT_FALSE(claims.heard(store, now)) << "once";
  claims.refuse(store, holder, copy, now + 1s);
  EXPECT_FALSE(claims.heard(store, now + 1s)) << "once for this pair";
  const auto all = claims.conflicts(now + 1s);
  ASSERT_EQ(all.size(), 1u);
  const auto found = find_conflicts(all, "chunks");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].code, "STORE_TWICE");
  EXPECT_NE(found[0].text.find("chunk-1 at 10.0.0.5:7401"), std::string::npos);
  EXPECT_NE(found[0].text.find("chunk-1 at 10.0.0.6:7401"), std::string::npos);
  EXPECT_NE(found[0].text.find("00000000000000ab"), std::string::npos);
}

TEST_F(StoreClaims, OfAnotherPairAreToldAgain) {
  claims.refuse(store, holder, copy, now);
  ASSERT_TRUE(claims.heard(store, now));
  const store_place third{"chunk-9", copy.address};
  claims.refuse(store, holder, third, now);
  EXPECT_TRUE(claims.conflicts(now).empty());
  const auto told = claims.heard(store, now);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->refused, third);
}

TEST_F(StoreClaims, EndWhenTheRefusedNodeHasGone) {
  claims.refuse(store, holder, copy, now);
  ASSERT_TRUE(claims.heard(store, now));
  now += store_claims::claim_life - 1ms;
  EXPECT_EQ(claims.conflicts(now).size(), 1u);
  now += 1ms;
  EXPECT_TRUE(claims.conflicts(now).empty());
  EXPECT_FALSE(claims.heard(store, now));
  claims.refuse(store, holder, copy, now);
  EXPECT_TRUE(claims.heard(store, now)) << "it is back";
}

TEST_F(StoreClaims, EndWithANewHolder) {
  claims.refuse(store, holder, copy, now);
  ASSERT_TRUE(claims.heard(store, now));
  claims.settle(store);
  EXPECT_TRUE(claims.conflicts(now).empty());
  EXPECT_FALSE(claims.heard(store, now));
}

TEST_F(StoreClaims, AreBounded) { // SPEC S10
  for (std::uint64_t i = 0; i <= store_claims::claims_max; ++i) {
    claims.refuse(store_id{i}, holder, copy, now);
    (void) claims.heard(store_id{i}, now);
  }
  EXPECT_EQ(claims.conflicts(now).size(), store_claims::claims_max);
  now += store_claims::claim_life;
  claims.refuse(store_id{7}, holder, copy, now); // Those are over.
  EXPECT_TRUE(claims.heard(store_id{7}, now));
}

} // namespace dfs::core
