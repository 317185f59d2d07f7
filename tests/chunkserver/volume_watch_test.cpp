#include "chunkserver/volume_watch.hpp"

#include "support/eventually.hpp"
#include "support/fake_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dfs::chunkserver {

namespace {

using namespace std::chrono_literals;
using test::eventually;

struct VolumeWatch : ::testing::Test {
  test::fake_store first{"/one"};
  test::fake_store second{"/two"};
  std::mutex guard;
  std::vector<chunk_id> lost;
  std::vector<std::string> failed;

  volume_watch_options options() {
    volume_watch_options x;
    x.interval = 5ms;
    x.patience = 100ms;
    x.lost = [this](const std::vector<chunk_id>& chunks) {
      const std::lock_guard lock{guard};
      lost.insert(lost.end(), chunks.begin(), chunks.end());
    };
    x.failed = [this](const std::string& path) {
      const std::lock_guard lock{guard};
      failed.push_back(path);
    };
    return x;
  }

  std::size_t lost_so_far() {
    const std::lock_guard lock{guard};
    return lost.size();
  }
};

} // namespace

// SPEC G16: who asks for `status` or `df` sees what is missing.
TEST_F(VolumeWatch, TellsOfVolumesThatCouldNotBeOpened) {
  auto with_one_missing = options();
  const msg::volume_status missing{9, 0, 0, true, "/broken"};
  with_one_missing.out_of_service = {missing};
  volume_watch watch{{&first}, with_one_missing};
  const auto seen = watch.look();
  ASSERT_EQ(seen.volumes.size(), 2u);
  EXPECT_EQ(seen.volumes[0], missing);
  EXPECT_EQ(seen.volumes[1].path, "/one");
  EXPECT_EQ(seen.trouble, "");
  first.with([](auto& x) { x.figures.failed = true; });
  EXPECT_TRUE(eventually(
    [&] { return watch.look().trouble == "all volumes have failed"; }));
}

TEST_F(VolumeWatch, TellsHowTheVolumesAre) {
  first.figures = {.capacity = 100, .available = 40, .data = 7, .chunks = 2};
  second.figures = {.capacity = 50, .available = 5, .data = 3, .chunks = 1};
  volume_watch watch{{&first, &second}, options()};
  const auto seen = watch.look(); // At once.
  ASSERT_EQ(seen.volumes.size(), 2u);
  EXPECT_EQ(seen.volumes[0], (msg::volume_status{77, 100, 40, false, "/one"}));
  EXPECT_EQ(seen.volumes[1], (msg::volume_status{77, 50, 5, false, "/two"}));
  EXPECT_EQ(seen.chunks, 3u);
  EXPECT_EQ(seen.bytes, 10u);
  EXPECT_EQ(seen.trouble, "");
  first.with([](auto& x) { x.figures.available = 30; });
  EXPECT_TRUE(
    eventually([&] { return watch.look().volumes[0].free_bytes == 30; }));
}

TEST_F(VolumeWatch, ReportsTheChunksOfAFailedVolumeAsLostOnce) { // SPEC G3
  first.chunks = {{chunk_id{1}, 10}, {chunk_id{2}, 10}};
  second.chunks = {{chunk_id{3}, 10}};
  volume_watch watch{{&first, &second}, options()};
  EXPECT_EQ(lost_so_far(), 0u);
  first.with([](auto& x) { x.figures.failed = true; });
  EXPECT_TRUE(eventually([&] { return lost_so_far() == 2; }));
  EXPECT_TRUE(eventually([&] { return watch.look().volumes[0].failed; }));
  EXPECT_EQ(watch.look().trouble, ""); // The other one serves.
  second.with([](auto& x) { x.figures.failed = true; });
  EXPECT_TRUE(eventually(
    [&] { return watch.look().trouble == "all volumes have failed"; }));
  const std::lock_guard lock{guard};
  EXPECT_EQ(lost, (std::vector{chunk_id{1}, chunk_id{2}, chunk_id{3}}));
  EXPECT_EQ(failed, (std::vector<std::string>{"/one", "/two"}));
}

TEST_F(VolumeWatch, NoticesDisksThatGetNothingDone) {
  auto patient = options();
  patient.patience_beside_others = 1h;
  volume_watch watch{{&first, &second}, patient};
  first.with([](auto& x) { x.stuck = true; });
  EXPECT_FALSE(
    eventually([&] { return !watch.look().trouble.empty(); }, 300ms));
  second.with([](auto& x) { x.stuck = true; });
  EXPECT_TRUE(eventually([&] { return !watch.look().trouble.empty(); }));
  // Slow is not stuck: something gets done.
  const auto waiting = first.with([](auto& x) {
    x.stuck = false;
    return std::exchange(x.waiting, {});
  });
  for (const auto& done : waiting)
    done(nothing{});
  EXPECT_TRUE(eventually([&] { return watch.look().trouble.empty(); }));
}

// DESIGN 7: a slow disk slows only itself, and one that hangs is out.
TEST_F(VolumeWatch, TakesOneOutThatIsStuckBesideAnotherThatWorks) {
  first.chunks = {{chunk_id{1}, 10}};
  second.chunks = {{chunk_id{2}, 10}};
  std::vector<std::string> stuck;
  auto impatient = options();
  impatient.patience_beside_others = 300ms;
  impatient.stuck = [&](const std::string& path) {
    const std::lock_guard lock{guard};
    stuck.push_back(path);
  };
  volume_watch watch{{&first, &second}, impatient};
  first.with([](auto& x) { x.stuck = true; });
  const auto told = [&] {
    const std::lock_guard lock{guard};
    return stuck.size();
  };
  EXPECT_TRUE(eventually([&] { return told() == 1; }));
  EXPECT_FALSE(first.failed());
  // Who waits is told, although the disk never answers.
  std::atomic<bool> refused{false};
  first.when_durable([&](const result<nothing>& x) { refused = !x; });
  EXPECT_TRUE(eventually([&] { return first.failed() && refused; }));
  EXPECT_TRUE(eventually([&] { return lost_so_far() == 1; }));
  EXPECT_EQ(watch.look().trouble, ""); // The other one serves.
  EXPECT_FALSE(second.failed());
  const std::lock_guard lock{guard};
  EXPECT_EQ(lost, std::vector{chunk_id{1}});
  EXPECT_EQ(stuck, std::vector<std::string>{"/one"});
  EXPECT_EQ(failed, std::vector<std::string>{"/one"});
}

TEST_F(VolumeWatch, KeepsOneThatIsSlowAndOneThatIsAlone) {
  auto impatient = options();
  impatient.patience_beside_others = 100ms;
  {
    volume_watch watch{{&first, &second}, impatient};
    first.with([](auto& x) { x.stuck = true; });
    // Nothing is durable, but syncs come back.
    EXPECT_FALSE(eventually(
      [&] {
        first.with([](auto& x) { ++x.figures.syncs; });
        return first.failed();
      },
      400ms));
  }
  volume_watch alone{{&first}, impatient};
  EXPECT_TRUE(eventually([&] { return !alone.look().trouble.empty(); }));
  EXPECT_FALSE(first.failed());
}

TEST_F(VolumeWatch, NoticesAVolumeThatDoesNotEvenSayHowItIs) {
  std::atomic<bool> hung{false};
  first.before_look = [&] { (void) eventually([&] { return !hung; }, 20s); };
  volume_watch watch{{&first}, options()};
  EXPECT_EQ(watch.look().trouble, "");
  hung = true;
  EXPECT_TRUE(eventually([&] { return !watch.look().trouble.empty(); }));
  hung = false;
  EXPECT_TRUE(eventually([&] { return watch.look().trouble.empty(); }));
}

} // namespace dfs::chunkserver
