#include "settings/value.hpp"

#include "base/endpoint.hpp"
#include "core/filetree/path.hpp"
#include "core/versions/quorum.hpp"
#include "settings/queue_servers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace dfs::settings {

namespace {

using unit = std::pair<std::string_view, std::int64_t>;

// Largest first: texts are made with the largest unit that divides the value.
constexpr std::array<unit, 5> duration_units{{{"d", 86'400'000},
                                              {"h", 3'600'000},
                                              {"m", 60'000},
                                              {"s", 1'000},
                                              {"ms", 1}}};
constexpr std::array<unit, 5> size_units{{{"TiB", std::int64_t{1} << 40},
                                          {"GiB", std::int64_t{1} << 30},
                                          {"MiB", std::int64_t{1} << 20},
                                          {"KiB", std::int64_t{1} << 10},
                                          {"B", 1}}};

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

result<std::int64_t> wrong(std::string_view text, std::string_view what) {
  return fail(ec::invalid_argument, fmt::format("'{}' is {}", text, what));
}

// Takes one "12ms" off the front of `text`; false if there is none.
template <std::size_t N>
bool take_part(std::string_view& text, const std::array<unit, N>& units,
               std::int64_t& amount, std::int64_t& factor) {
  const auto* end = text.data() + text.size();
  auto [next, failed] = std::from_chars(text.data(), end, amount);
  if (failed != std::errc{} || amount < 0)
    return false;
  text.remove_prefix(static_cast<std::size_t>(next - text.data()));
  const auto letters = std::min(text.find_first_of("0123456789"), text.size());
  for (auto [name, worth] : units) {
    if (name == text.substr(0, letters)) {
      factor = worth;
      text.remove_prefix(letters);
      return amount <= unlimited / worth;
    }
  }
  return false;
}

template <std::size_t N>
std::string units_text(const std::array<unit, N>& units, std::int64_t x) {
  for (auto [name, worth] : units)
    if (x >= worth && x % worth == 0)
      return fmt::format("{}{}", x / worth, name);
  return fmt::format("0{}", units.back().first);
}

result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t x = 0;
  const auto* end = text.data() + text.size();
  auto [next, failed] = std::from_chars(text.data(), end, x);
  if (text.empty() || failed != std::errc{} || next != end)
    return wrong(text, "no whole number");
  return x;
}

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

list split(std::string_view text) {
  list parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::string number_text(const shape& of, std::int64_t x) {
  switch (of.what) {
    case kind::duration:
      return duration_text(x);
    case kind::size:
      return size_text(x);
    default:
      return std::to_string(x);
  }
}

error mistyped(const shape& wanted, std::string_view found) {
  static constexpr std::array<std::string_view, 14> examples{
    "a text in quotes",
    "a name in quotes",
    "a path in quotes",
    "a whole number without quotes",
    "a duration in quotes, such as \"500ms\" or \"3s\"",
    "a size in quotes, such as \"64KiB\"",
    "true or false without quotes",
    "one of its words in quotes",
    "an IP address in quotes",
    "a list, such as [\"10.0.0.5:7401\"]",
    "a list, such as [\"/srv/a\", \"/srv/b\"]",
    "a table, such as { gate = \"debug\" }",
    "a list, such as [\"1=fs-1@10.0.0.5:7407\"]",
    "a table, such as { \"/docs\" = \"5:3:3\" }",
  };
  return fail(ec::invalid_argument,
              fmt::format("is {}; give {}", found,
                          examples[static_cast<std::size_t>(wanted.what)]));
}

result<value> within(const shape& wanted, result<std::int64_t> x) {
  if (!x)
    return fail(ec::invalid_argument,
                x.error().context + "; give one " + range_text(wanted));
  if (*x < wanted.low || *x > wanted.high)
    return fail(ec::invalid_argument,
                fmt::format("{} is out of range; give one {}",
                            number_text(wanted, *x), range_text(wanted)));
  return value{*x};
}

result<value> one_word(const shape& wanted, const std::string& text) {
  auto word = text;
  for (auto& c : word)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (std::find(wanted.choices.begin(), wanted.choices.end(), word)
      == wanted.choices.end())
    return fail(ec::invalid_argument,
                fmt::format("'{}' is none of: {}", text, range_text(wanted)));
  return value{std::move(word)};
}

result<value> convert_text(const shape& wanted, const std::string& text) {
  if (!printable(text))
    return fail(ec::invalid_argument, "holds a control character; take it out");
  switch (wanted.what) {
    case kind::name:
      if (!is_name(text))
        return fail(ec::invalid_argument,
                    fmt::format("'{}' is no name; give 1 to 32 of a-z, 0-9 "
                                "and '-', no '-' first",
                                text));
      return value{text};
    case kind::address: {
      auto ip = ip_address::parse(text);
      if (!ip)
        return fail(ec::invalid_argument,
                    ip.error().context
                      + "; give one such as 10.0.0.5 or 2001:db8::5");
      return value{to_string(*ip)};
    }
    case kind::choice:
      return one_word(wanted, text);
    case kind::duration:
      return within(wanted, parse_duration(text));
    case kind::size:
      return within(wanted, parse_size(text));
    default:
      return value{text};
  }
}

result<value> convert_endpoints(const list& texts) {
  list found;
  list wrong;
  for (const auto& text : texts) {
    auto x = endpoint::parse(text);
    if (!x || x->port == 0 || x->ip.is_unspecified())
      wrong.push_back(fmt::format("'{}'", text));
    else
      found.push_back(to_string(*x));
  }
  if (!wrong.empty())
    return fail(
      ec::invalid_argument,
      fmt::format("{} {} to reach somebody at; give IP:PORT, such as "
                  "10.0.0.5:7401 or [::1]:7401",
                  fmt::join(wrong, ", "),
                  wrong.size() == 1 ? "is no address" : "are no addresses"));
  return value{std::move(found)};
}

result<value> convert_servers(const list& texts) {
  for (const auto& text : texts)
    if (auto good = parse_queue_server(text); !good)
      return good.error();
  return value{texts};
}

result<value> convert_levels(const shape& wanted, const dictionary& levels) {
  dictionary words;
  for (const auto& [subsystem, level] : levels) {
    auto found = one_word(wanted, level);
    if (!found)
      return fail(ec::invalid_argument,
                  subsystem + ": " + found.error().context);
    words.emplace(subsystem, std::get<std::string>(*std::move(found)));
  }
  return value{std::move(words)};
}

result<value> convert_quorums(const dictionary& quorums) {
  for (const auto& [path, rule] : quorums) {
    if (auto good = core::check_path(path); !good)
      return good.error();
    if (auto good = core::parse_quorum(rule); !good)
      return fail(ec::invalid_argument, path + ": " + good.error().context);
  }
  return value{quorums};
}

result<value> convert_paths(const list& texts) {
  for (const auto& text : texts)
    if (auto found = convert_text({kind::path}, text); !found)
      return found.error();
    else if (text.empty())
      return fail(ec::invalid_argument, "an empty path");
    else if (std::count(texts.begin(), texts.end(), text) > 1)
      return fail(ec::invalid_argument,
                  fmt::format("'{}' stands there twice", text));
  return value{texts};
}

result<value> convert_table(const shape& wanted, const std::string& text) {
  const bool levels = wanted.what == kind::levels;
  dictionary found;
  for (const auto& part : split(text)) {
    const auto equals = part.rfind('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(ec::invalid_argument,
                  fmt::format("'{}' is no {}; give some, separated by commas",
                              part, levels ? "SUBSYSTEM=LEVEL" : "PATH=N:W:R"));
    found[part.substr(0, equals)] = part.substr(equals + 1);
  }
  return levels ? convert_levels(wanted, found) : convert_quorums(found);
}

// The environment and flags: everything is a word, read by what is wanted.
result<value> convert_words(const shape& wanted, const std::string& text) {
  switch (wanted.what) {
    case kind::number:
      return within(wanted, parse_number(text));
    case kind::boolean:
      if (text == "true" || text == "false")
        return value{text == "true"};
      return fail(ec::invalid_argument,
                  fmt::format("'{}' is neither true nor false", text));
    case kind::endpoints:
      return convert_endpoints(split(text));
    case kind::servers:
      return convert_servers(split(text));
    case kind::paths:
      return convert_paths(split(text));
    case kind::levels:
    case kind::quorums:
      return convert_table(wanted, text);
    default:
      return convert_text(wanted, text);
  }
}

struct converter {
  const shape& wanted;

  result<value> operator()(const words& x) const {
    return convert_words(wanted, x.text);
  }

  result<value> operator()(bool x) const {
    if (wanted.what == kind::boolean)
      return value{x};
    return mistyped(wanted, x ? "true" : "false");
  }

  result<value> operator()(std::int64_t x) const {
    if (wanted.what == kind::number)
      return within(wanted, x);
    return mistyped(wanted, fmt::format("the number {}", x));
  }

  result<value> operator()(const std::string& x) const {
    switch (wanted.what) {
      case kind::number:
      case kind::boolean:
      case kind::endpoints:
      case kind::servers:
      case kind::paths:
      case kind::levels:
      case kind::quorums:
        return mistyped(wanted, fmt::format("the text \"{}\"", x));
      default:
        return convert_text(wanted, x);
    }
  }

  result<value> operator()(const list& x) const {
    if (wanted.what == kind::endpoints)
      return convert_endpoints(x);
    if (wanted.what == kind::servers)
      return convert_servers(x);
    if (wanted.what == kind::paths)
      return convert_paths(x);
    return mistyped(wanted, "a list");
  }

  result<value> operator()(const dictionary& x) const {
    if (wanted.what == kind::levels)
      return convert_levels(wanted, x);
    if (wanted.what == kind::quorums)
      return convert_quorums(x);
    return mistyped(wanted, "a table");
  }

  result<value> operator()(const other_type& x) const {
    return mistyped(wanted, x.name);
  }
};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

} // namespace

result<value> convert(const shape& wanted, const raw_value& raw) {
  return std::visit(converter{wanted}, raw);
}

std::string to_text(const shape& of, const value& x) {
  if (const auto* flag = std::get_if<bool>(&x))
    return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&x))
    return number_text(of, *number);
  if (const auto* text = std::get_if<std::string>(&x))
    return *text;
  if (const auto* texts = std::get_if<list>(&x))
    return fmt::format("{}", fmt::join(*texts, ","));
  list pairs;
  for (const auto& [key, entry] : std::get<dictionary>(x))
    pairs.push_back(key + "=" + entry);
  return fmt::format("{}", fmt::join(pairs, ","));
}

std::string to_toml(const shape& of, const value& x) {
  if (const auto* texts = std::get_if<list>(&x)) {
    list each;
    for (const auto& text : *texts)
      each.push_back(quoted(text));
    return fmt::format("[{}]", fmt::join(each, ", "));
  }
  if (const auto* pairs = std::get_if<dictionary>(&x)) {
    list each;
    for (const auto& [key, entry] : *pairs)
      each.push_back(key + " = " + quoted(entry));
    return each.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(each, ", "));
  }
  if (of.what == kind::number || of.what == kind::boolean)
    return to_text(of, x);
  return quoted(to_text(of, x));
}

result<std::int64_t> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  std::int64_t previous = unlimited;
  auto rest = text;
  do {
    std::int64_t amount = 0;
    std::int64_t factor = 0;
    // Units shrink from part to part: "1m30s" is meant, "30s1m" is a slip.
    if (!take_part(rest, duration_units, amount, factor) || factor >= previous
        || amount * factor > unlimited - total)
      return wrong(text, "no duration");
    total += amount * factor;
    previous = factor;
  } while (!rest.empty());
  return total;
}

std::string duration_text(std::int64_t ms) {
  return units_text(duration_units, ms);
}

result<std::int64_t> parse_size(std::string_view text) {
  auto rest = text;
  std::int64_t amount = 0;
  std::int64_t factor = 0;
  if (!take_part(rest, size_units, amount, factor) || !rest.empty())
    return wrong(text, "no size");
  return amount * factor;
}

std::string size_text(std::int64_t bytes) {
  return units_text(size_units, bytes);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 && text.front() != '-'
         && std::all_of(text.begin(), text.end(), [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                     || c == '-';
            });
}

std::string range_text(const shape& x) {
  switch (x.what) {
    case kind::number:
    case kind::duration:
    case kind::size:
      return fmt::format("from {} to {}", number_text(x, x.low),
                         number_text(x, x.high));
    case kind::choice:
    case kind::levels:
      return fmt::format("{}", fmt::join(x.choices, ", "));
    default:
      return {};
  }
}

} // namespace dfs::settings
