#include "core/queues/waiting_pops.hpp"

#include "base/assert.hpp"

#include <limits>
#include <set>

namespace dfs::core {

using msg::queue_status;
using msg::queue_verb;

namespace {

constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

} // namespace

bool waiting_pops::add(const msg::queue_request& pop) {
  DFS_ASSERT(pop.verb == queue_verb::pop && pop.wait);
  const auto fresh = pops_
                       .try_emplace(key{pop.session, pop.number},
                                    waiter{pop, arrivals_ + 1, clock_, true})
                       .second;
  if (!fresh)
    return false;
  ++arrivals_;
  ++lines_[pop.queue].under_way;
  return true;
}

void waiting_pops::drop(const msg::queue_session& session,
                        std::uint64_t number) {
  const auto found = pops_.find(key{session, number});
  if (found != pops_.end())
    remove(found);
}

std::optional<msg::queue_request>
waiting_pops::give_up(const msg::queue_session& session, std::uint64_t number) {
  const auto found = pops_.find(key{session, number});
  if (found == pops_.end())
    return std::nullopt;
  auto& x = found->second;
  x.pop.wait = false;
  if (!x.under_way) {
    auto& line = lines_.at(x.pop.queue);
    line.sleeping.erase(x.arrival);
    ++line.under_way;
    x.under_way = true;
  }
  return x.pop;
}

waiting_pops::requests
waiting_pops::on_applied(std::span<const msg::queue_request> requests,
                         std::span<const msg::queue_answer> answers,
                         const queue_table& queues) {
  DFS_ASSERT(requests.size() == answers.size());
  waiting_pops::requests to_submit;
  if (pops_.empty())
    return to_submit;
  std::set<queue_id> touched;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (answers[i].verb == queue_verb::pop)
      on_answer(answers[i]);
    // A pop, too: one that took nothing after all leaves its item to another.
    if (lines_.contains(requests[i].queue))
      touched.insert(requests[i].queue);
  }
  for (const auto queue : touched) {
    const auto* x = queues.get(queue);
    wake(queue, x != nullptr ? x->items.size() : no_limit, to_submit);
  }
  return to_submit;
}

void waiting_pops::on_answer(const msg::queue_answer& answer) {
  const auto found = pops_.find(key{answer.session, answer.number});
  if (found == pops_.end())
    return;
  if (answer.status != queue_status::waiting)
    remove(found);
  // One whose time is over has a final request under way behind this one.
  else if (found->second.pop.wait)
    put_aside(found->first, found->second);
}

void waiting_pops::put_aside(const key& which, waiter& x) {
  if (!x.under_way)
    return;
  auto& line = lines_.at(x.pop.queue);
  line.sleeping.emplace(x.arrival, which);
  --line.under_way;
  x.under_way = false;
}

void waiting_pops::wake(queue_id queue, std::uint64_t most,
                        requests& to_submit) {
  const auto found = lines_.find(queue);
  if (found == lines_.end())
    return;
  auto& line = found->second;
  while (line.under_way < most && !line.sleeping.empty()) {
    const auto first = line.sleeping.begin();
    auto& x = pops_.at(first->second);
    x.under_way = true;
    x.submitted = clock_;
    ++line.under_way;
    to_submit.push_back(x.pop);
    line.sleeping.erase(first);
  }
}

waiting_pops::requests
waiting_pops::renew(queue_tick clock, std::uint64_t ticks) {
  clock_ = clock;
  requests to_submit;
  for (auto& [which, x] : pops_) {
    if (x.under_way || clock.value() - x.submitted.value() < ticks)
      continue;
    auto& line = lines_.at(x.pop.queue);
    line.sleeping.erase(x.arrival);
    ++line.under_way;
    x.under_way = true;
    x.submitted = clock;
    to_submit.push_back(x.pop);
  }
  return to_submit;
}

waiting_pops::requests waiting_pops::submit_all() {
  requests to_submit;
  for (auto& [queue, line] : lines_)
    wake(queue, no_limit, to_submit);
  to_submit.clear();
  std::map<std::uint64_t, const msg::queue_request*> by_arrival;
  for (const auto& [which, x] : pops_)
    by_arrival.emplace(x.arrival, &x.pop);
  for (const auto& [arrival, pop] : by_arrival)
    to_submit.push_back(*pop);
  return to_submit;
}

void waiting_pops::remove(std::map<key, waiter>::iterator which) {
  const auto& x = which->second;
  const auto found = lines_.find(x.pop.queue);
  if (x.under_way)
    --found->second.under_way;
  else
    found->second.sleeping.erase(x.arrival);
  if (found->second.under_way == 0 && found->second.sleeping.empty())
    lines_.erase(found);
  pops_.erase(which);
}

} // namespace dfs::core
