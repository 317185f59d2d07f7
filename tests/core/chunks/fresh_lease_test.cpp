#include "core/chunks/fresh_lease.hpp"

#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <chrono>

// SPEC G6: leases of new chunks, whose grants come with a client.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using test::refusal;

struct FreshLease : ::testing::Test {
  static constexpr store_id self{100};
  static constexpr boot_id boot{7};
  boot_instant now{std::chrono::seconds{50}};
  result<boot_instant> until = now + 10s;
  msg::chunk_grant grant = made();

  static msg::chunk_grant made() {
    msg::chunk_grant x;
    x.version = chunk_version{1};
    x.chain = {{self, {}}, {store_id{101}, {}}};
    x.replicas_min = 2;
    x.fresh = true;
    x.term = master_term{3};
    x.boot = boot;
    return x;
  }

  [[nodiscard]] result<boot_instant> end() const {
    return end_of_fresh(grant, self, boot, until, now);
  }
};

TEST_F(FreshLease, RunsAsLongAsTheGrantSays) {
  const auto found = end();
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, *until);
  now = *until - 1ns;
  EXPECT_TRUE(end());
  now = *until;
  EXPECT_EQ(refusal(end()), ec::lease_expired);
}

TEST_F(FreshLease, IsForTheFirstOfTheChainInThisLife) {
  EXPECT_EQ(refusal(end_of_fresh(grant, store_id{101}, boot, until, now)),
            ec::not_primary);
  EXPECT_EQ(refusal(end_of_fresh(grant, self, boot_id{8}, until, now)),
            ec::stale);
  until = fail(ec::stale, "the heartbeat is forgotten");
  EXPECT_EQ(refusal(end()), ec::stale);
}

TEST_F(FreshLease, IsOfNewChunksWithEnoughReplicas) {
  grant.fresh = false;
  EXPECT_EQ(refusal(end()), ec::not_primary);
  grant.fresh = true;
  grant.replicas_min = 3;
  EXPECT_EQ(refusal(end()), ec::invalid_argument);
  grant.replicas_min = 0;
  grant.chain.clear();
  EXPECT_EQ(refusal(end()), ec::invalid_argument);
  grant.chain.assign(9, {self, {}});
  EXPECT_EQ(refusal(end()), ec::invalid_argument);
  grant.chain.pop_back();
  EXPECT_TRUE(end());
}

// A grant to fewer than may change the chunk settles it, and is over at once:
// a client that brings it then is to ask for another one, and has done nothing
// wrong. SPEC S7, S11
TEST_F(FreshLease, IsNoneOfWhoSettledTheChunkAlone) {
  grant.fresh = false;
  grant.chain.pop_back();
  ASSERT_LT(grant.chain.size(), grant.replicas_min);
  EXPECT_EQ(refusal(end()), ec::not_primary);
}

TEST_F(FreshLease, BeginsOverNothingOnly) { // SPEC G5
  const msg::chunk_extent empty{.version = chunk_version{1}};
  EXPECT_TRUE(may_lead_fresh(grant, empty, false));
  EXPECT_EQ(refusal(may_lead_fresh(grant, empty, true)), ec::not_primary);
  auto here = empty;
  here.serial = mutation_serial{1};
  EXPECT_EQ(refusal(may_lead_fresh(grant, here, false)), ec::not_primary)
    << "whether the others have it is not known here";
  here = {.version = chunk_version{2}};
  EXPECT_EQ(refusal(may_lead_fresh(grant, here, false)), ec::stale);
}

TEST_F(FreshLease, MakesNothingForAGrantToAFormerLife) { // SPEC I3
  constexpr mutation_serial first{1};
  grant.epoch = lease_epoch{40};
  EXPECT_TRUE(may_make_fresh(grant, first, lease_epoch{39}));
  EXPECT_EQ(refusal(may_make_fresh(grant, first, lease_epoch{40})), ec::stale);
  EXPECT_EQ(refusal(may_make_fresh(grant, first, std::nullopt)), ec::stale)
    << "no master knows this life";
}

TEST_F(FreshLease, MakesNoChunkThatWasHereBefore) {
  grant.epoch = lease_epoch{40};
  EXPECT_EQ(refusal(may_make_fresh(grant, mutation_serial{2}, lease_epoch{39})),
            ec::not_found);
  grant.fresh = false;
  EXPECT_EQ(refusal(may_make_fresh(grant, mutation_serial{1}, lease_epoch{39})),
            ec::not_found);
}

} // namespace
} // namespace dfs::core
