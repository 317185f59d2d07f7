#include "support/sim/world.hpp"

#include "base/assert.hpp"
#include "support/sim/last_words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

namespace {

// One seed makes many: neighbours must not look alike (splitmix64).
std::uint64_t derive(std::uint64_t seed, std::uint64_t stream) {
  auto x = seed + (stream + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Streams of the world's own; nodes come after them.
constexpr std::uint64_t scenario_stream = 0;
constexpr std::uint64_t network_stream = 1;
constexpr std::uint64_t first_node_stream = 16;

} // namespace

// -- world --------------------------------------------------------------------

world::world(world_options options)
  : options_{std::move(options)},
    random_{derive(options_.seed, scenario_stream)},
    network_{derive(options_.seed, network_stream), options_.network} {
  last_words::set(options_.replay);
}

world::~world() {
  last_words::clear();
}

void world::branch(std::uint64_t seed, std::string replay) {
  options_.seed = seed;
  options_.replay = std::move(replay);
  random_ = rng{derive(seed, scenario_stream)};
  network_.reseed(derive(seed, network_stream));
  for (auto& n : nodes_)
    n->random_ = rng{derive(seed, first_node_stream + n->index_)};
  last_words::set(options_.replay);
}

node& world::add_node(process_factory factory) {
  const auto index = static_cast<node_index>(nodes_.size());
  nodes_.push_back(std::make_unique<node>(*this, index, std::move(factory)));
  auto& n = *nodes_.back();
  n.random_ = rng{derive(options_.seed, first_node_stream + index)};
  n.trace_ = trace{options_.trace_depth};
  const auto width = std::uint64_t{options_.clock_rate_error} * 2 + 1;
  const auto rate = static_cast<std::int32_t>(n.random_.below(width))
                    - static_cast<std::int32_t>(options_.clock_rate_error);
  // Steady clocks have nothing in common, wall clocks nearly agree.
  n.clock_ = node_clock{
    rate,
    instant{} + std::chrono::hours{1}
      + up_to(n.random_, std::chrono::hours{1000}),
    std::chrono::milliseconds{1'700'000'000'000 + n.random_.below(1'000)}};
  return n;
}

void world::start(node_index i) {
  auto& n = at(i);
  DFS_ASSERT(n.state_ == node_state::down);
  n.state_ = node_state::running;
  n.exiting_ = false;
  ++n.life_;
  forget(i);
  if (auto* x = n.trace_.add(now_, trace_kind::life))
    x->body = "started";
  n.process_ = n.factory_(n);
  n.process_->on_start();
  settle(n);
}

void world::crash(node_index i) {
  auto& n = at(i);
  if (n.state_ == node_state::down)
    return;
  if (auto* x = n.trace_.add(now_, trace_kind::life))
    x->body = "crashed";
  end_process(n);
}

void world::cut_power(node_index i, power_loss loss) {
  crash(i);
  at(i).disk_.lose_power(at(i).random_, loss);
}

void world::pause(node_index i, std::chrono::nanoseconds duration) {
  auto& n = at(i);
  if (n.state_ == node_state::down)
    return;
  n.state_ = node_state::paused;
  n.wakes_ = std::max(n.wakes_, now_ + duration);
  if (auto* x = n.trace_.add(now_, trace_kind::life))
    x->body = fmt::format("stalls until {}", to_text(n.wakes_));
  const auto life = n.life_;
  schedule(n.wakes_, [this, &n, life] {
    if (n.life_ == life && n.state_ == node_state::paused && now_ >= n.wakes_)
      resume(n);
  });
}

void world::suspend(node_index i, std::chrono::nanoseconds duration) {
  auto& n = at(i);
  if (n.state_ != node_state::running)
    return;
  pause(i, duration);
  n.suspended_ = now_;
}

void world::act(node_index i, const std::function<void()>& f) {
  auto& n = at(i);
  DFS_ASSERT(n.state_ == node_state::running);
  f();
  settle(n);
}

void world::schedule(virtual_time when, std::function<void()> f) {
  add_call(when, {std::move(f), 0, 0});
}

bool world::step() {
  if (broken_ || queue_.empty())
    return false;
  const auto x = queue_.pop();
  DFS_ASSERT(x.due >= now_);
  now_ = x.due;
  ++events_;
  serve(x);
  return !broken_;
}

bool world::run_until(virtual_time when) {
  while (!broken_ && !queue_.empty() && queue_.next().due <= when)
    step();
  if (!broken_)
    now_ = std::max(now_, when);
  return !broken_;
}

bool world::run_until(const std::function<bool()>& done, virtual_time limit) {
  for (;;) {
    if (done())
      return true;
    if (broken_)
      return false;
    if (queue_.empty() || queue_.next().due > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    step();
  }
}

// -- promises -----------------------------------------------------------------

oracle&
world::watch(std::unique_ptr<oracle> x, std::chrono::nanoseconds period) {
  oracles_.push_back({std::move(x), period});
  if (period.count() > 0)
    ask_regularly(oracles_.size() - 1);
  return *oracles_.back().what;
}

void world::ask_regularly(std::size_t index) {
  after(oracles_[index].period, [this, index] {
    auto& x = *oracles_[index].what;
    if (auto wrong = x.at_times(*this))
      report(x.name(), *std::move(wrong));
    ask_regularly(index);
  });
}

void world::check_now() {
  for (const auto& n : nodes_) {
    if (n->process_)
      n->process_->check();
  }
  for (auto& x : oracles_) {
    if (auto wrong = x.what->at_times(*this))
      report(x.what->name(), *std::move(wrong));
  }
}

void world::report(std::string_view oracle_name, std::string what) {
  if (!broken_)
    broken_ = violation{std::string{oracle_name}, std::move(what), now_};
}

std::string world::story(const std::vector<node_index>& about) const {
  std::string text;
  if (broken_)
    text += fmt::format("BROKEN at {}: {}: {}\n", to_text(broken_->when),
                        broken_->oracle, broken_->what);
  text += fmt::format("seed {}, {} nodes, {} events\n", options_.seed, size(),
                      events_);
  for (const auto i : about.empty() ? recent_ : about) {
    const auto& n = at(i);
    text += fmt::format("node {} ({}), life {}, last events:\n", i,
                        to_string(n.ip()), n.life());
    text += past_of(n, options_.describe);
  }
  if (!options_.replay.empty())
    text += fmt::format("replay: {}\n", options_.replay);
  return text;
}

} // namespace dfs::sim
