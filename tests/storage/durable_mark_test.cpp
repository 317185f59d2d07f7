#include "storage/durable_mark.hpp"

#include "base/rng.hpp"
#include "support/refusal.hpp"
#include "support/simulated_files.hpp"

#include <gtest/gtest.h>

namespace dfs::storage {
namespace {

using test::refusal;

constexpr auto directory = "/data/rows";
constexpr mark_value first{7, 0, 0};

struct DurableMark : testing::Test {
  sim::disk disk;
  test::simulated_files io{disk};

  void SetUp() override {
    (void) disk.make_directory("/data");
    (void) disk.sync_directory("/");
  }

  std::unique_ptr<durable_mark> open() {
    auto opened = open_mark(io, directory, first);
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  mark_value read() {
    const auto found = read_mark(io, directory);
    EXPECT_TRUE(found && *found);
    return found && *found ? **found : mark_value{};
  }
};

TEST_F(DurableMark, SaysWhatItWasToldAndNeverLess) {
  EXPECT_FALSE(*read_mark(io, directory));
  auto mark = open();
  EXPECT_EQ(read().owner, 7u);
  for (std::uint64_t position = 1; position <= 9; ++position) {
    mark->raise(position);
    EXPECT_EQ(read().position, position);
  }
  mark->raise(4);
  EXPECT_EQ(read().position, 9u);
  EXPECT_TRUE(mark->settle(3, 2));
  EXPECT_EQ(read().position, 9u);
  EXPECT_EQ(read().term, 3u);
  mark.reset();
  mark = open(); // It goes on in the other slot.
  EXPECT_EQ(mark->value().position, 9u);
  mark->raise(10);
  EXPECT_EQ(read().position, 10u);
  EXPECT_EQ(read().term, 3u);
}

// Raising it costs no sync: it is the log's sync that counts.
TEST_F(DurableMark, IsRaisedWithoutASync) {
  const auto mark = open();
  const auto before = io.calls(test::file_call::sync);
  for (std::uint64_t position = 1; position <= 100; ++position)
    mark->raise(position);
  EXPECT_EQ(io.calls(test::file_call::sync), before);
}

// Whatever a power cut leaves of it: what was settled, up to what was raised.
TEST_F(DurableMark, IsNeverAheadAndNeverBehindWhatWasSettled) { // SPEC S6
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    auto mark = open();
    const auto base = mark->value().position;
    auto settled = base;
    auto raised = base;
    const auto steps = random.below(12);
    for (std::uint64_t i = 0; i < steps; ++i) {
      raised += 1 + random.below(5);
      if (random.one_in(4)) {
        EXPECT_TRUE(mark->settle(seed, raised));
        settled = raised;
      } else {
        mark->raise(raised);
      }
    }
    mark.reset();
    io.lose_power(random, sim::power_loss::torn);
    const auto left = read().position;
    EXPECT_GE(left, settled);
    EXPECT_LE(left, raised);
  }
}

TEST_F(DurableMark, OneSlotIsEnoughAndNoneIsDamage) {
  auto mark = open();
  mark->raise(1);
  mark->raise(2);
  mark.reset();
  const auto path = mark_path(directory);
  const auto whole = disk.read_file(path).value;
  for (std::size_t at = 0; at < mark_bytes; at += 3) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    const auto found = parse_mark(bytes, path);
    ASSERT_TRUE(found) << at;
    EXPECT_GE(found->position, 1u);
  }
  auto bytes = whole;
  bytes[9] = static_cast<char>(bytes[9] ^ 1);
  bytes[mark_bytes / 2 + 9] = static_cast<char>(bytes[mark_bytes / 2 + 9] ^ 1);
  EXPECT_EQ(refusal(parse_mark(bytes, path)), ec::integrity);
  EXPECT_EQ(refusal(parse_mark(whole.substr(1), path)), ec::integrity);
  EXPECT_EQ(refusal(parse_mark({}, path)), ec::integrity);
}

// An older mark is true: nothing fails for it.
TEST_F(DurableMark, AWriteThatFailsLeavesAnOlderOne) {
  auto mark = open();
  mark->raise(1);
  io.fail(test::file_call::write, 0, ec::io_error);
  mark->raise(2);
  io.heal();
  EXPECT_EQ(read().position, 1u);
  mark->raise(3);
  EXPECT_EQ(read().position, 3u);
  io.fail(test::file_call::sync, 0, ec::io_error);
  EXPECT_EQ(refusal(mark->settle(1, 4)), ec::io_error);
}

} // namespace
} // namespace dfs::storage
