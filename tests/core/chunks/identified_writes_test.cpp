#include "core/chunks/ordered_chunk.hpp"

// SPEC G5: writes that happen once, as the primary orders them
// (docs/protocols/chunk_data.md, "Writes: exactly once").

namespace dfs::core {
namespace {

using test::refusal;

struct IdentifiedWrites : ordered_chunk {
  IdentifiedWrites() {
    order.lead(epoch, {}, chunk_size);
  }

  static msg::write_identity
  of(writer_id writer, std::uint64_t sequence, std::uint64_t since = 0) {
    return {writer, sequence, mutation_serial{since}};
  }

  /// Others write until somebody is forgotten.
  void crowd(std::uint64_t others) {
    for (std::uint64_t i = 0; i < others; ++i)
      done(order.plan_write(
        0, 1, of(writer_id{10'000 + i}, 1, order.committed().value())));
  }
};

TEST_F(IdentifiedWrites, HappenOnce) { // SPEC G5: exactly once
  const auto first_try = done(order.plan_write(0, 100, of(alice, 1)));
  EXPECT_EQ(first_try.apply->writer, alice);
  EXPECT_EQ(first_try.apply->sequence, 1u);
  done(order.plan_write(0, 100, of(bob, 1))); // Over it.
  const auto again = order.plan_write(0, 100, of(alice, 1));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->apply);
  EXPECT_EQ(again->offset, 0u);
  EXPECT_LE(again->decided_by, order.committed());
  EXPECT_TRUE(order.plan_write(0, 100, of(alice, 2))->apply);
  EXPECT_TRUE(order.plan_write(0, 100)->apply) << "without an identity";
  EXPECT_EQ(refusal(order.plan_write(0, 1, of({}, 1))), ec::invalid_argument);
  EXPECT_EQ(refusal(order.plan_write(0, 1, of(alice, 0))),
            ec::invalid_argument);
}

TEST_F(IdentifiedWrites, UnderWayAreDecidedByTheFirstTry) { // SPEC G5
  for (std::uint32_t i = 1; i <= 3; ++i)
    order.applied(*order.plan_write(i * 10 - 10, 10, of(alice, i))->apply, true,
                  true);
  // The last one stands for all before it.
  const auto open = order.plan_write(10, 10, of(alice, 2));
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->apply);
  EXPECT_EQ(open->decided_by, mutation_serial{3});
  EXPECT_GT(open->decided_by, order.committed());
}

TEST_F(IdentifiedWrites, HaveNoGaps) { // W1
  EXPECT_EQ(refusal(order.plan_write(0, 1, of(alice, 2))), ec::busy);
  done(order.plan_write(0, 1, of(alice, 1)));
  EXPECT_EQ(refusal(order.plan_write(0, 1, of(alice, 3))), ec::busy);
  done(order.plan_write(0, 1, of(alice, 2)));
  done(order.plan_write(0, 1, of(alice, 3)));
  EXPECT_FALSE(order.plan_write(0, 1, of(alice, 1))->apply)
    << "it was overtaken by its repetition";
}

TEST_F(IdentifiedWrites, OfTheLeaseBeforeAreKnown) { // SPEC G5
  replica_order next{{.version = first,
                      .serial = mutation_serial{9},
                      .length = 300,
                      .padded_from = 300},
                     chunk_size};
  known_writers known;
  known.writes.note({alice, 7, mutation_serial{9}});
  known.writes.forgotten = mutation_serial{4};
  next.lead(epoch, known, chunk_size);
  EXPECT_FALSE(next.plan_write(0, 10, of(alice, 7, 1))->apply);
  EXPECT_TRUE(next.plan_write(0, 10, of(alice, 8, 1))->apply);
  EXPECT_EQ(refusal(next.plan_write(0, 10, of(bob, 1, 3))),
            ec::outcome_unknown);
  EXPECT_TRUE(next.plan_write(0, 10, of(bob, 1, 4))->apply);
}

// Goal: nobody's write comes twice, also after 256 others; who certainly was
// never here may write (W2, W3). Method: one writer is crowded out.
TEST_F(IdentifiedWrites, ThatMayBeForgottenAreNotDecided) { // SPEC G5
  done(order.plan_write(0, 1, of(bob, 1)));
  const auto since = order.committed().value();
  done(order.plan_write(0, 1, of(alice, 1, since)));
  crowd(msg::recent_writes::most - 1);
  EXPECT_FALSE(order.plan_write(0, 1, of(alice, 1, since))->apply)
    << "still known";
  EXPECT_EQ(refusal(order.plan_write(0, 1, of(bob, 1))), ec::outcome_unknown);
  EXPECT_TRUE(order.plan_write(0, 1, of(writer_id{77}, 1, since))->apply)
    << "what is forgotten was before";
  done(order.plan_write(0, 1, of(writer_id{9'999}, 1, since)));
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence)
    EXPECT_EQ(refusal(order.plan_write(0, 1, of(alice, sequence, since))),
              ec::outcome_unknown);
  const auto now = order.committed().value();
  EXPECT_TRUE(order.plan_write(0, 1, of(writer_id{78}, 1, now))->apply);
}

TEST_F(IdentifiedWrites, AreNoAppends) { // SPEC G7
  done(order.plan_append(alice, 1, 10));
  done(order.plan_write(0, 5, of(alice, 1)));
  done(order.plan_write(0, 5, of(alice, 2)));
  crowd(300); // Of these a chunk can have any number.
  EXPECT_FALSE(order.plan_append(alice, 1, 10)->apply);
  EXPECT_EQ(done(order.plan_append(alice, 2, 10)).offset, 10u);
}

} // namespace
} // namespace dfs::core
