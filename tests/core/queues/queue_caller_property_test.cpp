#include "base/rng.hpp"
#include "core/queues/queue_caller.hpp"
#include "core/queues/queue_machine.hpp"

#include <gtest/gtest.h>

#include <map>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using msg::queue_status;
using msg::queue_verb;

/// Three servers that are one state machine, and a network that loses, delays
/// and repeats; sessions expire now and then.
class world {
public:
  explicit world(std::uint64_t seed) : random_{seed} {
    at_ += 1h;
  }

  void run(int calls) {
    for (int i = 0; i < calls; ++i) {
      if (random_.one_in(3))
        ask();
      step();
    }
    for (int i = 0; i < 100'000 && caller_.open() > 0; ++i)
      step();
    EXPECT_EQ(caller_.open(), 0u);
  }

  /// What was told is what happened, and nothing happened twice.
  void judge() {
    std::map<std::int64_t, int> pushed;
    for (const auto& [k, item] : executed_pushes_)
      ++pushed[item];
    for (const auto& [item, count] : pushed)
      EXPECT_EQ(count, 1) << "item " << item << " was pushed twice"; // SPEC Q8
    std::map<std::int64_t, int> popped;
    for (const auto item : told_items_)
      EXPECT_EQ(++popped[item], 1) << item << " was popped twice";
    for (const auto& [call, item] : pushes_) {
      const auto& end = ends_.at(call);
      const auto happened = pushed.contains(item);
      if (end == ec{})
        EXPECT_TRUE(happened) << item;
      else if (end != ec::outcome_unknown) // C5
        EXPECT_FALSE(happened) << item;
    }
  }

  [[nodiscard]] std::size_t unknown() const {
    std::size_t count = 0;
    for (const auto& [call, end] : ends_)
      count += end == ec::outcome_unknown ? 1 : 0;
    return count;
  }

  [[nodiscard]] std::size_t ended() const {
    return ended_;
  }

  [[nodiscard]] std::size_t answered() const {
    return ends_.size() - unknown();
  }

private:
  struct event {
    enum class kind { request, answer, greeting, lost } what;
    queue_send send;
    msg::queue_answer answer;
    queue_tick birth;
    bool heard = true; ///< Its answer has a way back.
  };

  void ask() {
    if (caller_.open() == 0 && random_.one_in(3))
      perform(caller_.end_session());
    const auto id = ++calls_;
    msg::queue_request x;
    x.queue = queue_id{1};
    x.verb = queue_verb::pop;
    if (calls_ == 1) {
      x.verb = queue_verb::create;
      x.queue = {};
      x.label = "q";
    } else if (random_.one_in(2)) {
      x.verb = queue_verb::push;
      x.item.number = static_cast<std::int64_t>(id);
      pushes_[id] = x.item.number;
    }
    perform(caller_.call(id, std::move(x), 5s, 0s, at_));
  }

  void later(event x) {
    events_.emplace(at_ + std::chrono::milliseconds{random_.below(200)},
                    std::move(x));
  }

  void perform(queue_effects effects) {
    for (auto& each : effects) {
      if (auto* sent = std::get_if<queue_send>(&each)) {
        event x{event::kind::request, *sent, {}, {}};
        if (!random_.one_in(4)) {
          later(x);
          continue;
        }
        // The connection ends: what was sent arrives late, doubled or never,
        // and answers nobody.
        x.heard = false;
        for (auto copies = random_.below(3); copies > 0; --copies)
          later(x);
        x.what = event::kind::lost;
        later(x);
      } else if (const auto* end = std::get_if<queue_end>(&each)) {
        ++ended_;
        later({event::kind::request,
               {0, end->server, end->request, {}, {}},
               {},
               {},
               false});
      } else if (std::holds_alternative<queue_greet>(each)) {
        later({event::kind::greeting, {}, {}, machine_.clock()});
      } else {
        const auto& told = std::get<queue_told>(each);
        EXPECT_TRUE(ends_.emplace(told.call, ec{}).second); // C3
        if (!told.answer)
          ends_[told.call] = told.answer.error().code;
        else if (told.answer->status != queue_status::done)
          ends_[told.call] = ec::not_found;
        else if (told.answer->status == queue_status::done
                 && told.answer->verb == queue_verb::pop)
          told_items_.push_back(told.answer->item.number);
      }
    }
    caller_.check();
  }

  void step() {
    const auto timer = caller_.next_deadline();
    if (events_.empty() && !timer)
      return;
    if (events_.empty() || (timer && *timer < events_.begin()->first)) {
      at_ = std::max(at_, *timer);
      return perform(caller_.tick(at_));
    }
    auto x = events_.extract(events_.begin());
    at_ = std::max(at_, x.key());
    handle(x.mapped());
  }

  void handle(event& x) {
    switch (x.what) {
      case event::kind::request:
        return execute(x);
      case event::kind::answer:
        return perform(caller_.on_answer(x.send.attempt, x.answer, at_));
      case event::kind::lost:
        return perform(caller_.on_answer(
          x.send.attempt, fail(ec::outcome_unknown, "lost"), at_));
      case event::kind::greeting:
        return perform(caller_.on_greeting(
          queue_greeting_heard{x.birth, true, {}, {}}, {}, at_));
    }
  }

  void execute(event& x) {
    if (random_.one_in(300))
      for (int i = 0; i < 61; ++i)
        tick();
    std::vector requests{x.send.request};
    const auto item = requests[0].item.number;
    const auto before = machine_.queues().items();
    const auto answers = machine_.apply(++k_, requests);
    if (machine_.queues().items() > before)
      executed_pushes_.emplace_back(k_, item);
    x.what = event::kind::answer;
    x.answer = answers[0];
    if (random_.one_in(10))
      x.what = event::kind::lost;
    if (x.heard)
      later(x);
  }

  void tick() {
    msg::queue_request x;
    x.verb = queue_verb::tick;
    x.number = machine_.clock().value() + 1;
    std::vector requests{x};
    (void) machine_.apply(++k_, requests);
  }

  rng random_;
  instant at_;
  queue_caller caller_{{"a", "b", "c"}, [this] {
                         decltype(msg::queue_session::random) bits{};
                         for (auto& b : bits)
                           b = static_cast<std::uint8_t>(random_.below(256));
                         return bits;
                       }};
  queue_machine machine_;
  std::uint64_t k_ = 0;
  queue_call calls_ = 0;
  std::size_t ended_ = 0;
  std::multimap<instant, event> events_;
  std::map<queue_call, std::int64_t> pushes_;
  std::map<queue_call, ec> ends_;
  std::vector<std::int64_t> told_items_;
  std::vector<std::pair<std::uint64_t, std::int64_t>> executed_pushes_;
};

// SPEC Q8: over lost, late and doubled requests and answers, and sessions that
// end.
TEST(QueueCallerProperty, DoesEverythingOnceAndTellsTheTruth) {
  std::size_t unknown = 0;
  std::size_t answered = 0;
  std::size_t ended = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    world x{seed};
    x.run(300);
    x.judge();
    unknown += x.unknown();
    answered += x.answered();
    ended += x.ended();
    if (HasFailure())
      return;
  }
  EXPECT_GT(ended, 0u);              // C6
  EXPECT_GT(unknown, 0u);            // It was bad enough …
  EXPECT_GT(answered, unknown * 10); // … and not too bad.
}

} // namespace
} // namespace dfs::core
