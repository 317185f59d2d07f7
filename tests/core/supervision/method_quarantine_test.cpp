#include "core/supervision/method_quarantine.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t method = 7;
constexpr std::uint16_t other = 8;

} // namespace

TEST(MethodQuarantine, RefusesAMethodThatThrewTwice) { // SPEC S10
  method_quarantine all;
  auto now = instant{} + 1h;
  EXPECT_FALSE(all.refuses(method, now));
  EXPECT_FALSE(all.threw(method, now)) << "once may be an accident";
  EXPECT_FALSE(all.refuses(method, now));
  now += 9min;
  EXPECT_TRUE(all.threw(method, now));
  EXPECT_TRUE(all.refuses(method, now));
  EXPECT_FALSE(all.refuses(other, now));
  EXPECT_FALSE(all.threw(method, now)) << "one that was under way; told once";
  EXPECT_FALSE(all.threw(other, now));
}

TEST(MethodQuarantine, TriesItAgainOnceAfterARest) { // I1
  method_quarantine all;
  auto now = instant{} + 1h;
  (void) all.threw(method, now);
  ASSERT_TRUE(all.threw(method, now));
  now += method_quarantine::rest - 1ms;
  EXPECT_TRUE(all.refuses(method, now));
  now += 1ms;
  EXPECT_FALSE(all.refuses(method, now));
  EXPECT_TRUE(all.threw(method, now)) << "on probation";
  EXPECT_TRUE(all.refuses(method, now));
}

TEST(MethodQuarantine, ForgetsOneThrowAfterARest) {
  method_quarantine all;
  auto now = instant{} + 1h;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(all.threw(method, now));
    now += method_quarantine::rest;
  }
}

TEST(MethodQuarantine, ForgetsARefusalAfterADay) {
  method_quarantine all;
  auto now = instant{} + 1h;
  (void) all.threw(method, now);
  ASSERT_TRUE(all.threw(method, now));
  now += method_quarantine::probation;
  EXPECT_FALSE(all.threw(method, now)) << "once may be an accident";
  EXPECT_FALSE(all.refuses(method, now));
}

TEST(MethodQuarantine, GoesOnInTheNextProcess) { // SPEC S10
  method_quarantine all;
  const auto now = instant{} + 1h;
  (void) all.threw(method, now);
  (void) all.threw(other, now);
  (void) all.threw(other, now);
  const auto later = now + 4min;
  // The clock of another process begins anywhere.
  const auto elsewhere = instant{} + 5s;
  method_quarantine next{all.records(later), elsewhere};
  EXPECT_EQ(next.records(elsewhere), all.records(later));
  EXPECT_FALSE(next.refuses(method, elsewhere));
  EXPECT_TRUE(next.refuses(other, elsewhere));
  EXPECT_FALSE(next.refuses(other, elsewhere + 6min));
  EXPECT_TRUE(next.threw(method, elsewhere + 6min - 1ms));
  EXPECT_TRUE(next.threw(other, elsewhere + 6min)) << "on probation";
}

} // namespace dfs::core
