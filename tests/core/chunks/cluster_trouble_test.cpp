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
  servers.erase(3);
  for (int i = 0; i < 30; ++i)
    pass(500ms);
  const auto lost = of("SERVER_LOST");
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_FALSE(lost[0].error) << "all data can be read";
  EXPECT_NE(lost[0].text.find("store-3"), std::string::npos);
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
