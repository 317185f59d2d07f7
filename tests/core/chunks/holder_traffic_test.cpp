#include "base/rng.hpp"
#include "core/chunks/holder_lease.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

// Goal: whenever the holder believes in its lease, the granter waits, in true
// time (DESIGN 3). Method: clocks of two rates, a network that loses, delays
// and overtakes, pauses of two lease times, a machine that is suspended or
// frozen, masters that restart; compared at every step. Planted bugs prove that
// the comparison can fail.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr boot_id own{7};
constexpr std::uint32_t lease_ms = 3'000;

enum class mutant {
  none,
  counts_from_answer, ///< Not from the sending.
  takes_any_answer,   ///< For that to the last heartbeat.
  knows_no_rates,     ///< Believes in the whole lease.
  watches_no_jump,    ///< Of the clocks.
};

// One machine's clocks, in true time.
class crooked_clock {
public:
  explicit crooked_clock(rng& random)
    : rate_permille_{950 + static_cast<std::int64_t>(random.below(101))} {
    // nop
  }

  [[nodiscard]] nanoseconds read(nanoseconds now) const {
    return (now - frozen_) * rate_permille_ / 1'000;
  }

  // As a virtual machine that is saved and resumed: nothing counts meanwhile.
  void freeze(nanoseconds time) {
    frozen_ += time;
  }

private:
  std::int64_t rate_permille_;
  nanoseconds frozen_{0};
};

class traffic {
public:
  traffic(std::uint64_t seed, mutant bug)
    : random_{seed},
      bug_{bug},
      holder_clock_{random_},
      granter_clock_{random_},
      lease_{config_of(bug), own} {
    begin_term();
  }

  // @returns false if the holder believed what it must not.
  bool run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto step = nanoseconds{1ms} * (1 + random_.below(120));
      now_ += step;
      if (now_ < frozen_until_)
        holder_clock_.freeze(step);
      disturb();
      deliver();
      if (now_ < paused_until_)
        continue;
      act();
      lease_.check_invariants();
      if (!safe())
        return false;
    }
    return true;
  }

  [[nodiscard]] int leased_steps() const {
    return leased_steps_;
  }

private:
  static holder_config config_of(mutant bug) {
    holder_config x;
    if (bug == mutant::watches_no_jump)
      x.jump_max = 1'000h;
    return x;
  }

  [[nodiscard]] clock_pair holder_now() const {
    return {boot_instant{holder_clock_.read(now_)}, now_ + 400'000h};
  }

  void begin_term() {
    term_ = term_.next();
    lease_.enter(term_); // As if it had registered at once.
    granted_until_ = granter_clock_.read(now_) + lease_wait(node_lease);
  }

  void disturb() {
    if (random_.one_in(300))
      paused_until_ = now_ + 1ms * random_.below(2 * lease_ms);
    if (random_.one_in(500))
      paused_until_ = frozen_until_ = now_ + 1ms * random_.below(10'000);
    if (random_.one_in(400))
      begin_term();
    if (random_.one_in(200))
      blocked_until_ = now_ + 1ms * random_.below(6'000);
  }

  [[nodiscard]] bool lost() {
    return now_ < blocked_until_ || random_.one_in(5);
  }

  [[nodiscard]] nanoseconds delay() {
    return random_.one_in(10) ? 1ms * random_.below(5'000)
                              : 1ms * random_.below(50);
  }

  void deliver() {
    while (!asked_.empty() && asked_.begin()->first <= now_) {
      answer(asked_.begin()->second);
      asked_.erase(asked_.begin());
    }
    if (now_ < paused_until_)
      return;
    while (!answers_.empty() && answers_.begin()->first <= now_) {
      hear(answers_.begin()->second);
      answers_.erase(answers_.begin());
    }
  }

  void answer(const msg::chunk_heartbeat& x) {
    if (x.term != term_)
      return;
    granted_until_ = std::max(granted_until_, granter_clock_.read(now_)
                                                + lease_wait(node_lease));
    msg::chunk_heartbeat_ack y;
    y.term = term_;
    y.boot = x.boot;
    y.sequence = x.sequence;
    y.node_lease_ms = lease_ms;
    if (!lost())
      answers_.emplace(now_ + delay(), y);
  }

  void hear(msg::chunk_heartbeat_ack x) {
    if (bug_ == mutant::takes_any_answer && x.term == term_)
      x.sequence = lease_.sequence();
    if (bug_ == mutant::counts_from_answer && x.term == term_)
      x.sequence = lease_.send(holder_now()).sequence;
    if (!lease_.counts(x))
      return;
    auto given = x.node_lease_ms;
    if (bug_ == mutant::knows_no_rates)
      given = (given + 100) * 105 / 95;
    lease_.accept(x.sequence, given, holder_now());
  }

  void act() {
    if (holder_clock_.read(now_) < next_beat_)
      return;
    next_beat_ = holder_clock_.read(now_) + heartbeat_interval;
    msg::chunk_heartbeat x;
    x.term = term_;
    x.boot = own;
    x.sequence = lease_.send(holder_now()).sequence;
    if (!lost())
      asked_.emplace(now_ + delay(), x);
  }

  [[nodiscard]] bool safe() {
    (void) lease_.check(holder_now()); // As before every act.
    if (!lease_.runs(holder_now().boot))
      return true;
    ++leased_steps_;
    return granter_clock_.read(now_) < granted_until_;
  }

  rng random_;
  mutant bug_;
  crooked_clock holder_clock_;
  crooked_clock granter_clock_;
  holder_lease lease_;
  nanoseconds now_{0};
  nanoseconds paused_until_{0};
  nanoseconds frozen_until_{0};
  nanoseconds blocked_until_{0};
  nanoseconds next_beat_{0};
  master_term term_;
  nanoseconds granted_until_{0}; ///< On the granter's clock.
  std::multimap<nanoseconds, msg::chunk_heartbeat> asked_;
  std::multimap<nanoseconds, msg::chunk_heartbeat_ack> answers_;
  int leased_steps_ = 0;
};

// The first seed that catches it.
std::optional<std::uint64_t> caught(mutant bug, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    if (!traffic{seed, bug}.run(3'000))
      return seed;
  }
  return std::nullopt;
}

} // namespace

TEST(HolderTraffic, NeverBelievesInWhatTheGranterHasGivenUp) { // H1, H3
  int leased = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    traffic run{seed, mutant::none};
    ASSERT_TRUE(run.run(3'000));
    leased += run.leased_steps();
  }
  EXPECT_GT(leased, 300 * 3'000 / 3); // It serves, too.
}

TEST(HolderTraffic, CatchesPlantedBugs) {
  EXPECT_TRUE(caught(mutant::counts_from_answer, 100));
  EXPECT_TRUE(caught(mutant::takes_any_answer, 100));
  EXPECT_TRUE(caught(mutant::knows_no_rates, 100));
  EXPECT_TRUE(caught(mutant::watches_no_jump, 100));
}

} // namespace dfs::core
