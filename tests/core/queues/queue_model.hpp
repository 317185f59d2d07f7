#pragma once

#include "core/queues/queue_limits.hpp"
#include "messages/queue.hpp"
#include "messages/queue_end.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace dfs::test {

/// What queues and sessions are, as simply as it can be said: nothing is
/// forgotten, everything is counted anew each time.
struct queue_model {
  struct session {
    std::uint64_t first = 1;
    std::uint64_t used = 0;
    std::map<std::uint64_t, msg::queue_answer> told; ///< All there ever were.

    [[nodiscard]] std::uint64_t bytes() const {
      std::uint64_t sum = 0;
      for (auto x = told.lower_bound(first); x != told.end(); ++x)
        sum += core::cost_of(x->second.item);
      return sum;
    }
  };

  core::queue_limits limits;
  std::map<std::string, std::int64_t> labels;
  std::map<std::int64_t, std::list<msg::queue_item>> queues;
  std::int64_t made = 0;
  std::uint64_t clock = 0;
  std::map<msg::queue_session, session> sessions;
  std::set<msg::queue_session> dead; ///< For ever.

  msg::queue_answer ask(const msg::queue_request& x, msg::queue_place place) {
    msg::queue_answer a;
    a.session = x.session;
    a.number = x.number;
    a.verb = x.verb;
    a.place = place;
    if (x.verb == msg::queue_verb::tick)
      return tick(x, a);
    if (x.verb == msg::queue_end_session) {
      sessions.erase(x.session); // As if it had never been.
      a.status = status::done;
      return a;
    }
    if (x.verb == msg::queue_verb::find || x.verb == msg::queue_verb::top
        || x.verb == msg::queue_verb::size) {
      const auto of = sessions.find(x.session);
      if (of != sessions.end())
        use(of->second, x);
      read(x, a);
      return a;
    }
    if (const auto refused = admit(x)) {
      a.status = *refused;
      return a;
    }
    auto& told = sessions.at(x.session).told;
    if (const auto known = told.find(x.number); known != told.end()) {
      if (known->second.verb == x.verb)
        return known->second;
      a.status = msg::queue_status::invalid;
      return a;
    }
    execute(x, a);
    if (a.status != msg::queue_status::waiting)
      told[x.number] = a;
    return a;
  }

private:
  using status = msg::queue_status;
  using verb = msg::queue_verb;

  static void set(msg::queue_answer& a, status how, std::int64_t value = -1) {
    a.status = how;
    a.value = value;
  }

  msg::queue_answer tick(const msg::queue_request& x, msg::queue_answer& a) {
    if (x.number == clock + 1) {
      ++clock;
      for (auto at = sessions.begin(); at != sessions.end();) {
        const auto over = clock - at->second.used > limits.session_ticks;
        if (over)
          dead.insert(at->first);
        at = over ? sessions.erase(at) : std::next(at);
      }
    }
    set(a, status::done, static_cast<std::int64_t>(clock));
    return a;
  }

  void use(session& s, const msg::queue_request& x) const {
    s.used = clock;
    s.first = std::max(s.first, x.first);
  }

  std::optional<status> admit(const msg::queue_request& x) {
    if (x.number >= x.first + limits.window)
      return status::outside_window;
    if (dead.contains(x.session))
      return status::session_expired;
    if (!sessions.contains(x.session)) {
      const auto birth = x.session.birth.value();
      if (birth > clock || birth + limits.session_ticks < clock)
        return status::session_expired;
      if (sessions.size() >= limits.sessions)
        return status::busy;
    }
    auto& s = sessions[x.session];
    use(s, x);
    if (x.number < s.first || x.number >= s.first + limits.window)
      return status::outside_window;
    return std::nullopt;
  }

  [[nodiscard]] std::uint64_t items() const {
    std::uint64_t sum = 0;
    for (const auto& [id, x] : queues)
      sum += x.size();
    return sum;
  }

  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [id, x] : queues)
      for (const auto& item : x)
        sum += core::cost_of(item);
    for (const auto& [id, x] : sessions)
      sum += x.bytes();
    return sum;
  }

  void execute(const msg::queue_request& x, msg::queue_answer& a) {
    const auto id = static_cast<std::int64_t>(x.queue.value());
    const auto there = queues.contains(id);
    if (x.verb == verb::create) {
      if (labels.contains(x.label))
        return set(a, status::done, labels[x.label]);
      if (queues.size() >= limits.queues)
        return set(a, status::full);
      labels[x.label] = ++made;
      queues[made];
      return set(a, status::done, made);
    }
    if (!there)
      return set(a, status::no_queue);
    auto& queue = queues[id];
    if (x.verb == verb::destroy) {
      set(a, status::done, static_cast<std::int64_t>(queue.size()));
      queues.erase(id);
      std::erase_if(labels, [&](const auto& y) { return y.second == id; });
    } else if (x.verb == verb::push) {
      if (items() >= limits.items
          || bytes() + core::cost_of(x.item) > limits.bytes)
        return set(a, status::full);
      queue.push_back(x.item);
      set(a, status::done, static_cast<std::int64_t>(queue.size()));
    } else {
      pop(queue, x, a);
    }
  }

  void pop(std::list<msg::queue_item>& queue, const msg::queue_request& x,
           msg::queue_answer& a) {
    if (queue.empty())
      return set(a, x.wait ? status::waiting : status::empty);
    if (sessions.at(x.session).bytes() + core::cost_of(queue.front())
        > limits.unread_bytes)
      return set(a, status::unread);
    a.item = queue.front();
    queue.pop_front();
    set(a, status::done, static_cast<std::int64_t>(queue.size()));
  }

  void read(const msg::queue_request& x, msg::queue_answer& a) {
    auto id = static_cast<std::int64_t>(x.queue.value());
    if (x.verb == verb::find)
      id = labels.contains(x.label) ? labels[x.label] : 0;
    if (!queues.contains(id))
      return set(a, status::no_queue);
    const auto& queue = queues[id];
    if (x.verb == verb::find)
      return set(a, status::done, id);
    if (x.verb == verb::top && queue.empty())
      return set(a, status::empty);
    if (x.verb == verb::top)
      a.item = queue.front();
    set(a, status::done, static_cast<std::int64_t>(queue.size()));
  }
};

} // namespace dfs::test
