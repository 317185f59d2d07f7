#include "core/chunks/copy_plan.hpp"

#include <gtest/gtest.h>

#include <optional>

// SPEC G10: what a source may answer, and what may count as a copy.

namespace dfs::core {
namespace {

constexpr chunk_id chunk{7};
constexpr std::uint32_t chunk_size = 1 << 20;

msg::chunk_extent at(std::uint64_t version, std::uint64_t serial) {
  const auto length = static_cast<std::uint32_t>(100 * serial);
  return {chunk_version{version}, mutation_serial{serial}, length, length};
}

msg::copy_chunk order(std::uint64_t version, std::uint64_t serial) {
  msg::copy_chunk x;
  x.term = master_term{4};
  x.wanted = {chunk, at(version, serial)};
  return x;
}

template <class T>
std::optional<ec> refusal(const result<T>& x) {
  return x ? std::nullopt : std::optional{x.error().code};
}

struct CopySource : ::testing::Test {
  /// As after a start: nobody has told what is committed.
  replica_order here{at(2, 5), chunk_size};

  result<msg::chunk_extent>
  ask(std::uint64_t version, std::uint64_t known = 0) {
    return copy_source(here, chunk_version{version}, mutation_serial{known});
  }
};

TEST_F(CopySource, DoesNotAnswerNothingForUnknown) {
  EXPECT_EQ(refusal(ask(2)), ec::not_primary);
  EXPECT_EQ(refusal(ask(2, 4)), ec::not_primary);
}

TEST_F(CopySource, BelievesACopierWhoKnowsThatAllIsCommitted) {
  EXPECT_EQ(*ask(2, 5), at(2, 5));
  EXPECT_EQ(*ask(2, 9), at(2, 5));
}

TEST_F(CopySource, TellsWhatItKnows) {
  here.learn_committed(chunk_version{2}, mutation_serial{3});
  EXPECT_EQ(refusal(ask(2)), ec::not_primary) << "of which length is unknown";
  here.learn_committed(chunk_version{2}, mutation_serial{5});
  EXPECT_EQ(*ask(2), at(2, 5));
  here.applied({.serial = mutation_serial{6}, .offset = 500, .length = 100},
               false, true);
  EXPECT_EQ(*ask(2), at(2, 5));
}

TEST_F(CopySource, AnswersForTheVersionThatWasOrderedOnly) {
  here.raise_version(chunk_version{3});
  EXPECT_EQ(refusal(ask(2, 5)), ec::stale);
  EXPECT_EQ(refusal(ask(4, 5)), ec::stale);
  EXPECT_TRUE(ask(3, 5));
}

struct CopyTarget : ::testing::Test {
  copy_place place{.here = {},
                   .leads = false,
                   .revoked = {},
                   .obeyed = master_term{4},
                   .replaced = {}};
};

TEST_F(CopyTarget, MakesWhatIsNotHere) {
  EXPECT_EQ(*begin_copy(order(2, 5), place), copy_step::make);
  place.here = at(1, 9);
  EXPECT_EQ(*begin_copy(order(2, 5), place), copy_step::make);
  place.here = at(2, 4);
  EXPECT_EQ(*begin_copy(order(2, 5), place), copy_step::make);
  place.here = at(2, 5);
  EXPECT_EQ(*begin_copy(order(2, 5), place), copy_step::here_already);
}

TEST_F(CopyTarget, BeginsNothingThatCouldNotCount) {
  place.here = at(3, 5);
  EXPECT_EQ(refusal(begin_copy(order(2, 5), place)), ec::stale);
  place.here = at(2, 4);
  place.leads = true;
  EXPECT_EQ(refusal(begin_copy(order(2, 5), place)), ec::stale);
  place = {.here = {},
           .leads = false,
           .revoked = chunk_version{3},
           .obeyed = master_term{4},
           .replaced = {}};
  EXPECT_EQ(refusal(begin_copy(order(2, 5), place)), ec::stale);
  EXPECT_TRUE(begin_copy(order(3, 5), place));
  place.obeyed = master_term{5};
  EXPECT_EQ(refusal(begin_copy(order(3, 5), place)), ec::stale);
}

TEST_F(CopyTarget, TakesFromASourceWhatWasOrdered) {
  EXPECT_TRUE(accept_source(order(2, 5), at(2, 5)));
  EXPECT_TRUE(accept_source(order(2, 5), at(2, 6)));
  EXPECT_EQ(refusal(accept_source(order(2, 5), at(2, 4))), ec::stale);
  EXPECT_EQ(refusal(accept_source(order(2, 0), at(3, 9))), ec::stale)
    << "a grant came between";
}

// Hours may have passed: the copy waited in a queue.
TEST_F(CopyTarget, AsksAgainBeforeTheCopyCounts) { // SPEC G6
  EXPECT_TRUE(finish_copy(order(2, 5), at(2, 5), place));
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(3, 7), place)), ec::stale);
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(2, 4), place)), ec::stale);
  auto revoked = place;
  revoked.revoked = chunk_version{3};
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(2, 5), revoked)), ec::stale);
  auto newer = place;
  newer.obeyed = master_term{5};
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(2, 5), newer)), ec::stale);
  auto taken = place;
  taken.here = at(2, 0);
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(2, 5), taken)), ec::stale);
}

TEST_F(CopyTarget, ReplacesWhatWasHereWhenItBegan) { // C4
  place.here = at(1, 9);
  place.replaced = chunk_version{1};
  EXPECT_TRUE(finish_copy(order(2, 5), at(2, 5), place));
  place.here.reset();
  EXPECT_TRUE(finish_copy(order(2, 5), at(2, 5), place)) << "it was deleted";
  place.here = at(2, 4);
  place.replaced = chunk_version{2};
  EXPECT_TRUE(finish_copy(order(2, 5), at(2, 5), place));
  place.here = at(2, 5);
  EXPECT_EQ(refusal(finish_copy(order(2, 5), at(2, 5), place)), ec::stale)
    << "it has caught up";
}

// A grant counts on what is there.
TEST_F(CopyTarget, ReplacesNothingThatWasFencedOrLeads) { // C4, SPEC G3
  place.replaced = chunk_version{1};
  for (const auto version : {2u, 3u}) {
    place.here = at(version, 1);
    EXPECT_EQ(refusal(may_replace(order(2, 5), place)), ec::stale) << version;
  }
  place.replaced = chunk_version{3}; // Fenced before the copy began.
  EXPECT_EQ(refusal(may_replace(order(2, 5), place)), ec::stale);
  place.here = at(1, 1);
  place.replaced = chunk_version{1};
  EXPECT_TRUE(may_replace(order(2, 5), place));
  place.leads = true;
  EXPECT_EQ(refusal(may_replace(order(2, 5), place)), ec::stale);
}

} // namespace
} // namespace dfs::core
