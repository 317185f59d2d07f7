#include "core/chunks/master_steps.hpp"

// Chunks in which nothing was changed yet, as far as the master knows: who may
// have them all the same.

namespace dfs::core {
namespace {

using namespace test;

/// A chunk of which the master knows no change. Of its set only the first
/// server is there; others have never had it.
struct FreshChunk : Master {
  static constexpr msg::chunk_extent nothing{chunk_version{1}, {}, 0, 0};

  FreshChunk() {
    load(nothing);
    auto here = extent;
    here.version = chunk_version{1};
    enrol(1, here);
    enrol(4, {});
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
  }

  /// The first server is gone for good.
  void lose_first() {
    servers.erase(1);
    machine->link_lost(store_id{1}, boot_id{101}, now);
    lose_fence();
    for (int i = 0; i < 9; ++i)
      pass(500ms);
  }
};

// Another one that was told to make it has nothing of what was acknowledged.
TEST_F(FreshChunk, IsNotMadeAnewWithoutTheOneThatMayHaveIt) { // SPEC I2
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u) << "a second place is found";
  auto made = nothing;
  fence_at(4, made);
  lose_first();
  enrol(5, {});
  for (int i = 0; i < 3; ++i)
    pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  made.version = chunk_version{2};
  report(4, made);
  for (int i = 0; i < 3; ++i)
    pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  const auto places = machine->locate({.chunks = {{.chunk = chunk}}}, now);
  ASSERT_TRUE(places);
  for (const auto& x : places->chunks.at(0).replicas)
    EXPECT_NE(x.store, store_id{4}) << "a reader would find nothing there";
}

TEST_F(FreshChunk, IsNotMadeAnewByTheNextMasterEither) { // SPEC I2
  fence_at(4, nothing);
  lose_first();
  ASSERT_TRUE(row);
  machine.emplace(options(3), now);
  load(nothing);
  machine->load_version_row(*row);
  servers.clear();
  auto made = nothing;
  made.version = chunk_version{2};
  enrol(4, made);
  enrol(5, {});
  asked.clear();
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  machine->lease(2, {chunk, {}, {}}, now);
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  auto here = extent;
  here.version = chunk_version{1};
  enrol(1, here);
  pass(500ms);
  EXPECT_GE(orders<msg::fence_chunk>(), 2u) << "now it can be";
}

/// Server 2 is of the first set, and its fence has made what it had lost.
struct OneHasAnything : Master {
  OneHasAnything() {
    load({chunk_version{1}, {}, 0, 0});
    auto here = extent;
    here.version = chunk_version{1};
    enrol(1, here);
    enrol(2, {{chunk_version{1}, {}, 0, 0}});
    enrol(4, {});
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }
};

// It cannot bring the others level, and does not go.
TEST_F(OneHasAnything, AndStays) { // SPEC I2
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::set<std::uint8_t> members;
    for (const auto& x : asked)
      if (std::holds_alternative<msg::fence_chunk>(x.order))
        members.insert(number_of(x));
    if (members.empty()) {
      pass(500ms); // It is tried again with the others.
      continue;
    }
    ASSERT_TRUE(members.contains(1)) << "attempt " << attempt;
    for (const auto n : members)
      fence_at(n, n == 1 ? extent : msg::chunk_extent{});
    ASSERT_EQ(orders<msg::take_lease>(), 1u);
    const auto token = asked.front().token;
    asked.clear();
    machine->answered(token, fail(ec::no_redundancy), now);
    perform();
  }
  EXPECT_TRUE(answers.empty()) << "nobody was told that it can be written";
}

// It has said that its lease is over and that it committed nothing: then those
// that have nothing have all that was acknowledged.
TEST_F(OneHasAnything, AndGoesIfThatWasNotAcknowledged) { // SPEC G7
  msg::chunk_heartbeat x;
  x.store = store_id{1};
  x.boot = boot(1);
  x.term = machine->state().term;
  x.sequence = ++sequences[1];
  x.led = {{.chunk = chunk,
            .epoch = lease_epoch{1},
            .committed = {chunk_version{1}, {}, 0, 0},
            .over = true}};
  ASSERT_TRUE(machine->heartbeat(x, now));
  perform();
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  for (const std::uint8_t n : {1, 2, 4})
    fence_at(n, n == 1 ? extent : msg::chunk_extent{});
  ASSERT_EQ(asked_to_lead(), 1) << "it has the most";
  refuse_to_lead();
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
  for (const std::uint8_t n : {2, 4})
    fence_at(n, msg::chunk_extent{});
  beat(1);
  beat(1);
  EXPECT_NE(asked_to_lead(), 1);
  EXPECT_NE(asked_to_lead(), 0);
}

// Its master has gone, and the next one takes it for one that may come to have
// the chunk. The first change comes to it after its report.
TEST_F(Master, OfABegunChunkWhoMayComeToHaveItIsWaitedFor) { // SPEC I3
  constexpr msg::chunk_extent nothing{chunk_version{1}, {}, 0, 0};
  load(nothing);
  enrol(1, nothing);
  enrol(2, nothing);
  enrol(3, {});
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  msg::chunk_heartbeat x;
  x.store = store_id{1};
  x.boot = boot(1);
  x.term = machine->state().term;
  x.sequence = ++sequences[1];
  x.led = {{.chunk = chunk,
            .epoch = lease_epoch{1},
            .committed = {chunk_version{1}, mutation_serial{4}, 40, 40},
            .over = true}};
  ASSERT_TRUE(machine->heartbeat(x, now));
  perform();
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u);
  const msg::chunk_extent full{chunk_version{1}, mutation_serial{4}, 40, 40};
  fence_at(1, full);
  fence_at(2, full);
  EXPECT_EQ(asked_to_lead(), 0) << "the third may have made it meanwhile";
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{2});
  beat(3);
  EXPECT_NE(asked_to_lead(), 0);
}

} // namespace
} // namespace dfs::core
