#include "core/chunks/ordered_chunk.hpp"

// SPEC G5, G7: the order of one chunk's changes at one replica.

namespace dfs::core {
namespace {

using test::refusal;

chunk_change
write_of(std::uint64_t serial, std::uint32_t offset, std::uint32_t length) {
  return {.serial = mutation_serial{serial},
          .kind = change_kind::write,
          .offset = offset,
          .length = length,
          .writer = {},
          .sequence = 0};
}

using ReplicaOrder = ordered_chunk;
using Follower = ReplicaOrder;

TEST_F(Follower, TakesChangesInTheirOrderOnly) { // I1
  EXPECT_EQ(refusal(order.follow(first, mutation_serial{2})), ec::stale);
  EXPECT_EQ(refusal(order.follow(first, mutation_serial{0})), ec::stale);
  ASSERT_EQ(*order.follow(first, mutation_serial{1}),
            replica_order::step::apply);
  order.applied(write_of(1, 0, 100), true, true);
  EXPECT_EQ(*order.follow(first, mutation_serial{1}),
            replica_order::step::repeated);
  EXPECT_EQ(*order.follow(first, mutation_serial{2}),
            replica_order::step::apply);
}

TEST_F(Follower, TakesNothingOfAnotherVersion) { // I4
  order.applied(write_of(1, 0, 100), true, true);
  order.raise_version(chunk_version{2});
  EXPECT_EQ(refusal(order.follow(first, mutation_serial{2})), ec::stale);
  order.synced(mutation_serial{1});
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  EXPECT_EQ(*order.follow(chunk_version{2}, mutation_serial{2}),
            replica_order::step::apply);
}

TEST_F(Follower, AnswersWhenTheDiskAndThoseBehindHaveIt) { // I2
  order.applied(write_of(1, 0, 100), true, true);
  order.applied(write_of(2, 0, 100), true, true);
  order.applied(write_of(3, 0, 100), false, false);
  order.confirmed(mutation_serial{2});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  order.synced(mutation_serial{2});
  EXPECT_EQ(order.next_answer(), std::nullopt) << "1 is not confirmed";
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), mutation_serial{1});
  EXPECT_EQ(order.next_answer(), mutation_serial{2});
  EXPECT_EQ(order.next_answer(), mutation_serial{3});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  EXPECT_EQ(order.committed(), mutation_serial{}) << "only the primary knows";
}

// A late one, or a forged one.
TEST_F(Follower, IgnoresAConfirmationOfWhatIsNotOwed) { // I2
  order.applied(write_of(1, 0, 100), false, true);
  order.confirmed(mutation_serial{2});
  order.confirmed(mutation_serial{3});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), mutation_serial{1});
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.owed(), 0u);
}

TEST_F(Follower, RepeatsWhatItHasForThoseBehind) {
  order.applied(write_of(1, 0, 100), true, true);
  order.applied(write_of(2, 0, 100), true, true);
  order.raise_version(chunk_version{2});
  ASSERT_TRUE(order.owe_again(mutation_serial{1}, true, true));
  EXPECT_EQ(refusal(order.owe_again(mutation_serial{1}, true, true)),
            ec::stale);
  ASSERT_TRUE(order.owe_again(mutation_serial{2}, true, true));
  order.synced(mutation_serial{2});
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), mutation_serial{1});
  EXPECT_EQ(order.next_answer(), std::nullopt);
}

TEST_F(Follower, AllowsReadsOfWhatIsKnownToBeCommitted) { // I3
  order.applied(write_of(1, 0, 1'000), true, true);
  order.applied(write_of(2, 500, 100), true, true);
  EXPECT_EQ(order.unsettled({}, 0, 10), mutation_serial{1});
  EXPECT_EQ(order.unsettled({}, 550, 10), mutation_serial{2});
  EXPECT_EQ(order.unsettled(mutation_serial{1}, 0, 500), std::nullopt);
  EXPECT_EQ(order.unsettled(mutation_serial{1}, 0, 501), mutation_serial{2});
  EXPECT_EQ(order.unsettled(mutation_serial{1}, 600, 10), std::nullopt);
  order.learn_committed(first, mutation_serial{1});
  EXPECT_EQ(order.unsettled({}, 0, 500), std::nullopt);
  EXPECT_EQ(order.committed_extent(),
            (msg::chunk_extent{first, mutation_serial{1}, 1'000, 1'000}));
  order.learn_committed(chunk_version{2}, mutation_serial{2});
  EXPECT_EQ(order.committed(), mutation_serial{1}) << "not of this version";
  order.learn_committed(first, mutation_serial{9});
  EXPECT_EQ(order.committed(), mutation_serial{2}) << "no more than is here";
  EXPECT_EQ(order.unsettled({}, 0, chunk_size), std::nullopt);
}

TEST_F(Follower, KnowsNothingAfterItsStart) { // Reads: "what it is told"
  replica_order again{{.version = first,
                       .serial = mutation_serial{7},
                       .length = 900,
                       .padded_from = 900},
                      chunk_size};
  EXPECT_EQ(again.unsettled({}, 0, 1), mutation_serial{7});
  EXPECT_EQ(again.unsettled(mutation_serial{6}, 0, 1), mutation_serial{7});
  EXPECT_EQ(again.unsettled(mutation_serial{7}, 0, 1), std::nullopt);
  EXPECT_EQ(again.committed_extent().serial, mutation_serial{});
  again.applied(write_of(8, 900, 100), true, false);
  again.learn_committed(first, mutation_serial{7});
  EXPECT_EQ(again.unsettled({}, 0, 900), std::nullopt);
  EXPECT_EQ(again.unsettled({}, 0, 901), mutation_serial{8});
  EXPECT_EQ(again.committed_extent().serial, mutation_serial{});
  again.learn_committed(first, mutation_serial{8});
  EXPECT_EQ(again.committed_extent(),
            (msg::chunk_extent{first, mutation_serial{8}, 1'000, 1'000}));
}

TEST_F(Follower, SaysWhatItLacks) {
  order.applied(write_of(1, 0, 1), true, true);
  EXPECT_TRUE(order.has(first, mutation_serial{1}));
  EXPECT_EQ(refusal(order.has(chunk_version{2}, {})), ec::stale);
  EXPECT_EQ(refusal(order.has(first, mutation_serial{2})), ec::stale);
}

struct Primary : ReplicaOrder {
  Primary() {
    order.lead(epoch, {}, chunk_size);
  }
};

/// Made primary at a new version, with a change that it never heard the fate
/// of.
struct HeirOfAChange : ReplicaOrder {
  HeirOfAChange() {
    order.applied(write_of(1, 0, 100), false, false);
    order.applied(write_of(2, 0, 100), false, false);
    order.learn_committed(first, mutation_serial{1});
    order.raise_version(second);
    order.lead(epoch, {}, chunk_size);
  }

  static constexpr chunk_version second{2};
};

// The master may not have heard that it leads, and have somebody else lead, who
// lacks the change: nobody may have seen it here.
TEST_F(HeirOfAChange, ShowsItToThoseOnlyWhoKnowItsVersion) { // SPEC G5 G6
  EXPECT_EQ(refusal(order.has(first, {})), ec::not_primary);
  EXPECT_FALSE(order.proven());
  EXPECT_TRUE(order.has(second, {}));
  EXPECT_TRUE(order.proven());
  EXPECT_TRUE(order.has(first, {}));
  EXPECT_EQ(order.unsettled({}, 0, 1), std::nullopt);
}

TEST_F(HeirOfAChange, ForgetsThatItIsCommittedIfItNeverCounted) { // SPEC G5 G6
  order.raise_version(chunk_version{3});
  EXPECT_TRUE(order.has(first, {}));
  EXPECT_EQ(order.committed(), mutation_serial{1});
  EXPECT_EQ(order.unsettled({}, 0, 1), mutation_serial{2});
  order.check();
}

TEST_F(HeirOfAChange, KeepsWhatCounted) {
  EXPECT_TRUE(order.may_change(second, epoch)); // A writer has its grant.
  order.end_lead();
  EXPECT_EQ(order.committed(), mutation_serial{2});
  EXPECT_EQ(order.unsettled({}, 0, 1), std::nullopt);
}

TEST_F(Primary, TakesChangesOfItsVersionAndLeaseOnly) { // SPEC G6
  EXPECT_TRUE(order.may_change(first, epoch));
  EXPECT_EQ(refusal(order.may_change(first, lease_epoch{4})), ec::stale);
  EXPECT_EQ(refusal(order.may_change(chunk_version{2}, epoch)), ec::stale);
  order.end_lead();
  EXPECT_EQ(refusal(order.may_change(first, epoch)), ec::not_primary);
}

TEST_F(Primary, WritesWhereItIsToldWithoutGaps) { // SPEC G5
  EXPECT_EQ(refusal(order.plan_write(1, 10)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_write(0, 0)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_write(0, chunk_size + 1)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_write(~0u, 2)), ec::invalid_argument);
  done(order.plan_write(0, 100));
  done(order.plan_write(50, 100));
  EXPECT_EQ(order.committed_extent(),
            (msg::chunk_extent{first, mutation_serial{2}, 150, 150}));
  done(order.plan_write(150, chunk_size - 150));
  EXPECT_EQ(refusal(order.plan_write(chunk_size, 1)), ec::invalid_argument);
}

TEST_F(Primary, CommitsInOrder) { // I2
  order.applied(*order.plan_write(0, 10)->apply, true, true);
  order.applied(*order.plan_write(10, 10)->apply, true, true);
  order.synced(mutation_serial{2});
  order.confirmed(mutation_serial{2});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  EXPECT_EQ(order.committed(), mutation_serial{});
  EXPECT_EQ(order.unsettled({}, 0, 5), mutation_serial{1});
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), mutation_serial{1});
  EXPECT_EQ(order.committed_extent().length, 10u);
  EXPECT_EQ(order.next_answer(), mutation_serial{2});
  EXPECT_TRUE(order.all_committed());
}

TEST_F(Primary, ForgetsWhatIsUndecidedWhenItsLeaseEnds) {
  order.applied(*order.plan_write(0, 10)->apply, true, true);
  order.end_lead();
  order.synced(mutation_serial{1});
  order.confirmed(mutation_serial{1});
  EXPECT_EQ(order.next_answer(), std::nullopt);
  EXPECT_FALSE(order.all_committed());
}

TEST_F(Primary, AppendsAtTheEnd) { // SPEC G7
  EXPECT_EQ(done(order.plan_append(alice, 1, 100)).offset, 0u);
  EXPECT_EQ(done(order.plan_append(bob, 1, 50)).offset, 100u);
  EXPECT_EQ(done(order.plan_append(alice, 2, 1)).offset, 150u);
  EXPECT_EQ(refusal(order.plan_append(alice, 3, 0)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_append(alice, 3, chunk_size / 4 + 1)),
            ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_append({}, 3, 1)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_append(alice, 0, 1)), ec::invalid_argument);
}

TEST_F(Primary, AnswersARepetitionFromTheFirstTime) { // SPEC G7: exactly once
  done(order.plan_append(alice, 1, 100));
  done(order.plan_append(bob, 1, 50));
  const auto again = order.plan_append(alice, 1, 100);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->apply);
  EXPECT_EQ(again->offset, 0u);
  EXPECT_LE(again->decided_by, order.committed());
  // One that is under way is decided by the first, too.
  order.applied(*order.plan_append(alice, 2, 10)->apply, true, true);
  const auto open = order.plan_append(alice, 2, 10);
  EXPECT_FALSE(open->apply);
  EXPECT_EQ(open->decided_by, mutation_serial{3});
  EXPECT_GT(open->decided_by, order.committed());
  EXPECT_EQ(refusal(order.plan_append(alice, 1, 100)), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_append(alice, 2, 11)), ec::invalid_argument);
}

TEST_F(Primary, RemembersAppendsOfTheLeaseBefore) { // SPEC G7
  replica_order next{{.version = first,
                      .serial = mutation_serial{3},
                      .length = 300,
                      .padded_from = 300},
                     chunk_size};
  next.lead(epoch,
            {.appends = {{alice, 7, 100, 200}, {bob, 2, 300, 0}}, .writes = {}},
            chunk_size);
  const auto again = next.plan_append(alice, 7, 200);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->apply);
  EXPECT_EQ(again->offset, 100u);
  EXPECT_LE(again->decided_by, next.committed());
  EXPECT_EQ(refusal(next.plan_append(bob, 2, 10)), ec::cancelled);
  EXPECT_EQ(next.plan_append(bob, 3, 10)->offset, 300u);
}

TEST_F(Primary, PadsWhatARecordDoesNotFitInto) { // SPEC G7
  for (std::uint64_t i = 1; i <= 4; ++i)
    done(order.plan_append(alice, i, chunk_size / 4 - 10));
  const auto pad = order.plan_append(alice, 5, 41);
  ASSERT_TRUE(pad);
  ASSERT_TRUE(pad->apply);
  EXPECT_TRUE(pad->full);
  EXPECT_EQ(pad->apply->kind, change_kind::pad);
  EXPECT_EQ(pad->apply->length, 40u);
  done(pad);
  EXPECT_EQ(order.committed_extent(),
            (msg::chunk_extent{first, mutation_serial{5}, chunk_size,
                               chunk_size - 40}));
  // From now on all are told so, and nothing is added.
  const auto small = order.plan_append(bob, 1, 1);
  EXPECT_FALSE(small->apply);
  EXPECT_TRUE(small->full);
  EXPECT_EQ(refusal(order.plan_write(chunk_size - 40, 1)), ec::chunk_full);
  EXPECT_TRUE(order.plan_write(chunk_size - 41, 1));
  done(order.plan_write(0, 5));
  EXPECT_EQ(order.committed_extent().padded_from, chunk_size - 40);
}

TEST_F(Primary, IsFullWhereItsGrantSays) { // SPEC G1
  done(order.plan_append(alice, 1, 1'000));
  order.lead(lease_epoch{6}, {}, 4'096);
  EXPECT_EQ(refusal(order.plan_append(bob, 1, 1'025)), ec::invalid_argument);
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_FALSE(done(order.plan_append(bob, i, 1'000)).full);
  EXPECT_TRUE(done(order.plan_append(bob, 4, 1'000)).full);
  EXPECT_EQ(order.committed_extent().padded_from, 4'000u);
  EXPECT_EQ(order.committed_extent().length, 4'096u);
}

TEST_F(Primary, IsFullIfChunksWereLargerOnce) { // SPEC G1
  done(order.plan_append(alice, 1, 9'000));
  order.lead(lease_epoch{6}, {}, 4'096);
  EXPECT_TRUE(done(order.plan_append(bob, 1, 10)).full);
  EXPECT_EQ(refusal(order.plan_write(9'000, 1)), ec::invalid_argument);
  EXPECT_TRUE(order.plan_write(8'000, 1'000));
}

TEST_F(Primary, FillsAChunkToItsLastByte) {
  for (std::uint64_t i = 1; i <= 4; ++i)
    EXPECT_FALSE(done(order.plan_append(alice, i, chunk_size / 4)).full);
  const auto next = order.plan_append(alice, 5, 1);
  EXPECT_TRUE(next->full);
  EXPECT_FALSE(next->apply) << "there is nothing to pad";
  EXPECT_EQ(order.committed_extent().padded_from, chunk_size);
}

TEST_F(Primary, ClosesAChunkThatHasHadTooManyWriters) { // SPEC G7
  for (std::uint64_t i = 1; i <= replica_order::writers_max; ++i)
    EXPECT_FALSE(done(order.plan_append(writer_id{i}, 1, 1)).full);
  EXPECT_FALSE(done(order.plan_append(writer_id{1}, 2, 1)).full);
  const auto one_more = done(order.plan_append(writer_id{9'999}, 1, 1));
  EXPECT_TRUE(one_more.full);
  EXPECT_EQ(order.plan_append(writer_id{5}, 1, 1)->offset, 4u)
    << "all of them are remembered";
}

TEST_F(Primary, SettlesAnAppendForGood) { // SPEC G7, Appends
  done(order.plan_append(alice, 1, 100));
  const auto yes = order.plan_settle(alice, 1);
  ASSERT_TRUE(yes);
  EXPECT_TRUE(yes->done);
  EXPECT_EQ(yes->offset, 0u);
  EXPECT_FALSE(yes->apply);
  // Not there: barred, on all replicas.
  const auto no = order.plan_settle(alice, 2);
  ASSERT_TRUE(no);
  ASSERT_TRUE(no->apply);
  EXPECT_EQ(no->apply->kind, change_kind::bar);
  EXPECT_FALSE(done(no).done);
  EXPECT_EQ(refusal(order.plan_append(alice, 2, 100)), ec::cancelled);
  EXPECT_FALSE(order.plan_settle(alice, 2)->done);
  EXPECT_FALSE(order.plan_settle(alice, 2)->apply);
  EXPECT_EQ(refusal(order.plan_settle(alice, 1)), ec::invalid_argument);
  EXPECT_EQ(done(order.plan_append(alice, 3, 1)).offset, 100u);
  EXPECT_EQ(order.committed_extent().length, 101u);
}

TEST_F(Primary, SettlesInAClosedChunkWithoutABar) {
  for (std::uint64_t i = 1; i <= 4; ++i)
    done(order.plan_append(alice, i, chunk_size / 4));
  const auto plan = order.plan_settle(bob, 1);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->apply);
  EXPECT_FALSE(plan->done);
  EXPECT_FALSE(plan->full);
  EXPECT_TRUE(order.plan_append(bob, 1, 1)->full);
}

/// Of the primary: changes that are applied, and not decided yet.
struct UnderWay : ordered_chunk {
  UnderWay() {
    order.lead(epoch, {}, chunk_size);
    done(order.plan_write(0, 1'000));
  }

  mutation_serial begin(std::uint32_t offset, std::uint32_t length) {
    const auto plan = order.plan_write(offset, length);
    EXPECT_TRUE(plan && plan->apply && !plan->again);
    order.applied(*plan->apply, true, true);
    order.check();
    return plan->apply->serial;
  }

  void decide(mutation_serial serial) {
    order.synced(serial);
    order.confirmed(serial);
    EXPECT_EQ(order.next_answer(), serial);
  }
};

// SPEC G5: else a replica that has one of them could not be told from a replica
// that has it with bytes of the other.
TEST_F(UnderWay, WhatOverlapsIsDecidedOneAfterTheOther) { // I7
  const auto before = begin(100, 100);
  const auto beside = begin(200, 100);
  for (const auto offset : {50u, 100u, 150u, 199u}) {
    const auto wait = order.plan_write(offset, 51);
    ASSERT_TRUE(wait);
    EXPECT_TRUE(wait->again);
    EXPECT_FALSE(wait->apply);
  }
  EXPECT_EQ(order.plan_write(100, 1)->decided_by, before);
  EXPECT_EQ(order.plan_write(199, 2)->decided_by, beside) << "the later one";
  EXPECT_FALSE(order.plan_write(0, 100)->again);
  EXPECT_FALSE(order.plan_write(1'000, 5)->again) << "it adds to the chunk";
  decide(before);
  EXPECT_FALSE(order.plan_write(100, 100)->again);
  EXPECT_TRUE(order.plan_write(100, 101)->again);
  decide(beside);
  EXPECT_FALSE(order.plan_write(0, 1'000)->again);
}

TEST_F(UnderWay, ARecordIsOverwrittenWhenItIsDecided) { // I7; SPEC G7
  const auto record = order.plan_append(alice, 1, 10);
  ASSERT_TRUE(record && record->apply);
  order.applied(*record->apply, true, true);
  EXPECT_TRUE(order.plan_write(1'005, 1)->again);
  const auto next = order.plan_append(alice, 2, 10);
  EXPECT_FALSE(next->again) << "it stands behind";
  decide(record->apply->serial);
  EXPECT_FALSE(order.plan_write(1'005, 1)->again);
}

TEST_F(UnderWay, NoMoreThanAStoreRemembers) { // I8
  std::vector<mutation_serial> open;
  for (std::uint32_t i = 0; i < replica_order::under_way_max; ++i)
    open.push_back(begin(1'000 + i, 1));
  const auto full = static_cast<std::uint32_t>(1'000 + open.size());
  for (const auto& plan :
       {order.plan_write(full, 1), order.plan_write(0, 1),
        order.plan_append(alice, 1, 1), order.plan_settle(alice, 1)}) {
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->again);
    EXPECT_FALSE(plan->apply);
    EXPECT_EQ(plan->decided_by, open.front());
  }
  decide(open.front());
  EXPECT_FALSE(order.plan_write(full, 1)->again);
  EXPECT_FALSE(order.plan_append(alice, 1, 1)->again);
}

TEST_F(UnderWay, WhatIsThereAlreadyDoesNotWait) { // SPEC G7, S11
  const auto record = order.plan_append(alice, 1, 10);
  order.applied(*record->apply, true, true);
  const msg::write_identity once{bob, 1, {}};
  const auto write = order.plan_write(0, 5, once);
  order.applied(*write->apply, true, true);
  for (auto i = order.owed(); i < replica_order::under_way_max; ++i)
    begin(order.applied_extent().length, 1);
  EXPECT_EQ(order.plan_append(alice, 1, 10)->decided_by, record->apply->serial);
  EXPECT_FALSE(order.plan_append(alice, 1, 10)->again);
  EXPECT_FALSE(order.plan_settle(alice, 1)->again);
  EXPECT_FALSE(order.plan_write(0, 5, once)->again);
}

} // namespace
} // namespace dfs::core
