#include "actors/support/actor_registry.hpp"

#include "actors/support/log.hpp"

#include <caf/type_nr.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

namespace dfs::actors {

namespace {

std::int64_t ticks(instant x) {
  return x.time_since_epoch().count();
}

std::chrono::nanoseconds since(std::int64_t then, instant now) {
  return std::chrono::nanoseconds{std::max<std::int64_t>(0, ticks(now) - then)};
}

// An error text may hold whatever an exception carried.
constexpr std::size_t error_length_max = 500;

} // namespace

std::string to_string(message_type x) {
  if (x.built_in > 0 && x.built_in < caf::type_nrs)
    return caf::numbered_type_names[x.built_in - 1];
  if (x.ours == nullptr)
    return "()";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{
    abi::__cxa_demangle(x.ours->name(), nullptr, nullptr, &status), std::free};
  return status == 0 ? name.get() : x.ours->name();
}

std::chrono::nanoseconds actor_life::stuck_for(instant now) const {
  const auto last = moved_at_.load(std::memory_order_relaxed);
  return waiting() > 0 ? since(last, now) : std::chrono::nanoseconds{0};
}

actor_meter::actor_meter(std::string name, std::string parent,
                         bool waits_for_disks)
  : name_{std::move(name)},
    parent_{std::move(parent)},
    waits_for_disks_{waits_for_disks} {
  // nop
}

std::shared_ptr<actor_life> actor_meter::begin_life(instant now) {
  const std::lock_guard lock{guard_};
  activity_ = msg::actor_activity::starting;
  busy_since_ = not_busy;
  life_ = std::make_shared<actor_life>();
  ++lives_;
  born_ = now;
  return life_;
}

void actor_meter::initialized() {
  activity_.store(msg::actor_activity::idle, std::memory_order_relaxed);
}

void actor_meter::handling_begins(instant now) {
  busy_since_.store(ticks(now), std::memory_order_relaxed);
}

void actor_meter::handling_ends(instant began, instant now, message_type what,
                                bool counts) {
  busy_since_.store(not_busy, std::memory_order_relaxed);
  if (!counts)
    return;
  const auto took = std::max(now - began, instant::duration{0});
  handling_.add(took);
  const auto number = messages_.load(std::memory_order_relaxed);
  auto& slot = recent_[number % recent_.size()];
  slot.ours.store(what.ours, std::memory_order_relaxed);
  slot.built_in.store(what.built_in, std::memory_order_relaxed);
  slot.at.store(ticks(now), std::memory_order_relaxed);
  slot.took.store(took.count(), std::memory_order_relaxed);
  messages_.store(number + 1, std::memory_order_release);
}

void actor_meter::failed(std::string what) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  if (what.size() > error_length_max)
    what.resize(error_length_max);
  const std::lock_guard lock{guard_};
  last_error_ = std::move(what);
}

void actor_meter::ended(std::string reason) {
  activity_.store(msg::actor_activity::ended, std::memory_order_relaxed);
  busy_since_.store(not_busy, std::memory_order_relaxed);
  const std::lock_guard lock{guard_};
  if (!reason.empty())
    last_error_ = std::move(reason);
  life_.reset(); // What still waits is dropped with the mailbox.
}

std::chrono::nanoseconds actor_meter::busy_for(instant now) const {
  const auto began = busy_since_.load(std::memory_order_relaxed);
  return began == not_busy ? std::chrono::nanoseconds{0} : since(began, now);
}

std::chrono::nanoseconds actor_meter::stuck_for(instant now) const {
  const std::lock_guard lock{guard_};
  return life_ ? life_->stuck_for(now) : std::chrono::nanoseconds{0};
}

msg::actor_stats actor_meter::stats(instant now) const {
  msg::actor_stats x;
  x.name = name_;
  x.parent = parent_;
  x.activity = activity_.load(std::memory_order_relaxed);
  x.messages = messages_.load(std::memory_order_acquire);
  x.failures = failures_.load(std::memory_order_relaxed);
  if (busy_since_.load(std::memory_order_relaxed) != not_busy)
    x.activity = msg::actor_activity::busy;
  x.busy_for = busy_for(now);
  const auto handling = handling_.read();
  x.handling_sum = handling.sum;
  x.handling_p50 = handling.quantile(0.5);
  x.handling_p99 = handling.quantile(0.99);
  x.handling_max = handling.max;
  const std::lock_guard lock{guard_};
  x.mailbox = life_ ? life_->waiting() : 0;
  x.restarts = lives_ > 1 ? lives_ - 1 : 0;
  x.age = std::chrono::duration_cast<std::chrono::milliseconds>(
    since(ticks(born_), now));
  x.last_error = last_error_;
  return x;
}

msg::actor_detail actor_meter::detail(instant now) const {
  msg::actor_detail x;
  x.stats = stats(now);
  const auto handling = handling_.read();
  for (std::size_t i = 0; i < handling.counts.size(); ++i)
    if (handling.counts[i] > 0)
      x.handling.push_back(
        {latency_histogram::upper_bound(i), handling.counts[i]});
  const auto number = messages_.load(std::memory_order_acquire);
  const auto kept = std::min<std::uint64_t>(number, recent_.size());
  for (std::uint64_t back = 1; back <= kept; ++back) {
    const auto& slot = recent_[(number - back) % recent_.size()];
    const message_type type{slot.built_in.load(std::memory_order_relaxed),
                            slot.ours.load(std::memory_order_relaxed)};
    x.recent.push_back(
      {to_string(type),
       std::chrono::duration_cast<std::chrono::milliseconds>(
         since(slot.at.load(std::memory_order_relaxed), now)),
       std::chrono::nanoseconds{slot.took.load(std::memory_order_relaxed)}});
  }
  return x;
}

std::shared_ptr<actor_meter> actor_registry::enroll(std::string_view name,
                                                    std::string_view parent,
                                                    bool waits_for_disks) {
  const std::lock_guard lock{guard_};
  for (const auto& meter : meters_)
    if (meter->name() == name)
      return meter;
  // It has a level from now on, which can be set before it first logs.
  (void) log_for(name);
  return meters_.emplace_back(std::make_shared<actor_meter>(
    std::string{name}, std::string{parent}, waits_for_disks));
}

msg::actor_list actor_registry::list(instant now) const {
  msg::actor_list x;
  for (const auto& meter : meters())
    x.actors.push_back(meter->stats(now));
  return x;
}

result<msg::actor_detail>
actor_registry::detail(std::string_view name, instant now) const {
  for (const auto& meter : meters())
    if (meter->name() == name)
      return meter->detail(now);
  return fail(ec::not_found,
              "no actor '" + std::string{name}.substr(0, 64) + "' here");
}

std::vector<std::shared_ptr<const actor_meter>> actor_registry::meters() const {
  const std::lock_guard lock{guard_};
  return {meters_.begin(), meters_.end()};
}

} // namespace dfs::actors
