#include "core/queues/queue_rules.hpp"

#include "core/queues/queue_steps.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dfs::core {
namespace {

using test::queue_client;
using test::refusal;
using test::tick_to;

TEST(QueueRules, LabelsHaveARange) { // SPEC Q1
  const auto good = [](std::string_view x) { return bool{check_label(x)}; };
  for (const auto* x :
       {"a", "jobs of today", "0", "7", "-7", "1e9", "-", "+", "+x", "7a",
        "\xc3\xa4", "9223372036854775807", "-9223372036854775808"})
    EXPECT_TRUE(good(x)) << x;
  for (const auto* x : {"", "007", "+7", "-0", "00", "-007",
                        "9223372036854775808", "-9223372036854775809",
                        "99999999999999999999999999", "a\nb", "\x7f", "\t"})
    EXPECT_FALSE(good(x)) << x;
  EXPECT_TRUE(good(std::string(255, 'x')));
  EXPECT_FALSE(good(std::string(256, 'x')));
  EXPECT_FALSE(good(std::string("a\0b", 3)));
}

TEST(QueueRules, ItemsHaveARange) { // SPEC Q1
  EXPECT_TRUE(check_item(test::bytes_item(std::string(1u << 20, 'x'))));
  EXPECT_FALSE(check_item(test::bytes_item(std::string((1u << 20) + 1, 'x'))));
  EXPECT_TRUE(check_item(test::bytes_item("")));
  EXPECT_FALSE(check_item({true, 1, "x"}));
  EXPECT_FALSE(check_item({false, 1, "x"}));
}

TEST(QueueRules, EachVerbHasItsFields) {
  queue_client x{1};
  for (const auto& right :
       {x.create("a"), x.find("a"), x.destroy(1), x.push(1, 5), x.pop(1),
        x.pop(1, true), x.top(1), x.size(1), tick_to(3)}) {
    EXPECT_TRUE(check_request(right));
    const auto wrong = [&](auto change) {
      auto made = right;
      change(made);
      return refusal(check_request(made)) == ec::invalid_argument;
    };
    EXPECT_TRUE(wrong([](auto& r) { r.verb = {}; }));
    EXPECT_TRUE(wrong([](auto& r) { r.verb = msg::queue_verb{9}; }));
    EXPECT_TRUE(wrong([](auto& r) { r.number = 0; }));
    EXPECT_TRUE(wrong([](auto& r) { r.first = 0; }));
    EXPECT_TRUE(wrong([](auto& r) { r.first = r.number + 1; }));
    const auto labelled = !right.label.empty();
    EXPECT_TRUE(wrong([&](auto& r) { r.label = labelled ? "" : "b"; }));
    const auto named = right.queue != queue_id{};
    EXPECT_TRUE(wrong([&](auto& r) { r.queue = queue_id{named ? 0u : 1u}; }));
    if (right.verb != msg::queue_verb::push)
      EXPECT_TRUE(wrong([](auto& r) { r.item.number = 1; }));
    if (right.verb != msg::queue_verb::pop)
      EXPECT_TRUE(wrong([](auto& r) { r.wait = true; }));
    if (is_change(right.verb))
      EXPECT_TRUE(wrong([](auto& r) { r.session = {}; }));
  }
  auto tick = tick_to(3);
  tick.session = x.session;
  EXPECT_FALSE(check_request(tick));
  EXPECT_FALSE(check_request(x.size(~std::uint64_t{0})));
  const std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(check_request(x.size(last)));
  EXPECT_FALSE(check_request(x.size(last + 1)));
}

TEST(QueueRules, ANewerFormatIsNotPassedOver) { // SPEC O5
  msg::queue_batch x;
  EXPECT_EQ(refusal(check_batch(x)), ec::malformed);
  x.requests.resize(1'024);
  EXPECT_TRUE(check_batch(x));
  x.requests.resize(1'025);
  EXPECT_EQ(refusal(check_batch(x)), ec::malformed);
  x.requests.resize(1);
  x.format = 0;
  EXPECT_EQ(refusal(check_batch(x)), ec::malformed);
  x.format = queue_format_max;
  EXPECT_TRUE(check_batch(x));
  x.format = queue_format_max + 1;
  EXPECT_EQ(refusal(check_batch(x)), ec::unsupported);
}

TEST(QueueRules, AWrongRequestHarmsNobody) { // SPEC O3
  test::queue_steps steps;
  queue_client x{1};
  std::vector<msg::queue_request> batch{x.create("a"), x.push(1, 5),
                                        x.push(1, 6)};
  batch[1].item.bytes = "and bytes";
  const auto answers = steps.machine.apply(1, batch);
  EXPECT_EQ(answers[1].status, msg::queue_status::invalid);
  EXPECT_EQ(answers[2].value, 1);
  steps.machine.check();
}

} // namespace
} // namespace dfs::core
