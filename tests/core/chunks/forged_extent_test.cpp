#include "core/chunks/master_steps.hpp"

// Clients and chunkservers that say of a chunk what cannot be.

namespace dfs::core::test {
namespace {

struct ForgedExtent : Master {
  ForgedExtent() {
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, {});
    pass(5s);
    pass(500ms);
  }

  // A chunk that a client may write; `state` is what it says then.
  msg::written_chunk allocate() {
    auto made = machine->allocate({1, 0, {}}, now);
    EXPECT_TRUE(made);
    return {made->grants.at(0),
            {chunk_version{1}, mutation_serial{3}, 1'000, 1'000}};
  }

  // The next one of that server, with no news.
  msg::chunk_heartbeat heartbeat_of(std::uint8_t n) {
    msg::chunk_heartbeat beat;
    beat.store = store_id{n};
    beat.boot = boot(n);
    beat.term = machine->state().term;
    beat.sequence = ++sequences[n];
    beat.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    beat.led_last = true;
    return beat;
  }

  // As a server that tells of a replica that has come.
  void tell(std::uint8_t n, const msg::chunk_state& x) {
    auto beat = heartbeat_of(n);
    beat.arrived = {x};
    EXPECT_TRUE(machine->heartbeat(beat, now));
    perform();
  }
};

TEST_F(ForgedExtent, IsRefusedBeforeAnythingGoesByIt) { // SPEC S10, G12
  const auto good = allocate();
  const auto refusal = [&](const msg::chunk_extent& extent) {
    const auto outcome = machine->adopt({{good.grant, extent}}, {true}, now);
    return outcome ? std::nullopt : std::optional{outcome.error().code};
  };
  const auto serial = mutation_serial{3};
  for (const auto version : {std::uint64_t{0}, std::uint64_t{2},
                             std::uint64_t{1} << 32, ~std::uint64_t{0}})
    EXPECT_EQ(refusal({chunk_version{version}, serial, 10, 10}),
              ec::invalid_argument)
      << version;
  const chunk_version one{1};
  EXPECT_EQ(refusal({one, mutation_serial{~std::uint64_t{0}}, 10, 10}),
            ec::invalid_argument);
  EXPECT_EQ(refusal({one, serial, 10, 11}), ec::invalid_argument);
  EXPECT_EQ(refusal({one, {}, 10, 10}), ec::invalid_argument);
  EXPECT_FALSE(
    machine->state().table.find(good.grant.chunk)->has(chunk_entry::adopted));
  EXPECT_TRUE(machine->adopt({good}, {true}, now));
}

// Of a chunk of a former master: nothing is reclaimed, and no row is written.
TEST_F(ForgedExtent, ReclaimsNothing) { // SPEC G12
  auto x = allocate();
  x.grant.chunk = chunk_id{(std::uint64_t{1} << 40) + 9};
  x.grant.term = master_term{1};
  const msg::chunk_state has{x.grant.chunk, x.extent};
  for (std::uint8_t n = 1; n <= 3; ++n)
    tell(n, has);
  x.extent.version = chunk_version{std::uint64_t{1} << 32};
  EXPECT_FALSE(machine->adopt({x}, {true}, now));
  EXPECT_EQ(machine->state().table.find(x.grant.chunk), nullptr);
  x.extent.version = chunk_version{1};
  EXPECT_TRUE(machine->adopt({x}, {true}, now));
}

// One wrong server: its version is not gone on from, and it is not deleted.
TEST_F(ForgedExtent, OfAServerIsNoVersionToGoOnFrom) { // SPEC G2, G6
  auto x = allocate();
  x.grant.chunk = chunk_id{(std::uint64_t{1} << 40) + 9};
  x.grant.term = master_term{1};
  for (std::uint8_t n = 1; n <= 2; ++n)
    tell(n, {x.grant.chunk, x.extent});
  auto wrong = x.extent;
  wrong.version = restored_branch::version_max;
  tell(3, {x.grant.chunk, wrong});
  ASSERT_TRUE(machine->adopt({x}, {true}, now));
  const auto& table = machine->state().table;
  EXPECT_EQ(table.holders(x.grant.chunk).size(), 2u);
  EXPECT_EQ(table.next_version(x.grant.chunk), chunk_version{2});
  ASSERT_EQ(table.odd().count(x.grant.chunk), 1u);
  EXPECT_EQ(table.odd().at(x.grant.chunk).at(0).fault, replica_fault::newer);
}

TEST_F(ForgedExtent, OfAServerIsNoReplica) { // SPEC G6
  const auto x = allocate();
  for (std::uint8_t n = 1; n <= 2; ++n)
    tell(n, {x.grant.chunk, x.extent});
  auto wrong = x.extent;
  wrong.serial = mutation_serial{std::uint64_t{1} << 60};
  tell(3, {x.grant.chunk, wrong});
  ASSERT_TRUE(machine->adopt({x}, {true}, now));
  machine->keep({inode_id{5}, {{x.grant.chunk, x.extent}}, 3}, now);
  perform();
  const auto& table = machine->state().table;
  EXPECT_EQ(table.find(x.grant.chunk)->extent(), x.extent);
  EXPECT_EQ(table.holders(x.grant.chunk).size(), 2u);
}

TEST_F(ForgedExtent, OfAPrimaryIsNotCommitted) { // SPEC G6
  const auto x = allocate();
  auto wrong = x.extent;
  wrong.serial = mutation_serial{std::uint64_t{1} << 60};
  const auto primary
    = static_cast<std::uint8_t>(x.grant.chain.at(0).store.value());
  auto beat = heartbeat_of(primary);
  beat.led = {{x.grant.chunk, x.grant.epoch, wrong, true, false, false}};
  const auto answer = machine->heartbeat(beat, now);
  perform();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->ended, std::vector{x.grant.epoch});
  EXPECT_EQ(machine->state().table.find(x.grant.chunk)->serial,
            mutation_serial{});
}

// Metadata that came there all the same serve readers; writers are refused.
TEST_F(ForgedExtent, LeavesNoVersionToGrant) { // SPEC G6
  machine.emplace(options(2), now);
  servers.clear();
  load({restored_branch::version_max, mutation_serial{9}, 1'000, 1'000});
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, msg::chunk_extent{restored_branch::version_max, mutation_serial{9},
                               1'000, 1'000});
  pass(5s);
  pass(500ms);
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_FALSE(answers[0].answer);
  EXPECT_EQ(answers[0].answer.error().code, ec::integrity);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
}

// As many as are gone on with at once.
TEST_F(ForgedExtent, WithoutANextVersionKeepsNoOtherOneBack) { // SPEC I8
  machine.emplace(options(2), now);
  servers.clear();
  std::vector<chunk_row> rows(101, {.file = inode_id{5},
                                    .extent = extent,
                                    .replication = 3,
                                    .intent = restored_branch::version_max});
  rows.back().intent = extent.version.next();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].chunk = chunk_id{100 + i};
    machine->load_file_row(rows[i]);
    machine->load_version_row(rows[i]);
  }
  for (std::uint8_t n = 1; n <= 3; ++n) {
    enrol(n, {});
    for (const auto& x : rows)
      tell(n, {x.chunk, extent});
  }
  for (int second = 0; second < 10; ++second)
    pass(1s);
  EXPECT_GT(orders<msg::fence_chunk>(), 0u);
}

} // namespace
} // namespace dfs::core::test
