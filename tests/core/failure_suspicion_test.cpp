#include "core/failure/suspicion.hpp"

#include "core/failure/loss_meter.hpp"
#include "core/failure/probe_schedule.hpp"
#include "failure_network.hpp"

#include <gtest/gtest.h>

namespace dfs::core::test {
namespace {

constexpr failure_config config;
constexpr instant start = instant{} + 1h;
constexpr jury five{.others = 4, .unanswered = false, .lossy = false};

struct Suspicion : ::testing::Test {
  suspicion life{start};
  const msg::member_id one = make_record(1).id;
  const msg::member_id two = make_record(2).id;

  std::optional<instant> due(const jury& around, instant now) const {
    const auto verdict = life.verdict(config, around, now);
    return verdict ? std::optional{verdict->due} : std::nullopt;
  }

  msg::news_reason reason(const jury& around, instant now) const {
    return life.verdict(config, around, now)->reason;
  }
};

TEST_F(Suspicion, DecidesNothingWithoutAnOwnOne) { // I4
  life.hear(one, 0, 5s, start + 1s);
  life.hear(two, 0, 5s, start + 1s);
  EXPECT_FALSE(due(five, start + 1s));
  life.begin(start + 1s);
  EXPECT_TRUE(due(five, start + 1s));
}

TEST_F(Suspicion, TakesLongAlone) {
  life.begin(start + 1s);
  life.begin(start + 2s); // Keeps its beginning.
  EXPECT_EQ(due(five, start + 2s), start + 1s + config.verdict_alone);
  EXPECT_EQ(reason(five, start + 2s), msg::news_reason::silent_for_one);
  EXPECT_EQ(life.age(start + 2s), 1s);
}

TEST_F(Suspicion, TakesLessWhenTwoAgree) {
  life.begin(start + 1s);
  life.hear(one, 0, 200ms, start + 1s);
  EXPECT_EQ(due(five, start + 1s), start + 800ms + config.verdict_agreed);
  EXPECT_EQ(reason(five, start + 1s), msg::news_reason::silent_for_two);
  // What nobody repeats counts no more.
  EXPECT_EQ(due(five, start + 2s), start + 1s + config.verdict_alone);
}

// SPEC M5: one suspicion that chance began earlier does not hurry a verdict.
TEST_F(Suspicion, TheSecondMustHaveLasted) {
  life.begin(start + 2s);
  life.hear(one, 0, 1'500ms, start + 2s);
  EXPECT_EQ(due(five, start + 2s), start + 2s + config.verdict_second);
}

TEST_F(Suspicion, CountsNothingBeforeTheLastSignOfLife) { // I4
  life.alive(start + 3s);
  life.begin(start + 3'900ms);
  life.hear(one, 0, 60s, start + 3'900ms);
  life.hear(two, 0, 60s, start + 3'900ms);
  EXPECT_EQ(due(five, start + 3'900ms), start + 3s + config.verdict_agreed);
}

TEST_F(Suspicion, DoesNotTrustAgreementThroughLoss) {
  life.begin(start + 1s);
  life.hear(one, 0, 0ms, start + 1s);
  EXPECT_EQ(due({4, false, true}, start + 1s),
            start + 1s + config.verdict_alone);
}

TEST_F(Suspicion, CountsSilenceWhenThereIsNobodyToAsk) {
  life.begin(start + 1s);
  EXPECT_EQ(due({1, false, false}, start + 1s), start + config.verdict_pair);
  EXPECT_EQ(reason({1, false, false}, start + 1s),
            msg::news_reason::silent_for_last);
}

TEST_F(Suspicion, IsNoVerdictOfWhomNobodyAnswers) { // I6
  life.begin(start + 1s);
  EXPECT_FALSE(life.verdict(config, {4, true, false}, start + 1h));
}

TEST_F(Suspicion, DoesNotCountTheTimeOfAStall) {
  life.begin(start + 1s);
  life.credit(700ms);
  EXPECT_EQ(life.last_alive(), start + 700ms);
  EXPECT_EQ(due(five, start + 2s), start + 1s + 700ms + config.verdict_alone);
}

TEST_F(Suspicion, EndsWithASignOfLife) {
  life.begin(start + 1s);
  life.hear(one, 0, 0ms, start + 1s);
  life.alive(start + 2s);
  EXPECT_FALSE(life.active());
  EXPECT_FALSE(life.suspected_by_any(start + 2s));
  EXPECT_EQ(life.last_alive(), start + 2s);
}

TEST_F(Suspicion, EndsWithAHigherCounterOnly) {
  life.begin(start + 1s);
  EXPECT_FALSE(life.refuted(0, start + 1s));
  EXPECT_TRUE(life.active());
  EXPECT_TRUE(life.refuted(3, start + 1s));
  EXPECT_FALSE(life.active());
  life.begin(start + 2s);
  EXPECT_FALSE(life.refuted(3, start + 2s));
  EXPECT_TRUE(life.active());
  // Suspicions that the counter has refuted are not heard.
  life.hear(one, 2, 0ms, start + 2s);
  EXPECT_TRUE(life.witnesses(start + 2s).empty());
  life.hear(one, 3, 0ms, start + 2s);
  EXPECT_EQ(life.witnesses(start + 2s), std::vector{one});
  EXPECT_TRUE(life.witnesses(start + 2s + suspicion::witness_fresh).empty());
}

TEST_F(Suspicion, HearsALimitedNumber) {
  for (std::uint8_t i = 1; i <= 40; ++i)
    life.hear(make_record(i).id, 0, 0ms, start);
  EXPECT_EQ(life.witnesses(start).size(), suspicion::witnesses_max);
}

// SPEC M4, M5: the defaults hold the bounds together.
TEST(FailureConfig, KeepsItsProof) {
  constexpr auto slack = 300ms; // Round trips and late timers.
  EXPECT_LE(config.probe_period + config.suspect_after + config.verdict_alone
              + slack,
            5s);
  EXPECT_GE(config.suspect_after + config.verdict_agreed, 2s + slack);
  EXPECT_GE(config.suspect_after + config.verdict_second, 2s + slack);
  EXPECT_GE(config.verdict_alone, 2s + slack);
  EXPECT_LE(config.verdict_pair + slack, 4s);
  EXPECT_GE(config.verdict_pair,
            2s + config.probe_period + config.escalate_after + slack);
  EXPECT_LE(config.verdict_lonely + slack, 5s);
  EXPECT_LT(config.suspect_period, suspicion::witness_fresh);
  EXPECT_LT(probe_schedule::answer_fresh,
            config.suspect_after + config.verdict_second);
}

TEST(LossMeter, TellsTenPercentFromTwenty) {
  const auto share_above = [](unsigned percent) {
    rng random{percent};
    loss_meter meter;
    unsigned above = 0;
    for (int i = 0; i < 20'000; ++i) {
      meter.note(random.below(100) < percent);
      above += meter.above(28) ? 1 : 0;
    }
    return above / 200; // Percent of the time.
  };
  EXPECT_LE(share_above(19), 3u);  // 10 % each way.
  EXPECT_GE(share_above(36), 90u); // 20 % each way.
}

TEST(LossMeter, IsAboveALimitAndNotAtIt) { // SPEC M5
  loss_meter meter;
  for (int i = 0; i < 100; ++i)
    meter.note(i < 28);
  EXPECT_FALSE(meter.above(28));
  meter.note(true); // 29 of 101.
  EXPECT_TRUE(meter.above(28));
}

TEST(LossMeter, SaysNothingAtFirst) {
  loss_meter meter;
  for (std::size_t i = 1; i < loss_meter::samples_min; ++i)
    meter.note(true);
  EXPECT_FALSE(meter.above(28));
  meter.note(true);
  EXPECT_TRUE(meter.above(28));
}

TEST(LossMeter, CountsTheLastOnesOnly) {
  loss_meter meter;
  for (std::size_t i = 1; i < loss_meter::samples_min; ++i)
    meter.note(true);
  EXPECT_EQ(meter.permille(), 0u) << "too few";
  for (std::size_t i = 0; i < 2 * loss_meter::samples_max; ++i)
    meter.note(true);
  EXPECT_EQ(meter.permille(), 1'000u);
  for (std::size_t i = 0; i < loss_meter::samples_max / 2; ++i)
    meter.note(false);
  EXPECT_EQ(meter.permille(), 500u);
}

} // namespace
} // namespace dfs::core::test
