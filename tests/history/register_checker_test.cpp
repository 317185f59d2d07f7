#include "support/history/register_checker.hpp"

#include "base/rng.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <optional>

namespace dfs::history {

namespace {

using ::testing::HasSubstr;

operation write(std::uint64_t value, std::int64_t call, std::int64_t ret) {
  operation x;
  x.op = verb::write;
  x.key = "k";
  x.value = value;
  x.call_ns = call;
  x.ret_ns = ret;
  x.result = outcome::done;
  return x;
}

operation unknown(operation x) {
  x.result = outcome::unknown;
  x.ret_ns = 0;
  return x;
}

operation refused(operation x) {
  x.result = outcome::refused;
  return x;
}

operation
read(std::vector<std::uint64_t> values, std::int64_t call, std::int64_t ret) {
  auto x = write(0, call, ret);
  x.op = verb::read;
  x.cells = static_cast<std::uint32_t>(values.size());
  x.values = std::move(values);
  return x;
}

operation at_cells(operation x, std::uint32_t first, std::uint32_t count) {
  x.cell = first;
  x.cells = count;
  return x;
}

verdict check(const std::vector<operation>& history) {
  return check_registers(history).outcome;
}

TEST(RegisterChecker, TakesWhatHappenedInOrder) { // SPEC G4
  EXPECT_EQ(check({}), verdict::linearizable);
  EXPECT_EQ(check({read({0}, 0, 1), write(1, 2, 3), read({1}, 4, 5),
                   write(2, 6, 7), read({2}, 8, 9)}),
            verdict::linearizable);
}

TEST(RegisterChecker, FindsAStaleRead) { // SPEC G4
  EXPECT_EQ(check({write(1, 0, 1), write(2, 2, 3), read({1}, 4, 5)}),
            verdict::violated);
  // While the write is under way both are right, but not back and forth.
  EXPECT_EQ(
    check({write(1, 0, 1), write(2, 2, 9), read({1}, 3, 4), read({2}, 5, 6)}),
    verdict::linearizable);
  EXPECT_EQ(
    check({write(1, 0, 1), write(2, 2, 9), read({2}, 3, 4), read({1}, 5, 6)}),
    verdict::violated);
}

TEST(RegisterChecker, FindsALostWrite) { // SPEC S6
  EXPECT_EQ(check({write(1, 0, 1), read({0}, 2, 3)}), verdict::violated);
  EXPECT_EQ(check({write(1, 0, 1), read({1}, 2, 3), read({0}, 4, 5)}),
            verdict::violated);
}

TEST(RegisterChecker, TouchingOperationsOverlap) {
  EXPECT_EQ(check({write(1, 0, 5), read({0}, 5, 6)}), verdict::linearizable);
  EXPECT_EQ(check({write(1, 0, 5), read({0}, 6, 7)}), verdict::violated);
}

TEST(RegisterChecker, AnUnknownWriteStaysOpen) {
  const auto lost = unknown(write(2, 2, 3));
  EXPECT_EQ(check({write(1, 0, 1), lost, read({1}, 50, 60)}),
            verdict::linearizable); // It was never done,
  EXPECT_EQ(check({write(1, 0, 1), lost, read({1}, 4, 5), read({2}, 50, 60)}),
            verdict::linearizable); // or late,
  EXPECT_EQ(check({write(1, 0, 1), lost, read({2}, 4, 5), read({1}, 50, 60)}),
            verdict::violated); // but not done and undone,
  EXPECT_EQ(check({write(1, 0, 1), lost, read({2}, 4, 5), write(3, 6, 7),
                   read({2}, 50, 60)}),
            verdict::violated); // and not twice.
  EXPECT_EQ(check({read({2}, 0, 1), lost}), verdict::violated);
}

TEST(RegisterChecker, ARefusedWriteIsNeverSeen) { // SPEC S7
  const auto no = refused(write(2, 2, 3));
  EXPECT_EQ(check({write(1, 0, 1), no, read({1}, 4, 5)}),
            verdict::linearizable);
  const std::vector seen{write(1, 0, 1), no, read({2}, 4, 5)};
  const auto report = check_registers(seen);
  EXPECT_EQ(report.outcome, verdict::violated);
  EXPECT_THAT(report.why, HasSubstr("refused"));
}

TEST(RegisterChecker, WhatNobodyWroteIsSaid) {
  const std::vector seen{write(1, 0, 1), read({7}, 4, 5)};
  EXPECT_THAT(check_registers(seen).why, HasSubstr("nobody wrote"));
}

TEST(RegisterChecker, OverlappingWritesHaveOneOrder) { // SPEC G5
  const auto left = at_cells(write(1, 0, 10), 0, 3);
  const auto right = at_cells(write(2, 0, 10), 1, 3);
  EXPECT_EQ(check({left, right, read({1, 2, 2, 2}, 20, 21)}),
            verdict::linearizable);
  EXPECT_EQ(check({left, right, read({1, 1, 1, 2}, 20, 21)}),
            verdict::linearizable);
  EXPECT_EQ(check({left, right, read({1, 1, 2, 2}, 20, 21)}),
            verdict::violated);
  // A reader in the middle sees a whole write or none of it.
  EXPECT_EQ(check({left, read({1, 1, 1, 0}, 1, 2)}), verdict::linearizable);
  EXPECT_EQ(check({left, read({1, 0, 0, 0}, 1, 2)}), verdict::violated);
  // Two readers agree on the order.
  EXPECT_EQ(check({left, right, read({1, 2, 2, 2}, 20, 21),
                   read({1, 1, 1, 2}, 20, 21)}),
            verdict::violated);
}

TEST(RegisterChecker, KeysAreApart) {
  auto other = write(1, 0, 1);
  other.key = "other";
  EXPECT_EQ(check({other, read({0}, 2, 3)}), verdict::linearizable);
  auto stale = read({0}, 2, 3);
  stale.key = "other";
  const std::vector history{write(5, 0, 1), other, stale, read({5}, 2, 3)};
  const auto report = check_registers(history);
  EXPECT_EQ(report.outcome, verdict::violated);
  EXPECT_EQ(report.key, "other");
  EXPECT_THAT(report.why, HasSubstr("read -> 0"));
}

TEST(RegisterChecker, AHistoryThatCannotBeIsNotPassed) {
  EXPECT_EQ(check({write(1, 5, 4)}), verdict::undecided);
  auto thin = read({0}, 0, 1);
  thin.cells = 2;
  EXPECT_EQ(check({thin}), verdict::undecided);
}

// The definition, tried out: every order of every choice of open operations.
bool has_order(const std::vector<operation>& all, std::vector<bool>& placed,
               std::vector<std::uint64_t>& state) {
  auto over = true;
  for (std::size_t i = 0; i < all.size(); ++i)
    over = over && (placed[i] || all[i].result != outcome::done);
  if (over)
    return true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& x = all[i];
    if (placed[i] || x.result == outcome::refused)
      continue;
    const auto before_x = [&](const operation& y) {
      return y.result == outcome::done && y.ret_ns < x.call_ns;
    };
    auto next = true;
    for (std::size_t j = 0; j < all.size(); ++j)
      next = next && (placed[j] || !before_x(all[j]));
    if (!next)
      continue;
    const auto kept = state;
    if (x.op == verb::write) {
      std::fill_n(state.begin() + x.cell, x.cells, x.value);
    } else if (x.result == outcome::unknown
               || !std::equal(x.values.begin(), x.values.end(),
                              state.begin() + x.cell)) {
      continue;
    }
    placed[i] = true;
    const auto found = has_order(all, placed, state);
    placed[i] = false;
    state = kept;
    if (found)
      return true;
  }
  return false;
}

operation random_operation(rng& random, std::uint32_t cells) {
  const auto call = static_cast<std::int64_t>(random.below(20));
  auto x = write(random.below(4), call,
                 call + static_cast<std::int64_t>(random.below(12)));
  x.cell = static_cast<std::uint32_t>(random.below(cells));
  x.cells = static_cast<std::uint32_t>(1 + random.below(cells - x.cell));
  if (random.one_in(2)) {
    x.op = verb::read;
    for (std::uint32_t i = 0; i < x.cells; ++i)
      x.values.push_back(random.below(4));
  }
  if (random.one_in(5))
    return unknown(x);
  return random.one_in(12) ? refused(x) : x;
}

// Goal: the verdict is right. Method: small histories with few values, so that
// both verdicts are frequent, judged by the definition too.
TEST(RegisterChecker, AgreesWithTheDefinition) {
  std::map<bool, int> verdicts;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    const auto cells = static_cast<std::uint32_t>(1 + random.below(3));
    std::vector<operation> history;
    const auto length = 2 + random.below(6);
    while (history.size() < length)
      history.push_back(random_operation(random, cells));
    std::vector<bool> placed(history.size());
    std::vector<std::uint64_t> state(cells, nothing_written);
    const auto good = has_order(history, placed, state);
    ++verdicts[good];
    ASSERT_EQ(check(history), good ? verdict::linearizable : verdict::violated);
  }
  EXPECT_GT(verdicts[true], 3'000);
  EXPECT_GT(verdicts[false], 3'000);
}

enum class bug { none, stale_read, lost_write, rolled_back, torn };

struct made_options {
  std::uint64_t seed = 1;
  std::uint32_t procs = 8;
  std::uint32_t keys = 1;
  std::uint32_t operations = 100;
  bug planted = bug::none;
};

/// Clients of an imaginary system in which everything happens at one instant
/// between call and return; or in which something went wrong, once.
class made_history {
public:
  static constexpr std::uint32_t cells = 4;

  explicit made_history(const made_options& options)
    : options_{options},
      random_{options.seed},
      blocks_(options.keys, std::vector<std::uint64_t>(cells)),
      last_(options.keys) {
    struct event {
      std::int64_t time;
      std::uint32_t proc;
    };
    std::vector<std::int64_t> free_at(options.procs);
    for (std::uint32_t i = 0; i < options.operations; ++i) {
      const auto proc = static_cast<std::uint32_t>(
        std::min_element(free_at.begin(), free_at.end()) - free_at.begin());
      free_at[proc] = ask(proc, free_at[proc]);
    }
    std::sort(asked_.begin(), asked_.end(),
              [](auto& a, auto& b) { return a.effect < b.effect; });
    for (auto& x : asked_)
      happen(x);
  }

  std::vector<operation> history;
  bool planted = false; ///< The bug, so that a later read can tell.

private:
  struct call {
    operation x;
    std::int64_t effect;
    std::uint32_t key;
    bool never; ///< Has no effect.
  };

  std::int64_t ask(std::uint32_t proc, std::int64_t now) {
    call made{write(next_value_++, now + 1, 0), 0,
              static_cast<std::uint32_t>(random_.below(options_.keys)), false};
    auto& x = made.x;
    x.proc = proc;
    x.key = std::to_string(made.key);
    x.ret_ns = x.call_ns + 10 + static_cast<std::int64_t>(random_.below(90));
    made.effect = x.call_ns
                  + static_cast<std::int64_t>(random_.below(
                    static_cast<std::uint64_t>(x.ret_ns - x.call_ns)));
    if (random_.one_in(2)) {
      x.op = verb::read;
      x.cells = cells;
    } else {
      x.cell = static_cast<std::uint32_t>(random_.below(cells));
      x.cells = static_cast<std::uint32_t>(1 + random_.below(cells - x.cell));
      if (options_.planted == bug::none && random_.one_in(20))
        x.result = outcome::unknown;
      else if (random_.one_in(30))
        x.result = outcome::refused;
      made.never = x.result == outcome::refused
                   || (x.result == outcome::unknown && random_.one_in(2));
      if (x.result == outcome::unknown) // Some happen long after.
        made.effect += static_cast<std::int64_t>(random_.below(2'000));
    }
    asked_.push_back(made);
    return x.ret_ns;
  }

  struct last_write {
    std::vector<std::uint64_t> before;
    std::uint32_t last_cell = 0;
    std::uint32_t cells = 0;
    std::int64_t call = 0;
    std::int64_t ret = 0;
    std::int64_t others_ret = 0; ///< All earlier ones returned by then.
    std::int64_t seen = 0;       ///< A read that saw it had returned; 0: none.
  };

  void happen(call& made) {
    auto& x = made.x;
    if (x.op == verb::read) {
      x.values = blocks_[made.key];
      if (options_.planted != bug::none && !planted
          && history.size() > options_.operations / 2)
        plant(x, blocks_[made.key], last_[made.key]);
      auto& seen = last_[made.key].seen;
      if (seen == 0 && x.call_ns > last_[made.key].others_ret)
        seen = x.ret_ns;
    } else if (!made.never) {
      change(x, blocks_[made.key], last_[made.key]);
    }
    history.push_back(x);
  }

  void change(const operation& x, std::vector<std::uint64_t>& block,
              last_write& last) {
    last = {block,    x.cell + x.cells - 1,
            x.cells,  x.call_ns,
            x.ret_ns, std::max(last.ret, last.others_ret),
            0};
    std::fill_n(block.begin() + x.cell, x.cells, x.value);
  }

  // A wrong answer that no order explains: the last write was alone when it
  // was called, and is over; or somebody has seen it.
  void plant(operation& x, std::vector<std::uint64_t>& block,
             const last_write& last) {
    if (last.cells == 0)
      return;
    const auto certain = last.others_ret < last.call && last.ret < x.call_ns;
    if (options_.planted == bug::rolled_back) {
      planted = last.seen != 0 && last.seen < x.call_ns;
    } else {
      planted = certain;
    }
    if (!planted)
      return;
    if (options_.planted == bug::torn) {
      planted = last.cells > 1;
      if (planted)
        x.values[last.last_cell] = last.before[last.last_cell];
    } else {
      x.values = last.before;
    }
    if (options_.planted == bug::lost_write)
      block = last.before;
  }

  made_options options_;
  rng random_;
  std::vector<std::vector<std::uint64_t>> blocks_;
  std::vector<last_write> last_; ///< By key.
  std::vector<call> asked_;
  std::uint64_t next_value_ = 1;
};

TEST(RegisterCheckerTraffic, TakesEveryGoodHistory) { // SPEC G4, G5
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const made_history made{
      {.seed = seed, .keys = 3, .operations = 300, .planted = bug::none}};
    const auto report = check_registers(made.history);
    ASSERT_EQ(report.outcome, verdict::linearizable) << report.why;
  }
}

TEST(RegisterCheckerTraffic, FindsEveryPlantedBug) { // SPEC G4, G5
  for (const auto planted :
       {bug::stale_read, bug::lost_write, bug::rolled_back, bug::torn}) {
    int runs = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      SCOPED_TRACE(seed);
      const made_history made{
        {.seed = seed, .procs = 4, .operations = 200, .planted = planted}};
      runs += made.planted;
      ASSERT_EQ(check(made.history),
                made.planted ? verdict::violated : verdict::linearizable);
    }
    EXPECT_GT(runs, 30) << static_cast<int>(planted);
  }
}

TEST(RegisterCheckerTraffic, TakesSecondsForLongHistories) {
  const auto begin = std::chrono::steady_clock::now();
  const made_history many{
    {.seed = 7, .procs = 16, .keys = 100, .operations = 10'000}};
  auto report = check_registers(many.history);
  EXPECT_EQ(report.outcome, verdict::linearizable) << report.why;
  EXPECT_EQ(report.keys, 100u);
  EXPECT_EQ(report.operations, 10'000u);
  const made_history one{
    {.seed = 8, .procs = 16, .keys = 1, .operations = 10'000}};
  report = check_registers(one.history);
  EXPECT_EQ(report.outcome, verdict::linearizable) << report.why;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
  RecordProperty("states", static_cast<int>(report.states));
}

TEST(RegisterCheckerTraffic, WhatIsTooMuchIsUndecided) {
  const made_history made{
    {.seed = 9, .procs = 16, .keys = 1, .operations = 2'000}};
  EXPECT_EQ(check_registers(made.history, {.states_max = 50}).outcome,
            verdict::undecided);
}

} // namespace

} // namespace dfs::history
