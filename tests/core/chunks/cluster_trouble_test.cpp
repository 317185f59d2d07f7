#include "core/chunks/master_steps.hpp"

// What the master says of a cluster that is not well, and of the room for
// chunks that are of no file.

namespace dfs::core {
namespace {

using test::chunk;
using test::extent;
using namespace std::chrono_literals;

using ClusterTrouble = test::Master;

TEST_F(ClusterTrouble, AServerThatIsAwayIsAWarning) { // SPEC O3
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, extent);
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  const auto of = [&](const char* code) {
    std::vector<msg::health_finding> all;
    for (auto& x : report_status(*machine, {}, now).findings)
      if (x.code == code)
        all.push_back(std::move(x));
    return all;
  };
  EXPECT_TRUE(of("SERVER_LOST").empty());
  EXPECT_TRUE(of("ORPHANS_HELD").empty());
  servers.erase(3);
  for (int i = 0; i < 30; ++i)
    pass(500ms);
  const auto lost = of("SERVER_LOST");
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_FALSE(lost[0].error) << "all data can be read";
  EXPECT_NE(lost[0].text.find("store-3"), std::string::npos);
}

/// Three servers with a disk of 1,000 bytes each, and all is well.
msg::cluster_status calm() {
  msg::cluster_status x;
  x.replication = 3;
  x.replicas_min = 2;
  for (const char* name : {"a", "b", "c"}) {
    auto& server = x.servers.emplace_back();
    server.name = name;
    server.serving = true;
    server.volumes = {{1, 1'000, 500, false, "/disk"}};
  }
  x.master_disks = {{0, 1'000, 500, false, "/metadata"}};
  return x;
}

std::vector<std::pair<std::string, bool>>
found_in(const msg::cluster_status& x) {
  std::vector<std::pair<std::string, bool>> all;
  for (const auto& each : find_trouble(x))
    all.emplace_back(each.code, each.error);
  return all;
}

using codes = std::vector<std::pair<std::string, bool>>;

TEST(FindTrouble, SaysNothingWhereNothingIs) { // SPEC O3
  EXPECT_EQ(found_in(calm()), codes{});
  auto full = calm();
  full.servers[0].volumes[0].free_bytes = 100;
  full.master_disks[0].free_bytes = 100;
  EXPECT_EQ(found_in(full), codes{}) << "a tenth is free";
}

TEST(FindTrouble, CountsServersAgainstCopies) { // SPEC O3
  auto x = calm();
  x.servers[2].serving = false;
  EXPECT_EQ(found_in(x),
            (codes{{"SERVER_LOST", false}, {"FEW_SERVERS", false}}));
  x.servers[1].serving = false;
  EXPECT_EQ(found_in(x), (codes{{"TOO_FEW_SERVERS", true},
                                {"SERVER_LOST", false},
                                {"SERVER_LOST", false}}))
    << "errors come first";
  EXPECT_NE(find_trouble(x)[0].text.find("1 chunkserver of at least 2"),
            std::string::npos);
}

TEST(FindTrouble, LooksAtDisks) { // SPEC O3
  auto x = calm();
  x.servers[0].volumes[0].free_bytes = 99;
  x.servers[1].volumes
    = {{1, 1'000, 99, false, "/1"}, {2, 1'000, 900, true, "/2"}};
  EXPECT_EQ(found_in(x),
            (codes{{"SPACE_LOW", false}, {"VOLUME_FAILED", false}}));
  EXPECT_NE(find_trouble(x)[1].text.find("b: /2 has failed"),
            std::string::npos);
  x = calm();
  x.servers[0].volumes = {{1, 0, 0, true, "/gone"}};
  EXPECT_EQ(found_in(x), (codes{{"VOLUME_FAILED", false}}));
  EXPECT_NE(find_trouble(x)[0].text.find("could not be opened"),
            std::string::npos);
  x = calm();
  x.master_disks[0].free_bytes = 99;
  EXPECT_EQ(found_in(x), (codes{{"SPACE_LOW", false}}));
  EXPECT_NE(find_trouble(x)[0].text.find("/metadata"), std::string::npos);
}

TEST(FindTrouble, CountsChunksByHowTheyAre) { // SPEC O3
  auto x = calm();
  x.lost = 1;
  x.unavailable = 2;
  x.under_replicated = 3;
  x.surplus = 4;
  EXPECT_EQ(found_in(x), (codes{{"CHUNKS_LOST", true},
                                {"CHUNKS_UNAVAILABLE", true},
                                {"CHUNKS_UNDER_REPLICATED", false}}));
  const auto told = find_trouble(x);
  EXPECT_TRUE(told[0].text.starts_with("1 chunk "));
  EXPECT_TRUE(told[1].text.starts_with("2 chunks "));
  EXPECT_TRUE(told[2].text.starts_with("3 chunks "));
}

// Those that have not told yet may have it.
TEST_F(ClusterTrouble, AReaderIsToldToWaitForWhoHasNotTold) { // SPEC G2, S6
  load(extent);
  msg::file_layout layout;
  layout.chunks.emplace_back().chunk = chunk;
  const auto early = machine->locate(layout, now);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ec::unavailable);
}

// All that it had is counted, not the first chunk alone.
TEST_F(ClusterTrouble, WhoForgetsAServerHearsHowMuchItHad) { // SPEC G6, S4
  const chunk_id other{8};
  load(extent);
  machine->load_file_row({.chunk = other,
                          .file = inode_id{6},
                          .extent = extent,
                          .replication = 3,
                          .intent = {},
                          .set = {store_id{3}}});
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  msg::report_chunks all{store_id{3}, boot(3), 0, true, ++sequences[3], {}, {}};
  all.chunks = {{chunk, extent}, {other, extent}};
  ASSERT_TRUE(machine->report(all, now));
  servers.erase(3);
  machine->link_lost(store_id{3}, boot(3), now);
  for (int i = 0; i < 60; ++i)
    pass(500ms);
  const auto refused = machine->forget({"store-3", false}, now);
  ASSERT_FALSE(refused) << "one chunk is nowhere else";
  EXPECT_EQ(refused.error().code, ec::not_empty);
  const auto forgotten = machine->forget({"store-3", true}, now);
  ASSERT_TRUE(forgotten);
  EXPECT_EQ(forgotten->replicas, 2u);
  EXPECT_EQ(forgotten->lost, 1u);
}

// Its server is busy with the first order.
TEST_F(ClusterTrouble, ASurplusCopyIsOrderedAwayOnce) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 4; ++n)
    enrol(n, extent);
  for (int i = 0; i < 20'000 && orders<msg::delete_chunks>() == 0; ++i)
    pass(500ms);
  ASSERT_EQ(orders<msg::delete_chunks>(), 1u);
  for (int i = 0; i < 4; ++i)
    pass(500ms);
  EXPECT_EQ(orders<msg::delete_chunks>(), 1u);
}

// A young master does not know yet how many there are.
TEST_F(ClusterTrouble, TooFewServersAreToldOfWhenAllHaveCome) { // SPEC S6
  enrol(1, std::nullopt);
  const auto refused = [&] {
    const auto x = machine->allocate({1, 3, {}}, now);
    return x ? ec{} : x.error().code;
  };
  EXPECT_EQ(refused(), ec::unavailable);
  for (int i = 0; i < 60; ++i)
    pass(500ms);
  EXPECT_EQ(refused(), ec::too_few_servers);
}

// The link of a life that is over breaks last, and late.
TEST_F(ClusterTrouble, AFormerLifesLinkThatBreaksEndsNoOther) { // SPEC G3
  enrol(1, std::nullopt);
  const auto linked = [&] { return machine->state().servers.at(0).linked; };
  ASSERT_TRUE(linked());
  machine->link_lost(store_id{1}, boot_id{99}, now);
  machine->link_lost(store_id{9}, boot(9), now);
  EXPECT_TRUE(linked());
  machine->link_lost(store_id{1}, boot(1), now);
  EXPECT_FALSE(linked());
}

// One server of four would be full while the others are empty.
TEST_F(ClusterTrouble, NewChunksAreSpreadOverAllServers) { // SPEC G10
  for (std::uint8_t n = 1; n <= 4; ++n)
    enrol(n, std::nullopt);
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  std::map<store_id, int> first;
  for (int i = 0; i < 200; ++i) {
    const auto made = machine->allocate({1, 2, {}}, now);
    ASSERT_TRUE(made);
    ++first[made->grants.at(0).chain.at(0).store];
  }
  ASSERT_EQ(first.size(), 4u);
  for (const auto& [store, chunks] : first)
    EXPECT_GE(chunks, 20) << "store " << store.value();
}

// What refuses a copy once refuses it again for a while.
TEST_F(ClusterTrouble, ACopyThatFailedIsTriedAgainLater) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, n == 3 ? std::nullopt : std::optional{extent});
  const auto copies = [&] { return orders<msg::copy_chunk>(); };
  for (int i = 0; i < 200 && copies() == 0; ++i)
    pass(500ms);
  ASSERT_EQ(copies(), 1u);
  const auto fail_last = [&] {
    for (auto i = asked.rbegin(); i != asked.rend(); ++i)
      if (std::holds_alternative<msg::copy_chunk>(i->order))
        return machine->answered(i->token, fail(ec::unavailable), now);
  };
  fail_last();
  pass(100ms);
  EXPECT_EQ(copies(), 1u) << "not at once";
  for (int i = 0; i < 10 && copies() == 1; ++i)
    pass(100ms);
  EXPECT_EQ(copies(), 2u);
}

/// A master that may keep four chunks for clients who have not used them.
struct RoomForFour : test::Master {
  RoomForFour() {
    auto small = options(2);
    small.config.pending_max = 4;
    machine.emplace(small, now);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, std::nullopt);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }
};

TEST_F(RoomForFour, IsForFour) { // SPEC S10
  EXPECT_TRUE(machine->allocate({4, 3, {}}, now));
  const auto more = machine->allocate({1, 3, {}}, now);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ec::busy);
}

} // namespace
} // namespace dfs::core
