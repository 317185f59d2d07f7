#include "lane.hpp"

#include "support/bench_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::bench {

namespace {

using msg::queue_status;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds after_error{20};
constexpr std::size_t said_max = 10;

} // namespace

void tally::answer(steady_clock::time_point asked) {
  const auto now = steady_clock::now();
  const std::chrono::duration<double, std::micro> took = now - asked;
  const std::chrono::duration<double, std::milli> gap = now - last_answer;
  latencies_us.push_back(took.count());
  if (answered++ > 0)
    longest_gap_ms = std::max(longest_gap_ms, gap.count());
  last_answer = now;
}

void tally::violate(std::string what) {
  ++violations;
  if (said.size() < said_max)
    said.push_back(std::move(what));
}

lane::lane(boost::asio::io_context& io,
           std::shared_ptr<client::queue_client> by, std::string label,
           lane_options options, tally& all)
  : by_{std::move(by)},
    label_{std::move(label)},
    options_{options},
    all_{all},
    timer_{io} {
  // nop
}

void lane::start(std::function<void()> made) {
  by_->create(label_, [this, made = std::move(made)](const auto& answer) {
    if (!answer || answer->status != queue_status::done)
      fail(label_ + " cannot be made: "
             + (answer ? "refused" : answer.error().context),
           0);
    queue_ = queue_id{static_cast<std::uint64_t>(answer->value)};
    made();
    next();
  });
}

void lane::stop(std::function<void()> ended) {
  ended_ = std::move(ended);
  stopping_ = true;
}

void lane::next() {
  if (stopping_)
    return pop();
  if (inside_.size() < options_.depth)
    pushing_ = true;
  if (std::exchange(pushing_, !pushing_))
    push();
  else
    pop();
}

std::string lane::make_item() {
  auto item = fmt::format("{:016x}", ++serial_);
  item.resize(options_.item_bytes, 'x');
  return item;
}

void lane::push() {
  auto item = make_item();
  inside_.push_back({item, false});
  by_->push(queue_, std::move(item),
            [this, asked = steady_clock::now()](const auto& answer) {
              if (!answer && answer.error().code == ec::outcome_unknown)
                inside_.back().maybe = true;
              if (!answer && answer.error().code != ec::outcome_unknown)
                inside_.pop_back();
              if (!answer)
                return go_on(&answer.error());
              all_.answer(asked);
              if (answer->status != queue_status::done)
                all_.violate(label_ + ": a push was refused");
              go_on(nullptr);
            });
}

void lane::pop() {
  by_->pop(queue_, {}, [this, asked = steady_clock::now()](const auto& answer) {
    if (answer)
      all_.answer(asked);
    popped(answer);
  });
}

void lane::popped(const result<msg::queue_answer>& answer) {
  if (!answer) {
    if (answer.error().code == ec::outcome_unknown)
      ++unknown_pops_;
    return go_on(&answer.error());
  }
  if (answer->status == queue_status::done) {
    compare(answer->item.bytes);
    return go_on(nullptr);
  }
  // Nothing is there: nothing may have to be there.
  const auto certain = static_cast<std::size_t>(std::count_if(
    inside_.begin(), inside_.end(), [](const auto& x) { return !x.maybe; }));
  if (certain > unknown_pops_)
    all_.violate(
      fmt::format("{}: {} items are lost", label_, certain - unknown_pops_));
  inside_.clear();
  unknown_pops_ = 0;
  if (stopping_)
    return ended_();
  go_on(nullptr);
}

/// Those before it must be explained: never pushed, or popped by somebody who
/// was not told.
void lane::compare(const std::string& item) {
  const auto found
    = std::find_if(inside_.begin(), inside_.end(),
                   [&](const auto& x) { return x.item == item; });
  if (found == inside_.end())
    return all_.violate(label_ + ": " + item + " came out twice, or of itself");
  for (auto x = inside_.begin(); x != found; ++x) {
    if (x->maybe)
      continue;
    if (unknown_pops_ == 0)
      all_.violate(label_ + ": " + x->item + " is lost or overtaken");
    else
      --unknown_pops_;
  }
  inside_.erase(inside_.begin(), found + 1);
}

void lane::go_on(const error* reason) {
  if (reason != nullptr)
    ++(reason->code == ec::outcome_unknown ? all_.unknown : all_.errors);
  const auto pause = reason != nullptr ? std::max(after_error, options_.pause)
                                       : options_.pause;
  if (pause.count() == 0 || (stopping_ && reason == nullptr))
    return next();
  timer_.expires_after(pause);
  timer_.async_wait([this](auto failed) {
    if (!failed)
      next();
  });
}

} // namespace dfs::bench
