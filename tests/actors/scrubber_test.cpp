#include "actors/scrubber.hpp"

#include "base/crc32c.hpp"
#include "support/deterministic_system.hpp"
#include "support/fake_store.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t mebibyte = 1u << 20;

struct Scrubber : ::testing::Test, test::deterministic_system {
  test::fake_store first{"/one"};
  test::fake_store second{"/two"};
  std::vector<chunk_id> suspects;
  scrubber_options options;
  scrubber_actor scrubs;

  Scrubber() {
    options.name = "chunk-1";
    const auto suspect = [this](chunk_id x) { suspects.push_back(x); };
    options.volumes = {{&first, suspect}, {&second, suspect}};
    for (std::uint64_t i = 1; i <= 10; ++i)
      (i % 2 == 0 ? first : second).chunks.emplace(chunk_id{i}, mebibyte);
  }

  ~Scrubber() override {
    if (scrubs)
      stop(scrubs);
  }

  void start() {
    scrubs = sys.spawn(scrubber, options);
    run();
  }

  msg::scrub_status status(bool begin = false) {
    const auto x = begin ? ask<msg::scrub_status>(scrubs, msg::scrub_chunks{})
                         : ask<msg::scrub_status>(scrubs, msg::get_scrub{});
    EXPECT_TRUE(x);
    return x ? *x : msg::scrub_status{};
  }

  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 50ms)
      advance(50ms);
  }

  [[nodiscard]] std::size_t verified() const {
    return first.verified.size() + second.verified.size();
  }
};

} // namespace

TEST_F(Scrubber, ReadsEveryReplicaAndFindsTheBadOnes) { // SPEC G9
  first.bad = {chunk_id{4}};
  second.bad = {chunk_id{9}};
  second.unreadable = {chunk_id{5}};
  options.first = 1s;
  start();
  EXPECT_EQ(status().chunks_of, 0u);
  pass(3s);
  EXPECT_EQ(verified(), 10u);
  EXPECT_EQ(suspects, (std::vector{chunk_id{4}, chunk_id{9}}));
  const auto x = status();
  EXPECT_EQ(x.name, "chunk-1");
  EXPECT_FALSE(x.running);
  EXPECT_EQ(x.chunks, 10u);
  EXPECT_EQ(x.chunks_of, 10u);
  EXPECT_EQ(x.bytes, 9u * mebibyte);
  EXPECT_EQ(x.bad, 2u);
  EXPECT_EQ(x.passes, 1u);
  EXPECT_GT(x.since_pass, 0ms);
  EXPECT_EQ(options.counters->bad, 2u);
  EXPECT_EQ(options.counters->failures, 1u);
  EXPECT_FALSE(options.counters->running);
}

TEST_F(Scrubber, KeepsToItsRate) {
  options.rate = 2 * mebibyte;
  options.first = 0ms;
  start();
  pass(3s); // 6 MiB, and at most a slice more.
  EXPECT_GE(verified(), 6u);
  EXPECT_LE(verified(), 6u + 4u);
  EXPECT_TRUE(status().running);
  EXPECT_TRUE(options.counters->running);
  pass(3s);
  EXPECT_FALSE(status().running);
}

TEST_F(Scrubber, BeginsAPassEachInterval) {
  options.first = 1s;
  options.interval = 10s;
  start();
  pass(5s);
  EXPECT_EQ(status().passes, 1u);
  first.chunks.emplace(chunk_id{12}, 5); // New ones are read in the next.
  pass(4s);
  EXPECT_EQ(status().passes, 1u);
  pass(4s);
  EXPECT_EQ(status().passes, 2u);
  EXPECT_EQ(verified(), 21u);
}

TEST_F(Scrubber, StaysStillWhenItIsOff) {
  options.rate = 0;
  options.first = 0ms;
  start();
  pass(60s);
  EXPECT_EQ(verified(), 0u);
  EXPECT_EQ(status().rate, 0u);
}

TEST_F(Scrubber, BeginsAtOnceWhenAskedTo) {
  options.rate = 0;
  start();
  EXPECT_TRUE(status(true).running);
  pass(1s);
  EXPECT_FALSE(status().running);
  EXPECT_EQ(verified(), 10u);
  EXPECT_EQ(status().passes, 1u);
}

TEST_F(Scrubber, HurriesWhenSomebodyWaits) {
  options.rate = mebibyte;
  options.first = 0ms;
  start();
  pass(100ms);
  EXPECT_LE(verified(), 4u);
  EXPECT_TRUE(status(true).running);
  pass(200ms);
  EXPECT_EQ(verified(), 10u); // None was read twice.
  EXPECT_EQ(status().passes, 1u);
}

TEST_F(Scrubber, VerifiesWhatSomebodyAsksFor) { // SPEC G9
  first.bad = {chunk_id{4}};
  second.unreadable = {chunk_id{5}};
  options.rate = 0;
  start();
  const auto answer = ask<msg::replicas_verified>(
    scrubs, msg::verify_replicas{
              {chunk_id{2}, chunk_id{4}, chunk_id{5}, chunk_id{77}}});
  ASSERT_TRUE(answer);
  const auto& found = answer->replicas;
  ASSERT_EQ(found.size(), 4u);
  using verdict = msg::replica_verdict;
  EXPECT_EQ(found[0].verdict, verdict::good);
  EXPECT_EQ(found[0].extent.length, mebibyte);
  EXPECT_EQ(found[0].crc, crc32c(std::string(mebibyte, 'x')));
  EXPECT_EQ(found[1].verdict, verdict::bad);
  EXPECT_EQ(found[2].verdict, verdict::unreadable);
  EXPECT_EQ(found[3].verdict, verdict::missing);
  EXPECT_EQ(found[3].chunk, chunk_id{77});
  EXPECT_EQ(suspects, std::vector{chunk_id{4}});
  EXPECT_EQ(options.counters->bad, 1u);
  EXPECT_EQ(options.counters->failures, 1u);
  EXPECT_FALSE(ask<msg::replicas_verified>(scrubs, msg::verify_replicas{}));
}

TEST_F(Scrubber, AnswersBeforeItHasReadForTooLong) {
  options.rate = 0;
  msg::verify_replicas asked;
  for (std::uint64_t i = 100; i < 104; ++i) {
    first.chunks.emplace(chunk_id{i}, 60 * mebibyte);
    asked.chunks.push_back(chunk_id{i});
  }
  start();
  const auto answer = ask<msg::replicas_verified>(scrubs, asked);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->replicas.size(), 3u); // The rest is to be asked for again.
}

TEST_F(Scrubber, PassesOverWhatIsGone) {
  options.rate = mebibyte;
  options.first = 0ms;
  start();
  pass(100ms);
  first.chunks.clear();
  second.chunks.clear();
  pass(30s);
  EXPECT_EQ(status().passes, 1u);
  EXPECT_EQ(options.counters->failures, 0u);
}

} // namespace dfs::actors
