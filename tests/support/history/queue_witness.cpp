#include "support/history/queue_checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace dfs::history {

namespace {

constexpr std::size_t violations_max = 20;
constexpr const char* verbs[]
  = {"create", "find", "destroy", "push", "pop", "top", "size"};

std::tuple<std::uint64_t, std::uint32_t> place_of(const queue_operation& x) {
  return {x.sequence, x.index};
}

/// Operations of unknown outcome that may explain something, each once.
class spares {
public:
  void add(const queue_operation& x) {
    calls_.insert(x.call_ns);
  }

  /// So many that were called before `now`: the last of them, since earlier
  /// ones serve whatever these serve.
  bool take(std::size_t count, std::int64_t now) {
    auto from = calls_.lower_bound(now);
    const auto end = from;
    for (; count > 0; --count, --from)
      if (from == calls_.begin())
        return false;
    calls_.erase(from, end);
    return true;
  }

private:
  std::multiset<std::int64_t> calls_;
};

class witness {
public:
  explicit witness(std::span<const queue_operation> history) {
    for (const auto& x : history)
      add(x);
  }

  queue_report run() {
    std::sort(done_.begin(), done_.end(), [](const auto* a, const auto* b) {
      return place_of(*a) < place_of(*b);
    });
    for (std::size_t i = 1; i < done_.size(); ++i)
      if (place_of(*done_[i - 1]) == place_of(*done_[i]))
        violation(*done_[i], "has the place of the {}", to_text(*done_[i - 1]));
    check_time();
    for (const auto* x : done_)
      if (x->op == queue_verb::pop || x->op == queue_verb::top)
        seen_[x->item] = place_of(*x);
    for (const auto* x : done_)
      replay(*x);
    report_.operations = done_.size();
    return std::move(report_);
  }

private:
  using items = std::deque<std::string>;

  void add(const queue_operation& x) {
    if (x.op == queue_verb::push && !pushes_.emplace(x.item, &x).second)
      violation(x, "pushes an item that another one pushes: no history");
    if (x.result == outcome::done)
      done_.push_back(&x);
    if (x.result != outcome::unknown)
      return;
    ++report_.unknown;
    if (x.op == queue_verb::push)
      open_[x.queue].insert(x.call_ns);
    else if (x.op == queue_verb::pop)
      pops_[x.queue].add(x);
    else if (x.op == queue_verb::destroy)
      destroys_[x.queue].add(x);
    else if (x.op == queue_verb::create)
      creates_[x.label].add(x);
  }

  template <class... Args>
  void violation(const queue_operation& x, fmt::format_string<Args...> text,
                 Args&&... args) {
    if (report_.violations.size() < violations_max)
      report_.violations.push_back(
        fmt::format("{} at {}.{} {}", to_text(x), x.sequence, x.index,
                    fmt::format(text, std::forward<Args>(args)...)));
  }

  void check_time() {
    auto by_call = done_;
    auto by_return = done_;
    std::sort(by_call.begin(), by_call.end(), [](const auto* a, const auto* b) {
      return a->call_ns < b->call_ns;
    });
    std::sort(
      by_return.begin(), by_return.end(),
      [](const auto* a, const auto* b) { return a->ret_ns < b->ret_ns; });
    const queue_operation* last = nullptr;
    std::size_t at = 0;
    for (const auto* x : by_call) {
      for (; at < by_return.size() && by_return[at]->ret_ns < x->call_ns; ++at)
        if (last == nullptr || place_of(*by_return[at]) > place_of(*last))
          last = by_return[at];
      if (last != nullptr && place_of(*last) > place_of(*x))
        violation(*x, "was called after the {} at {}.{} had returned",
                  to_text(*last), last->sequence, last->index);
    }
  }

  void replay(const queue_operation& x) {
    if (x.op == queue_verb::create || x.op == queue_verb::find)
      return name(x);
    auto* queue = find_queue(x);
    if (queue == nullptr)
      return;
    switch (x.op) {
      case queue_verb::destroy:
        check_size(x, *queue, x.value);
        return remove(x.queue);
      case queue_verb::push:
        check_size(x, *queue, x.value - 1);
        queue->push_back(x.item);
        return;
      case queue_verb::pop:
      case queue_verb::top:
        return check_front(x, *queue);
      default:
        return check_size(x, *queue, x.value);
    }
  }

  // -- labels and ids ---------------------------------------------------------

  void name(const queue_operation& x) {
    const auto known = labels_.find(x.label);
    const auto there = known != labels_.end();
    if (there && x.reply == queue_reply::ok && x.value == known->second)
      return;
    // Else the one that is known is gone, by an unknown destroy.
    if (there) {
      if (!destroys_[known->second].take(1, x.ret_ns))
        return violation(x, "says {}; the label has queue {}", x.value,
                         known->second);
      remove(known->second);
    }
    if (x.reply != queue_reply::ok)
      return;
    if (x.value <= 0)
      return violation(x, "says id {}", x.value);
    const auto made_now = x.op == queue_verb::create && x.value > newest_;
    if (!made_now && !creates_[x.label].take(1, x.ret_ns))
      return violation(x, "says {}, an id that this label does not have",
                       x.value);
    if (names_.contains(x.value) || gone_.contains(x.value))
      return violation(x, "says {}, an id that was given before", x.value);
    give(x.value, x.label);
  }

  void give(std::int64_t id, const std::string& label) {
    newest_ = std::max(newest_, id);
    queues_[id];
    labels_[label] = id;
    names_[id] = label;
  }

  void remove(std::int64_t id) {
    queues_.erase(id);
    gone_.insert(id);
    const auto name = names_.find(id);
    if (name != names_.end())
      labels_.erase(name->second);
  }

  /// The queue that x has worked on; null: none, which is checked, too.
  items* find_queue(const queue_operation& x) {
    const auto found = queues_.find(x.queue);
    if (x.reply == queue_reply::no_queue) {
      if (found == queues_.end())
        return nullptr;
      if (destroys_[x.queue].take(1, x.ret_ns))
        remove(x.queue);
      else
        violation(x, "found no queue, which is there");
      return nullptr;
    }
    if (found != queues_.end())
      return &found->second;
    // Somebody guessed the id of one whose making nobody was told of.
    if (gone_.contains(x.queue) || creates_.empty()) {
      violation(x, "found a queue that is not there");
      return nullptr;
    }
    return &queues_[x.queue];
  }

  // -- items ------------------------------------------------------------------

  void check_size(const queue_operation& x, items& queue, std::int64_t size) {
    const auto known = static_cast<std::int64_t>(queue.size());
    if (size < known)
      drop(x, queue,
           static_cast<std::size_t>(known - std::max<std::int64_t>(size, 0)));
    if (size <= known && size >= 0)
      return;
    const auto& open = open_[x.queue];
    const auto able = std::distance(open.begin(), open.lower_bound(x.ret_ns));
    if (size < 0 || able < size - known)
      violation(x, "says {}; {} items are there", x.value, known);
  }

  /// Somebody must have popped the first ones, who was not told so. Not those
  /// that are seen later; but of an unknown push it is not known how far in
  /// front its item was put, so those behind it may have gone before.
  bool drop(const queue_operation& x, items& queue, std::size_t count) {
    if (!pops_[x.queue].take(count, x.ret_ns)) {
      violation(x, "does not find '{}', which is first", queue.front());
      return false;
    }
    for (std::size_t at = 0; count > 0;) {
      const auto seen = at < queue.size() ? seen_.find(queue[at]) : seen_.end();
      const auto later = seen != seen_.end() && seen->second >= place_of(x);
      if (at == queue.size() || (later && !floating_.contains(queue[at]))) {
        violation(x, "is possible only if '{}' is gone, which is seen later",
                  queue[std::min(at, queue.size() - 1)]);
        return false;
      }
      if (later) {
        ++at;
        continue;
      }
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
      --count;
    }
    return true;
  }

  void check_front(const queue_operation& x, items& queue) {
    if (x.reply == queue_reply::empty) {
      if (!queue.empty())
        drop(x, queue, queue.size());
      return;
    }
    if (!bring_to_front(x, queue))
      return;
    if (x.op == queue_verb::pop) {
      queue.pop_front();
      popped_.emplace(x.item, &x);
    }
    check_size(x, queue, x.value);
  }

  bool bring_to_front(const queue_operation& x, items& queue) {
    if (!queue.empty() && queue.front() == x.item)
      return true;
    const auto push = pushes_.find(x.item);
    if (push == pushes_.end()) {
      violation(x, "has '{}', which nobody pushed", x.item);
      return false;
    }
    const auto& pushed = *push->second;
    if (const auto before = popped_.find(x.item); before != popped_.end()) {
      violation(x, "has '{}', which went to the {}", x.item,
                to_text(*before->second));
      return false;
    }
    if (pushed.queue != x.queue || pushed.result == outcome::refused) {
      violation(x, "has '{}' of the {}", x.item, to_text(pushed));
      return false;
    }
    const auto in = std::find(queue.begin(), queue.end(), x.item);
    if (in != queue.end()) {
      const auto dropped
        = drop(x, queue, static_cast<std::size_t>(in - queue.begin()));
      if (dropped && queue.front() != x.item)
        violation(x, "has '{}'; '{}' was first", x.item, queue.front());
      return dropped && queue.front() == x.item;
    }
    auto& open = open_[x.queue];
    const auto unseen = open.find(pushed.call_ns);
    if (pushed.result != outcome::unknown || unseen == open.end()
        || pushed.call_ns > x.ret_ns) {
      violation(x, "has '{}', which is not there", x.item);
      return false;
    }
    open.erase(unseen);
    ++report_.unknown_seen;
    floating_.insert(x.item);
    queue.push_front(x.item);
    return true;
  }

  queue_report report_;
  std::vector<const queue_operation*> done_;
  std::unordered_map<std::string, const queue_operation*> pushes_;
  std::unordered_map<std::string, const queue_operation*> popped_;
  /// Where an answer shows an item for the last time.
  std::unordered_map<std::string, std::tuple<std::uint64_t, std::uint32_t>>
    seen_;
  std::set<std::string> floating_; ///< Items whose exact place is not known.
  // Of unknown outcome. Pushes that nothing shows, by their calls.
  std::map<std::int64_t, std::multiset<std::int64_t>> open_;
  std::map<std::int64_t, spares> pops_;
  std::map<std::int64_t, spares> destroys_;
  std::map<std::string, spares> creates_;
  // The queues, as of the last operation.
  std::map<std::int64_t, items> queues_;
  std::map<std::string, std::int64_t> labels_;
  std::map<std::int64_t, std::string> names_;
  std::set<std::int64_t> gone_;
  std::int64_t newest_ = 0;
};

} // namespace

std::string to_text(const queue_operation& x) {
  const auto what = x.op == queue_verb::create || x.op == queue_verb::find
                      ? "'" + x.label + "'"
                      : "queue " + std::to_string(x.queue);
  return fmt::format("{} of {} by proc {} [{} .. {}]",
                     verbs[static_cast<int>(x.op)], what, x.proc, x.call_ns,
                     x.result == outcome::unknown ? "?"
                                                  : std::to_string(x.ret_ns));
}

queue_report check_witness(std::span<const queue_operation> history) {
  return witness{history}.run();
}

} // namespace dfs::history
