#include "admin/text_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace dfs::admin {

namespace {

using lines = std::vector<std::string_view>;

constexpr std::ptrdiff_t context_lines = 3;

/// Steps of the search; its memory grows with their square: 32 MiB.
constexpr std::ptrdiff_t steps_max = 2'000;

/// Each with its newline, if it has one.
lines split(std::string_view text) {
  lines all;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    all.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return all;
}

/// A line of the result: kept, taken away or new.
struct edit {
  char sign = ' ';
  std::size_t before = 0; ///< Lines of it before this one.
  std::size_t after = 0;
};

/// The shortest way from one to the other (Myers, An O(ND) Difference
/// Algorithm, 1986): for each number of steps how far each diagonal is reached.
class search {
public:
  search(const lines& before, const lines& after)
    : before_{before},
      after_{after},
      n_{static_cast<std::ptrdiff_t>(before.size())},
      m_{static_cast<std::ptrdiff_t>(after.size())} {
    // nop
  }

  /// Backwards; false: too far apart.
  bool run(std::vector<edit>& out) {
    std::vector<std::ptrdiff_t> reached{0};
    for (std::ptrdiff_t d = 0; d <= std::min(n_ + m_, steps_max); ++d) {
      std::vector<std::ptrdiff_t> next(static_cast<std::size_t>(2 * d + 1), 0);
      for (std::ptrdiff_t k = -d; k <= d; k += 2) {
        auto x = d == 0 ? 0 : first_of(reached, d, k);
        while (x < n_ && x - k < m_ && line(before_, x) == line(after_, x - k))
          ++x;
        next[static_cast<std::size_t>(k + d)] = x;
        if (x >= n_ && x - k >= m_) {
          all_.push_back(std::move(next));
          trace(d, k, out);
          return true;
        }
      }
      all_.push_back(next);
      reached = std::move(next);
    }
    return false;
  }

private:
  static std::string_view line(const lines& from, std::ptrdiff_t at) {
    return from[static_cast<std::size_t>(at)];
  }

  /// Diagonal `k` of the step before `d`.
  static std::ptrdiff_t
  at(const std::vector<std::ptrdiff_t>& x, std::ptrdiff_t d, std::ptrdiff_t k) {
    return x[static_cast<std::size_t>(k + d - 1)];
  }

  /// Is diagonal `k` of step `d` reached by a new line, rather than by one
  /// taken away?
  static bool is_down(const std::vector<std::ptrdiff_t>& before,
                      std::ptrdiff_t d, std::ptrdiff_t k) {
    return k == -d || (k != d && at(before, d, k - 1) < at(before, d, k + 1));
  }

  static std::ptrdiff_t first_of(const std::vector<std::ptrdiff_t>& before,
                                 std::ptrdiff_t d, std::ptrdiff_t k) {
    return is_down(before, d, k) ? at(before, d, k + 1)
                                 : at(before, d, k - 1) + 1;
  }

  void trace(std::ptrdiff_t d, std::ptrdiff_t k, std::vector<edit>& out) const {
    auto x = n_;
    for (; d >= 0; --d) {
      auto y = x - k;
      if (d == 0) {
        for (; x > 0; --x)
          out.push_back(step(' ', x - 1, x - 1));
        return;
      }
      const auto& before = all_[static_cast<std::size_t>(d - 1)];
      const auto down = is_down(before, d, k);
      const auto start = first_of(before, d, k);
      for (; x > start; --x, --y)
        out.push_back(step(' ', x - 1, y - 1));
      if (down) {
        out.push_back(step('+', x, y - 1));
        ++k;
      } else {
        out.push_back(step('-', x - 1, y));
        --x;
        --k;
      }
    }
  }

  static edit step(char sign, std::ptrdiff_t x, std::ptrdiff_t y) {
    return {sign, static_cast<std::size_t>(x), static_cast<std::size_t>(y)};
  }

  const lines& before_;
  const lines& after_;
  std::ptrdiff_t n_;
  std::ptrdiff_t m_;
  std::vector<std::vector<std::ptrdiff_t>> all_;
};

std::vector<edit> edits_between(const lines& before, const lines& after) {
  std::vector<edit> edits;
  if (search{before, after}.run(edits)) {
    std::reverse(edits.begin(), edits.end());
    return edits;
  }
  edits.clear();
  for (std::size_t i = 0; i < before.size(); ++i)
    edits.push_back({'-', i, 0});
  for (std::size_t i = 0; i < after.size(); ++i)
    edits.push_back({'+', before.size(), i});
  return edits;
}

void print_range(std::string& out, std::size_t first, std::size_t count) {
  // No line: it stands behind that one.
  out += count == 1
           ? fmt::format("{}", first + 1)
           : fmt::format("{},{}", count == 0 ? first : first + 1, count);
}

void print_hunk(std::string& out, const lines& before, const lines& after,
                const std::vector<edit>& edits, std::size_t begin,
                std::size_t end) {
  const auto count = [&](char without) {
    return static_cast<std::size_t>(
      std::count_if(edits.begin() + static_cast<std::ptrdiff_t>(begin),
                    edits.begin() + static_cast<std::ptrdiff_t>(end),
                    [&](const edit& x) { return x.sign != without; }));
  };
  out += "@@ -";
  print_range(out, edits[begin].before, count('+'));
  out += " +";
  print_range(out, edits[begin].after, count('-'));
  out += " @@\n";
  for (auto i = begin; i < end; ++i) {
    const auto& x = edits[i];
    const auto text = x.sign == '+' ? after[x.after] : before[x.before];
    out += x.sign;
    out += text;
    if (!text.ends_with('\n'))
      out += "\n\\ No newline at end of file\n";
  }
}

} // namespace

bool is_binary(std::string_view bytes) {
  return bytes.find('\0') != std::string_view::npos;
}

std::string unified_diff(std::string_view before, std::string_view after,
                         const std::string& before_name,
                         const std::string& after_name) {
  if (before == after)
    return {};
  const auto old_lines = split(before);
  const auto new_lines = split(after);
  const auto edits = edits_between(old_lines, new_lines);
  auto out = fmt::format("--- {}\n+++ {}\n", before_name, after_name);
  constexpr auto around = static_cast<std::size_t>(context_lines);
  for (std::size_t i = 0; i < edits.size();) {
    if (edits[i].sign == ' ') {
      ++i;
      continue;
    }
    const auto begin = i - std::min(i, around);
    auto end = i + 1; // Behind the last change of this hunk.
    for (auto at = end; at < edits.size() && at - end <= 2 * around; ++at)
      if (edits[at].sign != ' ')
        end = at + 1;
    i = end;
    print_hunk(out, old_lines, new_lines, edits, begin,
               std::min(end + around, edits.size()));
  }
  return out;
}

} // namespace dfs::admin
