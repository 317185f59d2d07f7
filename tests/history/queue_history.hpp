#pragma once

#include "base/rng.hpp"
#include "support/history/queue_operation.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

// Right histories of queues, to be spoilt.

namespace dfs::history {

/// Queues that are right by construction: each operation takes effect at once,
/// and gets a call before and a return behind that instant.
class queue_histories {
public:
  explicit queue_histories(std::uint64_t seed) : random_{seed} {
    // nop
  }

  /// One client asks after the other, answers overlap by up to `overlap`.
  std::vector<queue_operation>
  make(std::size_t count, std::int64_t overlap, std::uint64_t unknown_in) {
    std::vector<queue_operation> history;
    for (std::size_t i = 0; i < count; ++i)
      history.push_back(step(choose(), overlap, unknown_in));
    return history;
  }

  /// Pops everything, as a last client that is told everything.
  void drain(std::vector<queue_operation>& history) {
    now_ += 10'000;
    for (auto& [id, items] : queues_) {
      for (bool more = true; more;) {
        queue_operation x;
        x.op = queue_verb::pop;
        x.queue = id;
        history.push_back(step(x, 1, 0));
        more = history.back().reply == queue_reply::ok;
      }
    }
  }

private:
  queue_operation choose() {
    queue_operation x;
    x.proc = static_cast<std::uint32_t>(random_.below(5));
    const auto what = random_.below(100);
    x.queue = static_cast<std::int64_t>(1 + random_.below(4));
    x.label = "q" + std::to_string(random_.below(3));
    if (what < 4) {
      x.op = queue_verb::create;
    } else if (what < 8) {
      x.op = queue_verb::find;
    } else if (what < 9 && destroys) {
      x.op = queue_verb::destroy;
    } else if (what < 50) {
      x.op = queue_verb::push;
      x.item = "item" + std::to_string(++items_);
    } else if (what < 85) {
      x.op = queue_verb::pop;
    } else {
      x.op = what < 92 ? queue_verb::top : queue_verb::size;
    }
    if (x.op == queue_verb::create || x.op == queue_verb::find)
      x.queue = 0;
    else
      x.label.clear();
    return x;
  }

  queue_operation
  step(queue_operation x, std::int64_t overlap, std::uint64_t unknown_in) {
    now_ += 2;
    x.call_ns = now_
                - static_cast<std::int64_t>(
                  random_.below(static_cast<std::uint64_t>(overlap)));
    const auto unknown = unknown_in > 0 && random_.one_in(unknown_in);
    if (!unknown || random_.one_in(2))
      execute(x);
    if (unknown) {
      const auto item = x.op == queue_verb::push ? x.item : std::string{};
      queue_operation asked;
      asked.proc = x.proc;
      asked.op = x.op;
      asked.queue = x.queue;
      asked.label = x.label;
      asked.item = item;
      asked.call_ns = x.call_ns;
      return asked;
    }
    x.result = outcome::done;
    x.ret_ns = now_ + 1
               + static_cast<std::int64_t>(
                 random_.below(static_cast<std::uint64_t>(overlap)));
    return x;
  }

  void execute(queue_operation& x) {
    if (++index_ > random_.below(4)) {
      ++sequence_;
      index_ = 0;
    }
    x.sequence = sequence_;
    x.index = index_;
    if (x.op == queue_verb::create || x.op == queue_verb::find)
      return name(x);
    const auto found = queues_.find(x.queue);
    if (found == queues_.end()) {
      x.reply = queue_reply::no_queue;
      return;
    }
    auto& items = found->second;
    const auto takes = x.op == queue_verb::pop || x.op == queue_verb::top;
    if (takes && items.empty()) {
      x.reply = queue_reply::empty;
      return;
    }
    if (takes)
      x.item = items.front();
    if (x.op == queue_verb::pop)
      items.pop_front();
    if (x.op == queue_verb::push)
      items.push_back(x.item);
    x.value = static_cast<std::int64_t>(items.size());
    if (x.op == queue_verb::destroy) {
      std::erase_if(labels_,
                    [&](const auto& y) { return y.second == x.queue; });
      queues_.erase(found);
    }
  }

  void name(queue_operation& x) {
    const auto known = labels_.find(x.label);
    if (known == labels_.end() && x.op == queue_verb::find) {
      x.reply = queue_reply::no_queue;
      return;
    }
    if (known == labels_.end()) {
      labels_[x.label] = ++made_;
      queues_[made_];
    }
    x.value = labels_[x.label];
  }

public:
  bool destroys = true;

private:
  rng random_;
  std::int64_t now_ = 1'000;
  std::uint64_t sequence_ = 0;
  std::uint32_t index_ = 0;
  std::uint64_t items_ = 0;
  std::int64_t made_ = 0;
  std::map<std::string, std::int64_t> labels_;
  std::map<std::int64_t, std::deque<std::string>> queues_;
};

} // namespace dfs::history
