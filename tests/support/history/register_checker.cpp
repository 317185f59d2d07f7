#include "support/history/register_checker.hpp"

#include "base/assert.hpp"
#include "support/history/value_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>
#include <vector>

namespace dfs::history {

namespace {

// SplitMix64: neighbouring inputs give unrelated outputs.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Names a state of the search. Two states have one name with probability
/// 2^-128: forgetting a branch for that would report a violation, never hide
/// one.
struct fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  void flip(std::uint64_t kind, std::uint64_t a, std::uint64_t b) {
    const auto seed = mix(mix(a) ^ (b + (kind << 62)));
    low ^= mix(seed);
    high ^= mix(~seed);
  }

  bool operator==(const fingerprint&) const = default;
};

struct fingerprint_hash {
  std::size_t operator()(const fingerprint& x) const noexcept {
    return x.low;
  }
};

std::string describe(const operation& x) {
  const auto cells
    = x.cell == 0 && x.cells == 1
        ? std::string{}
        : fmt::format(" cells {}..{}", x.cell, x.cell + x.cells - 1);
  const auto what
    = x.op == verb::write
        ? fmt::format("write{} {}", cells, x.value)
        : fmt::format("read{} -> {}", cells, fmt::join(x.values, ","));
  return x.result == outcome::unknown
           ? fmt::format("proc {} {} [{} .. open)", x.proc, what, x.call_ns)
           : fmt::format("proc {} {} [{} .. {}]", x.proc, what, x.call_ns,
                         x.ret_ns);
}

std::uint32_t cells_of(const std::vector<const operation*>& all) {
  std::uint32_t cells = 1;
  for (const auto* x : all)
    cells = std::max(cells, x->cell + x->cells);
  return cells;
}

/// The search for one key.
class search {
public:
  search(std::vector<const operation*> operations, std::uint64_t states_max)
    : operations_{std::move(operations)},
      states_max_{states_max},
      state_(cells_of(operations_), nothing_written),
      values_{operations_, static_cast<std::uint32_t>(state_.size())} {
    order_events();
    find_deadlines();
  }

  verdict run() {
    while (open_returns_ > 0) {
      if (const auto read = fitting_read(); read != nobody) {
        place(read, kind::forced);
        continue;
      }
      choices_.push_back(choices());
      while (!try_next_choice())
        if (!go_back())
          return verdict::violated;
      if (visited_.size() > states_max_)
        return verdict::undecided;
    }
    return verdict::linearizable;
  }

  [[nodiscard]] std::uint64_t states() const {
    return visited_.size();
  }

  /// Why not: the furthest that any order came, and what stands there.
  [[nodiscard]] std::string story() const {
    auto text = fmt::format("{} of {} operations in order, then the block is "
                            "[{}]; no order has this in its time:\n  {}\n"
                            "beside",
                            best_.placed, operations_.size(),
                            fmt::join(best_.state, ","),
                            describe(*operations_[best_.blocked]));
    for (const auto i : best_.beside)
      text += "\n  " + describe(*operations_[i]);
    text += best_.beside.empty() ? " nothing" : "";
    if (const auto* x = first_read_of_the_block())
      text += "\nand what the block holds is still seen by\n  " + describe(*x);
    return text;
  }

private:
  using entry = std::uint32_t; // Calls are 2i + 1, returns 2i + 2; 0: the head.
  static constexpr entry head = 0;
  static constexpr entry nobody = std::numeric_limits<entry>::max();

  enum class kind : std::uint8_t {
    chosen, ///< One of several.
    forced, ///< Follows from what was chosen.
    silent, ///< Forced, and its effect was overwritten at once.
  };

  struct step {
    entry call;
    kind how;
    std::vector<std::uint64_t> before; // Cells that a write replaced.
  };

  struct farthest {
    std::size_t placed = 0;
    bool set = false;
    std::size_t blocked = 0;
    std::vector<std::size_t> beside;
    std::vector<std::uint64_t> state;
  };

  static bool is_return(entry x) {
    return x != head && x % 2 == 0;
  }

  static std::size_t index_of(entry x) {
    return (x - 1) / 2;
  }

  const operation& of(entry x) const {
    return *operations_[index_of(x)];
  }

  // Events of equal time: calls first, so that touching operations overlap.
  void order_events() {
    struct event {
      std::int64_t time;
      bool returns;
      entry id;
    };
    std::vector<event> events;
    for (entry i = 0; i < operations_.size(); ++i) {
      const auto& x = *operations_[i];
      events.push_back({x.call_ns, false, 2 * i + 1});
      if (x.result == outcome::unknown)
        continue;
      events.push_back({x.ret_ns, true, 2 * i + 2});
      ++open_returns_;
    }
    std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
      return std::tie(a.time, a.returns, a.id)
             < std::tie(b.time, b.returns, b.id);
    });
    next_.assign(2 * operations_.size() + 1, nobody);
    previous_.assign(next_.size(), nobody);
    entry last = head;
    for (const auto& x : events) {
      next_[last] = x.id;
      previous_[x.id] = last;
      last = x.id;
    }
  }

  // When a write must have happened at the latest: its return, or that of a
  // read that saw it. A guess at the order, nothing more.
  void find_deadlines() {
    std::unordered_map<std::uint64_t, std::int64_t> seen;
    for (const auto* x : operations_)
      if (x->op == verb::read)
        for (const auto value : x->values) {
          const auto known = seen.emplace(value, x->ret_ns).first;
          known->second = std::min(known->second, x->ret_ns);
        }
    for (const auto* x : operations_) {
      const auto first = seen.find(x->value);
      auto deadline = std::numeric_limits<std::int64_t>::max();
      if (x->result == outcome::done)
        deadline = x->ret_ns;
      if (x->op == verb::write && first != seen.end())
        deadline = std::min(deadline, first->second);
      deadlines_.push_back(deadline);
    }
  }

  bool fits(const operation& x) const {
    return std::equal(x.values.begin(), x.values.end(),
                      state_.begin() + x.cell);
  }

  // Of the calls that may be next: those before the first return.
  entry fitting_read() const {
    for (auto at = next_[head]; at != nobody && !is_return(at); at = next_[at])
      if (of(at).op == verb::read && fits(of(at)))
        return at;
    return nobody;
  }

  // The writes that may be next, the most urgent last.
  std::vector<entry> choices() {
    std::vector<entry> found;
    auto at = next_[head];
    for (; at != nobody && !is_return(at); at = next_[at])
      if (of(at).op == verb::write)
        found.push_back(at);
    std::sort(found.begin(), found.end(), [&](entry a, entry b) {
      return std::tuple{deadlines_[index_of(a)], a}
             > std::tuple{deadlines_[index_of(b)], b};
    });
    if (at != nobody)
      remember(at);
    return found;
  }

  // False: no choice is left here.
  bool try_next_choice() {
    auto& left = choices_.back();
    while (!left.empty()) {
      const auto write = left.back();
      left.pop_back();
      if (overwrites_what_is_awaited(of(write)))
        continue;
      const auto lost = unseen_beneath(write);
      place(write, kind::chosen);
      for (const auto x : lost)
        place(x, kind::silent);
      if (visited_.insert(fingerprint_).second)
        return true;
      undo_to_choice();
    }
    return false;
  }

  bool overwrites_what_is_awaited(const operation& x) const {
    for (std::uint32_t i = 0; i < x.cells; ++i)
      if (state_[x.cell + i] != x.value
          && values_.must_stay(x.cell + i, state_[x.cell + i]))
        return true;
    return false;
  }

  // Writes that may be next, that nobody will see, and that `write` covers:
  // they have their time just before it.
  std::vector<entry> unseen_beneath(entry write) const {
    const auto& over = of(write);
    std::vector<entry> found;
    for (auto at = next_[head]; at != nobody && !is_return(at);
         at = next_[at]) {
      const auto& x = of(at);
      if (at != write && x.op == verb::write && x.cell >= over.cell
          && x.cell + x.cells <= over.cell + over.cells && !values_.awaited(x))
        found.push_back(at);
    }
    return found;
  }

  void place(entry call, kind how) {
    const auto& x = of(call);
    step taken{call, how, {}};
    fingerprint_.flip(0, index_of(call), 0);
    values_.count(x, -1);
    if (x.op == verb::write && how != kind::silent) {
      const auto first = state_.begin() + x.cell;
      taken.before.assign(first, first + x.cells);
      set_cells(x, std::vector<std::uint64_t>(x.cells, x.value));
    }
    lift(call);
    if (x.result != outcome::unknown) {
      lift(call + 1);
      --open_returns_;
    }
    steps_.push_back(std::move(taken));
  }

  void undo() {
    const auto last = std::move(steps_.back());
    steps_.pop_back();
    const auto& x = of(last.call);
    if (x.result != outcome::unknown) {
      put_back(last.call + 1);
      ++open_returns_;
    }
    put_back(last.call);
    if (!last.before.empty())
      set_cells(x, last.before);
    values_.count(x, 1);
    fingerprint_.flip(0, index_of(last.call), 0);
  }

  void undo_to_choice() {
    while (steps_.back().how != kind::chosen)
      undo();
    undo();
  }

  // To the choice before this one. False: there is none.
  bool go_back() {
    choices_.pop_back();
    if (choices_.empty())
      return false;
    undo_to_choice();
    return true;
  }

  void set_cells(const operation& x, const std::vector<std::uint64_t>& values) {
    for (std::uint32_t i = 0; i < x.cells; ++i) {
      fingerprint_.flip(1, x.cell + i, state_[x.cell + i]);
      state_[x.cell + i] = values[i];
      fingerprint_.flip(1, x.cell + i, state_[x.cell + i]);
    }
  }

  void lift(entry x) {
    next_[previous_[x]] = next_[x];
    if (next_[x] != nobody)
      previous_[next_[x]] = previous_[x];
  }

  // In the reverse order of `lift`, so that the neighbours are as they were.
  void put_back(entry x) {
    next_[previous_[x]] = x;
    if (next_[x] != nobody)
      previous_[next_[x]] = x;
  }

  void remember(entry blocked) {
    if (best_.set && steps_.size() <= best_.placed)
      return;
    best_ = {steps_.size(), true, index_of(blocked), {}, state_};
    for (auto at = next_[head]; at != blocked; at = next_[at])
      if (index_of(at) != best_.blocked)
        best_.beside.push_back(index_of(at));
  }

  // It is why nothing may be overwritten, if that is why.
  const operation* first_read_of_the_block() const {
    const operation* first = nullptr;
    for (const auto* x : operations_) {
      if (x->op != verb::read || (first && x->ret_ns >= first->ret_ns)
          || x->ret_ns < operations_[best_.blocked]->call_ns)
        continue;
      for (std::uint32_t i = 0; i < x->cells; ++i)
        if (x->values[i] == best_.state[x->cell + i])
          first = x;
    }
    return first;
  }

  std::vector<const operation*> operations_;
  std::uint64_t states_max_;
  std::vector<std::uint64_t> state_; ///< Of the cells.
  value_table values_;
  std::vector<std::int64_t> deadlines_; ///< By index.
  std::vector<entry> next_; ///< Events that are not placed, by time.
  std::vector<entry> previous_;
  std::size_t open_returns_ = 0; ///< Completed operations not yet placed.
  std::vector<step> steps_;
  std::vector<std::vector<entry>> choices_; ///< Left, for each chosen step.
  fingerprint fingerprint_; ///< Of what is placed, and the cells.
  std::unordered_set<fingerprint, fingerprint_hash> visited_;
  farthest best_;
};

using by_key = std::map<std::string_view, std::vector<const operation*>>;

/// Values that nobody wrote are found at once, and said plainly.
std::string invented_value(const std::vector<const operation*>& all) {
  std::set<std::uint64_t> written{nothing_written};
  std::set<std::uint64_t> refused;
  for (const auto* x : all)
    if (x->op == verb::write)
      (x->result == outcome::refused ? refused : written).insert(x->value);
  for (const auto* x : all)
    if (x->op == verb::read && x->result == outcome::done)
      for (const auto value : x->values)
        if (!written.contains(value))
          return fmt::format("{} saw {}, {}", describe(*x), value,
                             refused.contains(value)
                               ? "the value of a write that was refused"
                               : "which nobody wrote");
  return {};
}

/// What decides: see the two prunings in the header.
std::vector<const operation*>
relevant(const std::vector<const operation*>& all) {
  std::unordered_set<std::uint64_t> seen;
  for (const auto* x : all)
    if (x->op == verb::read)
      seen.insert(x->values.begin(), x->values.end());
  std::vector<const operation*> kept;
  for (const auto* x : all)
    if (x->result == outcome::done
        || (x->result == outcome::unknown && x->op == verb::write
            && seen.contains(x->value)))
      kept.push_back(x);
  return kept;
}

std::string malformed(const operation& x) {
  if (x.cells == 0)
    return describe(x) + " has no cells";
  if (x.op == verb::read && x.result == outcome::done
      && x.values.size() != x.cells)
    return describe(x) + " has not one value for each cell";
  if (x.result == outcome::done && x.ret_ns < x.call_ns)
    return describe(x) + " returns before its call";
  return {};
}

verdict check_key(const std::vector<const operation*>& all,
                  const register_limits& limits, register_report& report) {
  for (const auto* x : all)
    if (report.why = malformed(*x); !report.why.empty())
      return verdict::undecided;
  if (report.why = invented_value(all); !report.why.empty())
    return verdict::violated;
  search one{relevant(all), limits.states_max};
  const auto outcome = one.run();
  report.states += one.states();
  if (outcome == verdict::violated)
    report.why = one.story();
  if (outcome == verdict::undecided)
    report.why = fmt::format("more than {} states", limits.states_max);
  return outcome;
}

} // namespace

std::string_view to_string(verdict x) {
  switch (x) {
    case verdict::linearizable:
      return "linearizable";
    case verdict::violated:
      return "violated";
    case verdict::undecided:
      break;
  }
  return "undecided";
}

register_report check_registers(std::span<const operation> history,
                                const register_limits& limits) {
  by_key keys;
  for (const auto& x : history)
    if (x.op == verb::read || x.op == verb::write)
      keys[x.key].push_back(&x);
  register_report report;
  for (const auto& [key, all] : keys) {
    ++report.keys;
    report.operations += all.size();
    report.outcome = check_key(all, limits, report);
    if (report.outcome != verdict::linearizable) {
      report.key = key;
      break;
    }
  }
  return report;
}

} // namespace dfs::history
