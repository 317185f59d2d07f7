#include "support/history/queue_checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

namespace dfs::history {

namespace {

constexpr std::size_t violations_max = 20;

/// One queue: what went in and what came out.
class drain_check {
public:
  drain_check(std::int64_t queue, queue_report& report)
    : queue_{queue},
      report_{report} {
    // nop
  }

  void add(const queue_operation& x) {
    if (x.op == queue_verb::push) {
      if (!pushes_.emplace(x.item, &x).second)
        violation("'{}' was pushed twice: no history", x.item);
      return;
    }
    if (x.op != queue_verb::pop || x.result == outcome::refused)
      return;
    if (x.result == outcome::unknown)
      ++unknown_pops_;
    else if (x.reply == queue_reply::ok)
      take(x);
    else if (x.reply == queue_reply::empty)
      found_empty_ = std::max(found_empty_, x.call_ns);
  }

  void run() {
    check_outcomes();
    check_order();
    report_.operations += pushes_.size() + pops_.size();
  }

private:
  template <class... Args>
  void violation(fmt::format_string<Args...> text, Args&&... args) {
    if (report_.violations.size() < violations_max)
      report_.violations.push_back(
        fmt::format("queue {}: {}", queue_,
                    fmt::format(text, std::forward<Args>(args)...)));
  }

  void take(const queue_operation& x) {
    const auto [known, fresh] = pops_.emplace(x.item, &x);
    if (!fresh)
      violation("'{}' came out twice: {}; {}", x.item, to_text(*known->second),
                to_text(x));
  }

  static bool is_acknowledged(const queue_operation& push) {
    return push.result == outcome::done && push.reply == queue_reply::ok;
  }
  static bool is_refused(const queue_operation& push) {
    return push.result != outcome::unknown && !is_acknowledged(push);
  }

  void check_outcomes() {
    std::vector<std::string> missing;
    auto last = std::numeric_limits<std::int64_t>::min();
    for (const auto& [item, x] : pushes_) {
      const auto out = pops_.contains(item);
      if (is_acknowledged(*x))
        last = std::max(last, x->ret_ns);
      if (is_refused(*x) && out)
        violation("'{}' was refused and came out", item);
      if (is_acknowledged(*x) && !out)
        missing.push_back(item);
      if (x->result == outcome::unknown) {
        ++report_.unknown;
        report_.unknown_seen += out ? 1 : 0;
      }
    }
    report_.unknown += unknown_pops_;
    for (const auto& [item, x] : pops_) {
      const auto push = pushes_.find(item);
      if (push == pushes_.end())
        violation("'{}' came out and was never pushed", item);
      else if (push->second->call_ns > x->ret_ns)
        violation("'{}' came out before it was pushed", item);
    }
    if (found_empty_ < last)
      violation("it was not drained: that proves nothing");
    if (missing.size() > unknown_pops_) {
      std::sort(missing.begin(), missing.end());
      violation("{} acknowledged items are lost, and {} pops of unknown "
                "outcome may have them; the first is '{}'",
                missing.size(), unknown_pops_, missing.front());
    }
  }

  // Who went in wholly after another comes out wholly before it.
  void check_order() {
    struct passage {
      const queue_operation* push;
      const queue_operation* pop;
    };
    std::vector<passage> by_call;
    for (const auto& [item, pop] : pops_)
      if (const auto push = pushes_.find(item); push != pushes_.end())
        by_call.push_back({push->second, pop});
    auto by_return = by_call;
    std::erase_if(by_return,
                  [](const passage& x) { return !is_acknowledged(*x.push); });
    std::sort(by_call.begin(), by_call.end(), [](const auto& a, const auto& b) {
      return a.push->call_ns < b.push->call_ns;
    });
    std::sort(by_return.begin(), by_return.end(),
              [](const auto& a, const auto& b) {
                return a.push->ret_ns < b.push->ret_ns;
              });
    const passage* latest = nullptr; // Of those in before: the last one out.
    std::size_t at = 0;
    for (const auto& x : by_call) {
      for (; at < by_return.size()
             && by_return[at].push->ret_ns < x.push->call_ns;
           ++at)
        if (latest == nullptr
            || by_return[at].pop->call_ns > latest->pop->call_ns)
          latest = &by_return[at];
      if (latest != nullptr && latest->pop->call_ns > x.pop->ret_ns)
        violation("'{}' was in before '{}' was pushed, and came out after it",
                  latest->push->item, x.push->item);
    }
  }

  const std::int64_t queue_;
  queue_report& report_;
  std::unordered_map<std::string, const queue_operation*> pushes_;
  std::unordered_map<std::string, const queue_operation*> pops_;
  std::size_t unknown_pops_ = 0;
  std::int64_t found_empty_ = std::numeric_limits<std::int64_t>::min();
};

} // namespace

queue_report check_drained(std::span<const queue_operation> history) {
  queue_report report;
  std::map<std::int64_t, drain_check> queues;
  for (const auto& x : history)
    if (x.op == queue_verb::push || x.op == queue_verb::pop)
      queues.try_emplace(x.queue, x.queue, report).first->second.add(x);
  for (auto& [id, x] : queues)
    x.run();
  return report;
}

} // namespace dfs::history
