#include "base/glob.hpp"

#include <cstddef>
#include <optional>

namespace dfs {

namespace {

/// Where the character at `at` ends, in UTF-8 that may be broken.
std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (text[at] & '\xc0') == '\x80')
    ++at;
  return at;
}

std::string_view character(std::string_view text, std::size_t at) {
  return text.substr(at, next_character(text, at) - at);
}

/// One class: `[` is at `at`. Where it ends, and whether `x` is in it.
struct class_match {
  std::size_t end = 0; ///< Behind the `]`; 0: there is none.
  bool matches = false;
};

class_match
match_class(std::string_view pattern, std::size_t at, std::string_view x) {
  ++at;
  const auto negated
    = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated)
    ++at;
  auto within = false;
  for (auto first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first)
      return {at + 1, within != negated};
    if (pattern[at] == '\\' && ++at == pattern.size())
      break;
    const auto low = character(pattern, at);
    at += low.size();
    auto high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-'
        && pattern[at + 1] != ']') {
      if (pattern[++at] == '\\' && ++at == pattern.size())
        break;
      high = character(pattern, at);
      at += high.size();
    }
    // Bytewise order of UTF-8 is the order of code points.
    within = within || (low <= x && x <= high);
  }
  return {};
}

/// One step of the pattern that takes exactly one character of the name: where
/// the pattern goes on, if it takes `x`.
std::optional<std::size_t>
take_character(std::string_view pattern, std::size_t at, std::string_view x) {
  switch (pattern[at]) {
    case '?':
      return at + 1;
    case '[': {
      const auto found = match_class(pattern, at, x);
      return found.matches ? std::optional{found.end} : std::nullopt;
    }
    case '\\':
      ++at;
      [[fallthrough]];
    default: {
      const auto wanted = character(pattern, at);
      return wanted == x ? std::optional{at + wanted.size()} : std::nullopt;
    }
  }
}

} // namespace

result<nothing> check_glob(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '[') {
      at = match_class(pattern, at, "x").end;
      if (at == 0)
        return fail(ec::invalid_argument,
                    "the pattern has a '[' without a ']'");
    } else if (pattern[at] == '\\') {
      if (++at == pattern.size())
        return fail(ec::invalid_argument, "the pattern ends with a '\\'");
      at = next_character(pattern, at);
    } else {
      ++at;
    }
  }
  return done;
}

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;   // In the pattern,
  std::size_t here = 0; // and in the name.
  // The last `*`, and the first character of the name that it has not taken:
  // where to try again. An earlier one never needs to take more.
  std::optional<std::size_t> star;
  std::size_t retry = 0;
  while (here < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      retry = here;
      continue;
    }
    const auto x = character(name, here);
    const auto next
      = at < pattern.size() ? take_character(pattern, at, x) : std::nullopt;
    if (next) {
      at = *next;
      here += x.size();
    } else if (star) {
      at = *star;
      retry = next_character(name, retry);
      here = retry;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*')
    ++at;
  return at == pattern.size();
}

std::string glob_prefix(std::string_view pattern) {
  std::string prefix;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '[')
      break;
    if (pattern[at] == '\\' && ++at == pattern.size())
      break;
    prefix += pattern[at];
  }
  return prefix;
}

bool is_glob(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '[')
      return true;
    if (pattern[at] == '\\')
      ++at;
  }
  return false;
}

} // namespace dfs
