#include "support/history/append_checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace dfs::history {

namespace {

constexpr std::size_t violations_max = 20;

/// One file: what was asked for, and what is there.
class file_check {
public:
  file_check(std::string key, append_report& report)
    : key_{std::move(key)},
      report_{report} {
    // nop
  }

  void add(const operation& x) {
    if (x.op == verb::scan) {
      if (x.result == outcome::done)
        scans_.push_back(&x);
      return;
    }
    if (!asked_.emplace(x.record, &x).second)
      violation("record {} was asked for twice: no history", x.record);
  }

  void add(const replica_content& x) {
    for (const auto& flaw : x.flaws)
      violation("{}: {}", x.replica, flaw);
    const auto [known, first] = stretches_.emplace(x.begin, &x);
    if (!first)
      compare(*known->second, x);
  }

  void run() {
    lay_out();
    for (const auto& [record, x] : asked_)
      check_outcome(*x);
    check_order();
    check_scans();
  }

private:
  template <class... Args>
  void violation(fmt::format_string<Args...> text, Args&&... args) {
    if (report_.violations.size() < violations_max)
      report_.violations.push_back(fmt::format(
        "{}: {}", key_, fmt::format(text, std::forward<Args>(args)...)));
  }

  void compare(const replica_content& a, const replica_content& b) {
    if (a.end != b.end)
      violation("{} ends at {}, {} at {}", a.replica, a.end, b.replica, b.end);
    const auto length = std::min(a.records.size(), b.records.size());
    const auto [left, right]
      = std::mismatch(a.records.begin(),
                      a.records.begin() + static_cast<std::ptrdiff_t>(length),
                      b.records.begin());
    const auto text = [](const replica_content& x, auto at) {
      return at == x.records.end()
               ? fmt::format("{} has no more records", x.replica)
               : fmt::format("{} has record {} of {} bytes at {}", x.replica,
                             at->record, at->bytes, at->offset);
    };
    if (left != a.records.end() || right != b.records.end())
      violation("replicas differ: {}, {}", text(a, left), text(b, right));
  }

  // The list: all stretches, each by the replica that came first.
  void lay_out() {
    std::uint64_t end = 0;
    for (const auto& [begin, x] : stretches_) {
      for (const auto& found : x->records) {
        if (found.offset < end || found.offset < begin
            || found.offset + found.bytes > x->end)
          violation("{}: record {} at {} lies over something else", x->replica,
                    found.record, found.offset);
        end = found.offset + found.bytes;
        place(found);
      }
      end = std::max(end, x->end);
    }
    report_.records += list_.size();
  }

  void place(const found_record& x) {
    const auto asked = asked_.find(x.record);
    if (asked == asked_.end())
      violation("record {} at {} was never appended", x.record, x.offset);
    else if (asked->second->bytes != x.bytes)
      violation("record {} at {} has {} bytes, {} were appended", x.record,
                x.offset, x.bytes, asked->second->bytes);
    const auto [known, first] = places_.emplace(x.record, list_.size());
    if (!first)
      violation("record {} is there twice: at {} and {}", x.record,
                list_[known->second].offset, x.offset);
    list_.push_back(x);
  }

  void check_outcome(const operation& x) {
    const auto found = places_.find(x.record);
    const auto there = found != places_.end();
    if (x.result == outcome::done) {
      ++report_.acknowledged;
      if (!there)
        violation("record {} was acknowledged at {} and is lost", x.record,
                  x.offset);
      else if (const auto at = list_[found->second].offset; at != x.offset)
        violation("record {} was acknowledged at {} and is at {}", x.record,
                  x.offset, at);
    } else if (x.result == outcome::unknown) {
      ++(there ? report_.unknown_there : report_.unknown_absent);
    } else if (there) {
      violation("record {} was refused and is at {}", x.record,
                list_[found->second].offset);
    }
  }

  // Who was called for after another had returned lies behind it.
  void check_order() {
    std::vector<const operation*> by_call;
    std::vector<const operation*> by_return;
    for (const auto& [record, x] : asked_) {
      if (!places_.contains(record))
        continue;
      by_call.push_back(x);
      if (x->result == outcome::done)
        by_return.push_back(x);
    }
    sort_by(by_call, &operation::call_ns);
    sort_by(by_return, &operation::ret_ns);
    const operation* last = nullptr;
    std::size_t returned = 0;
    for (const auto* x : by_call) {
      for (; returned < by_return.size()
             && by_return[returned]->ret_ns < x->call_ns;
           ++returned)
        if (!last || place_of(*by_return[returned]) > place_of(*last))
          last = by_return[returned];
      if (last && place_of(*last) > place_of(*x))
        violation(
          "record {} at {} was acknowledged before record {} was called "
          "for, which lies before it, at {}",
          last->record, offset_of(*last), x->record, offset_of(*x));
    }
  }

  void check_scans() {
    std::vector<const operation*> acknowledged;
    for (const auto& [record, x] : asked_)
      if (x->result == outcome::done && places_.contains(record))
        acknowledged.push_back(x);
    sort_by(acknowledged, &operation::ret_ns);
    auto by_return = scans_;
    sort_by(scans_, &operation::call_ns);
    sort_by(by_return, &operation::ret_ns);
    std::size_t least = 0; // What a scan must have seen: so many records.
    std::size_t next_acknowledged = 0;
    std::size_t next_scan = 0;
    for (const auto* scan : scans_) {
      for (; next_acknowledged < acknowledged.size()
             && acknowledged[next_acknowledged]->ret_ns < scan->call_ns;
           ++next_acknowledged)
        least = std::max(least, place_of(*acknowledged[next_acknowledged]) + 1);
      for (; next_scan < by_return.size()
             && by_return[next_scan]->ret_ns < scan->call_ns;
           ++next_scan)
        least = std::max(least, by_return[next_scan]->records.size());
      check_scan(*scan, least);
    }
  }

  void check_scan(const operation& scan, std::size_t least) {
    const auto seen = scan.records.size();
    if (seen < least)
      violation("a scan [{} .. {}] of proc {} saw {} records; {} were there "
                "before it",
                scan.call_ns, scan.ret_ns, scan.proc, seen, least);
    for (std::size_t i = 0; i < seen; ++i) {
      const auto record = scan.records[i];
      if (i >= list_.size() || list_[i].record != record) {
        violation("a scan [{} .. {}] of proc {} saw record {} in place {}, "
                  "where at the end {}",
                  scan.call_ns, scan.ret_ns, scan.proc, record, i,
                  i < list_.size() ? fmt::format("{} is", list_[i].record)
                                   : "nothing is");
        return;
      }
      const auto asked = asked_.find(record);
      if (asked != asked_.end() && asked->second->call_ns > scan.ret_ns) {
        violation("a scan [{} .. {}] saw record {}, called for at {}",
                  scan.call_ns, scan.ret_ns, record, asked->second->call_ns);
        return;
      }
    }
  }

  static void
  sort_by(std::vector<const operation*>& all, std::int64_t operation::*time) {
    std::sort(all.begin(), all.end(), [&](const auto* a, const auto* b) {
      return std::tie(a->*time, a->record) < std::tie(b->*time, b->record);
    });
  }

  std::size_t place_of(const operation& x) const {
    return places_.at(x.record);
  }

  std::uint64_t offset_of(const operation& x) const {
    return list_[place_of(x)].offset;
  }

  std::string key_;
  append_report& report_;
  std::map<std::uint64_t, const operation*> asked_; ///< By record.
  std::vector<const operation*> scans_;
  std::map<std::uint64_t, const replica_content*> stretches_; ///< By begin.
  std::vector<found_record> list_;
  std::unordered_map<std::uint64_t, std::size_t> places_; ///< In the list.
};

} // namespace

append_report check_appends(std::span<const operation> history,
                            std::span<const replica_content> replicas) {
  append_report report;
  std::map<std::string, file_check> files;
  const auto file = [&](const std::string& key) -> file_check& {
    return files.try_emplace(key, key, report).first->second;
  };
  for (const auto& x : history)
    if (x.op == verb::append || x.op == verb::scan)
      file(x.key).add(x);
  for (const auto& x : replicas)
    file(x.key).add(x);
  for (auto& [key, x] : files)
    x.run();
  return report;
}

} // namespace dfs::history
