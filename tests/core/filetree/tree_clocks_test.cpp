#include "core/filetree/kept_clock.hpp"
#include "core/filetree/tree_under_test.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// What is deleted by its age, while the wall clock jumps.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using dfs::test::refusal;
using test::written;

constexpr auto ten_years = std::chrono::hours{87'600};

struct TreeClocks : ::testing::TestWithParam<std::chrono::hours>,
                    test::tree_under_test {
  boot_instant boot{1h};
  kept_clock clock{{}, now, boot};

  tree_time time() override {
    return clock.read(now, boot);
  }

  void pass(std::chrono::milliseconds x) {
    now += x;
    boot += x;
  }

  void jump() {
    now += GetParam();
  }

  /// From the rows, as they are on the disk.
  void restart_master() {
    flush();
    tree = loaded();
    clock = kept_clock{tree->clock(), now, boot};
    ++term;
    tree_changes out;
    EXPECT_TRUE(tree->begin_life(master_term{term}, time(), out));
    take(out);
  }

  void collect() {
    while (apply(collect_garbage{100})->more) {
    }
  }

  std::size_t trash() const {
    return tree->trash({}).answer->entries.size();
  }
};

TEST_P(TreeClocks, KeepTheTrash) { // SPEC G12
  EXPECT_TRUE(change(msg::commit_file{0, "/f", false, false, {written(1, 1)}}));
  EXPECT_TRUE(change(msg::remove_entry{0, "/f"}));
  for (int i = 0; i < 3; ++i) {
    collect();
    jump();
    collect();
    restart_master();
    collect();
    EXPECT_EQ(trash(), 1u);
  }
  const auto shown = tree->trash({}).answer->entries.at(0);
  EXPECT_GT(shown.purged, now.time_since_epoch() + 70h) << "as users count";
  pass(70h);
  collect();
  EXPECT_EQ(trash(), 1u);
  pass(3h); // Nor for years.
  collect();
  EXPECT_EQ(released, std::set{chunk_id{1}});
}

TEST_P(TreeClocks, KeepUploads) {
  const auto begun
    = change(msg::begin_upload{0, "/u", false, false, 0, "here"});
  jump();
  collect();
  restart_master();
  collect();
  pass(23h);
  collect();
  EXPECT_TRUE(tree->find_upload("/u").answer);
  EXPECT_TRUE(change(msg::extend_upload{0, begun->upload, 0, {written(1, 1)}}));
  jump();
  collect();
  EXPECT_TRUE(tree->find_upload("/u").answer);
  pass(25h);
  collect();
  EXPECT_FALSE(tree->find_upload("/u").answer);
}

TEST_P(TreeClocks, KeepRequests) { // SPEC S7
  EXPECT_TRUE(change(msg::create_file{0, "/f"}));
  const msg::rename_entry request{4'711, "/f", "/g"};
  EXPECT_TRUE(apply(request));
  // Would it act twice, this file went to /g.
  EXPECT_TRUE(change(msg::create_file{0, "/f"}));
  for (const auto& wait : {0min, 5min, 5min}) {
    pass(wait);
    collect();
    jump();
    collect();
    restart_master();
    collect();
    EXPECT_TRUE(apply(request)) << "is answered again";
    EXPECT_TRUE(tree->status("/f").answer);
  }
  pass(5min);
  collect();
  EXPECT_EQ(refusal(apply(request)), ec::exists) << "nor is it for years";
}

// What users see.
TEST_P(TreeClocks, StampFilesWithTheWallClock) {
  jump();
  EXPECT_TRUE(change(msg::create_file{0, "/f"}));
  EXPECT_EQ(tree->status("/f").answer->modified, now.time_since_epoch());
}

// The master is killed right after the clock was corrected.
TEST_P(TreeClocks, TakeNoCorrectionForAJump) {
  collect();
  pass(59s);
  jump();
  pass(2s);
  collect();
  pass(1s);
  now -= GetParam();
  collect();
  restart_master();
  static_cast<void>(time());
  EXPECT_EQ(clock.jumped(), 0ms);
}

// One row a minute, however much happens.
TEST_P(TreeClocks, WriteTheKeptClockSeldom) {
  collect();
  const auto first = tree->clock();
  ASSERT_TRUE(first);
  pass(59s);
  collect();
  EXPECT_EQ(tree->clock(), first);
  pass(1s);
  collect();
  EXPECT_EQ(tree->clock()->kept_ms, first->kept_ms + 60'000);
}

INSTANTIATE_TEST_SUITE_P(Jumps, TreeClocks,
                         ::testing::Values(ten_years, -ten_years,
                                           std::chrono::hours{2}));

} // namespace
} // namespace dfs::core
