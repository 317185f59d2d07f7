#include "base/assert.hpp"
#include "core/queues/queue_caller.hpp"
#include "core/queues/queue_rules.hpp"
#include "messages/queue_end.hpp"

#include <algorithm>

// What its user asks a caller for.

namespace dfs::core {

using std::chrono::milliseconds;

queue_effects queue_caller::call(queue_call id, msg::queue_request what,
                                 milliseconds timeout, milliseconds wait,
                                 instant now) {
  queue_effects out;
  what.session = {};
  what.number = 0;
  what.first = 1;
  // Judged as it will be sent.
  auto sample = what;
  sample.number = 1;
  sample.session.random.fill(1);
  if (const auto good = check_request(sample); !good) {
    out.emplace_back(queue_told{id, good.error(), {}});
    return out;
  }
  if (calls_.size() >= options_.calls_max) {
    out.emplace_back(
      queue_told{id, fail(ec::busy, "too many requests wait"), {}});
    return out;
  }
  make_ready(add(id, std::move(what), timeout, wait, now));
  advance(now, out);
  return out;
}

queue_caller::calls::iterator
queue_caller::add(queue_call id, msg::queue_request what, milliseconds timeout,
                  milliseconds wait, instant now) {
  const auto [x, fresh] = calls_.try_emplace(id);
  DFS_ASSERT(fresh);
  x->second.request = std::move(what);
  x->second.wait_until = now + wait;
  x->second.deadline
    = now + timeout + (x->second.request.wait ? wait : milliseconds{0});
  x->second.last_try = x->second.deadline - timeout / 10;
  return x;
}

queue_effects queue_caller::call_again(queue_call id, msg::queue_request what,
                                       milliseconds timeout, milliseconds wait,
                                       instant now) {
  queue_effects out;
  // Its client has answers below perhaps, and perhaps not.
  what.first
    = what.number < options_.window ? 1 : what.number - options_.window + 1;
  if (const auto good = check_request(what); !good) {
    out.emplace_back(queue_told{id, good.error(), {}});
    return out;
  }
  const auto x = add(id, std::move(what), timeout, wait, now);
  x->second.again = x->second.maybe_done = true;
  make_ready(x);
  advance(now, out);
  return out;
}

queue_effects queue_caller::end_waits(instant now) {
  queue_effects out;
  for (auto x = calls_.begin(); x != calls_.end(); ++x) {
    if (!x->second.request.wait || x->second.wait_until <= now)
      continue;
    x->second.wait_until = now;
    // The same number without waiting: whichever copy comes first counts.
    if (x->second.now == phase::sent) {
      attempts_.erase(x->second.attempt);
      note_loss(x->second);
      x->second.maybe_done = true;
      make_ready(x);
    }
  }
  advance(now, out);
  return out;
}

// -- the end of a session -----------------------------------------------------

void queue_caller::note_answer(const pending& x) {
  if (x.request.number == 0 || x.generation != window_.generation())
    return;
  endable_ = endable_ && host_.value_or(x.server) == x.server;
  host_ = x.server;
}

void queue_caller::note_loss(const pending& x) {
  if (x.request.number != 0 && x.generation == window_.generation())
    endable_ = false;
}

queue_effects queue_caller::end_session() {
  queue_effects out;
  if (!window_.is_open() || !host_ || !endable_ || !calls_.empty())
    return out;
  msg::queue_request x;
  x.verb = msg::queue_end_session;
  x.session = window_.session();
  x.number = x.first = window_.first();
  window_.end();
  out.emplace_back(queue_end{servers_.address(*host_), std::move(x)});
  return out;
}

} // namespace dfs::core
