#include "core/chunks/master_steps.hpp"

// What operators are told of a chunk.

namespace dfs::core {
namespace {

using namespace test;

struct ChunkReport : Master {
  msg::chunk_report ask() {
    msg::check_chunks x;
    x.chunks.push_back(chunk);
    return machine->check_chunks(x, now)->chunks.at(0);
  }

  static std::size_t serving(const msg::chunk_report& x) {
    return static_cast<std::size_t>(std::ranges::count_if(
      x.replicas, [](const auto& replica) { return replica.serving; }));
  }
};

// Stamps of one address grow with each life: a registration of a former life
// that was long on its way drives no living server out.
TEST_F(ChunkReport, IsNotOfAFormerLife) { // SPEC S6
  msg::register_chunkserver card;
  card.store = store_id{1};
  card.boot = boot_id{7};
  card.member = {*ip_address::parse("10.0.0.1"), 7401, 5};
  EXPECT_TRUE(machine->register_server(card, now));
  EXPECT_TRUE(machine->register_server(card, now)); // Again.
  auto former = card;
  former.boot = boot_id{6};
  former.member.start_ms = 4;
  EXPECT_EQ(machine->register_server(former, now).error().code, ec::stale);
  auto next = card;
  next.boot = boot_id{8};
  next.member.start_ms = 6;
  EXPECT_TRUE(machine->register_server(next, now));
}

// A busy master judges later than it is asked.
TEST_F(ChunkReport, IsOfOneMoment) { // SPEC S9
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, extent);
  for (int i = 0; i < 20; ++i)
    pass(500ms);
  ASSERT_EQ(ask().health, msg::chunk_health::healthy);
  servers.erase(3); // Not a word of it; the master has not ticked since.
  for (int i = 0; i < 10; ++i) {
    now += 500ms;
    beat(1);
    beat(2);
  }
  EXPECT_EQ(serving(ask()), 2u);
  EXPECT_EQ(ask().health, msg::chunk_health::under);
  pass(500ms); // Judged: two of three.
  beat(3);
  EXPECT_EQ(serving(ask()), 3u);
  EXPECT_EQ(ask().health, msg::chunk_health::healthy);
}

// Other bytes of each are bad, perhaps.
TEST_F(ChunkReport, OfAChunkWithoutWholeCopiesSaysWhereTheyAre) { // SPEC G9, O3
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, extent);
  for (int i = 0; i < 20; ++i)
    pass(500ms);
  for (std::uint8_t n = 1; n <= 3; ++n)
    beat(n, {chunk});
  pass(500ms);
  const auto told = ask();
  EXPECT_EQ(told.health, msg::chunk_health::lost);
  EXPECT_EQ(told.repair,
            "no copy is whole: bad ones are kept in `quarantine/` of store-1, "
            "store-2, store-3; put the file again from its source");
}

// What is not healthy, for an operator.
TEST_F(ChunkReport, OfAllChunksComesInPages) { // SPEC S9
  const auto unhealthy = msg::chunk_page_max + 1;
  for (std::uint64_t i = 1; i <= unhealthy; ++i)
    machine->load_file_row({.chunk = chunk_id{i},
                            .file = inode_id{5},
                            .extent = extent,
                            .replication = 3});
  const auto first = machine->check_chunks({}, now);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->chunks.size(), msg::chunk_page_max);
  const auto second
    = machine->check_chunks({.chunks = {}, .after = first->next}, now);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->more);
  ASSERT_EQ(second->chunks.size(), 1u);
  EXPECT_EQ(second->chunks[0].chunk, chunk_id{unhealthy});
}

} // namespace
} // namespace dfs::core
