#include "settings/toml_file.hpp"

#include "settings/files.hpp"

#include <fmt/format.h>

#include <algorithm>

// The only user of toml++: no exceptions, nothing of it elsewhere. Its own
// assertions fail on texts such as "[[[", which it refuses properly without
// them: a typo must not abort any build. With NDEBUG they would be promises to
// the optimizer, which is worse.
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace dfs::settings {

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

// Each dot of a key is a table in a table, and toml++ frees them one inside the
// other: a hundred thousand are more than the stack holds.
constexpr std::ptrdiff_t dots_in_a_line_max = 1'000;

result<nothing> check_depth(std::string_view text, const std::string& path) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto here = text.substr(0, text.find('\n'));
    if (std::count(here.begin(), here.end(), '.') > dots_in_a_line_max)
      return fail(ec::configuration,
                  fmt::format("{}:{}:1: more than {} dots in a line", path,
                              line, dots_in_a_line_max));
    text.remove_prefix(std::min(here.size() + 1, text.size()));
  }
  return done;
}

std::string position(const std::string& path, const toml::source_region& at) {
  return fmt::format("{}:{}:{}", path, at.begin.line, at.begin.column);
}

other_type other(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::floating_point:
      return {"a number with a fraction"};
    case toml::node_type::array:
      return {"a list of other things than texts"};
    case toml::node_type::table:
      return {"a table of other things than texts"};
    default:
      return {"a date or a time"};
  }
}

raw_value raw(const toml::node& node) {
  if (const auto* text = node.as_string())
    return text->get();
  if (const auto* number = node.as_integer())
    return number->get();
  if (const auto* flag = node.as_boolean())
    return flag->get();
  if (const auto* array = node.as_array()) {
    list texts;
    for (const auto& each : *array) {
      if (!each.is_string())
        return other(node);
      texts.push_back(each.as_string()->get());
    }
    return texts;
  }
  if (const auto* table = node.as_table()) {
    dictionary pairs;
    for (const auto& [key, each] : *table) {
      if (!each.is_string())
        return other(node);
      pairs.emplace(key.str(), each.as_string()->get());
    }
    return pairs;
  }
  return other(node);
}

} // namespace

result<std::vector<file_entry>>
parse_toml(std::string_view text, const std::string& path) {
  if (auto flat = check_depth(text, path); !flat)
    return flat.error();
  const auto parsed = toml::parse(text, path);
  if (!parsed)
    return fail(ec::configuration,
                fmt::format("{}: {}", position(path, parsed.error().source()),
                            parsed.error().description()));
  std::vector<std::pair<toml::source_position, file_entry>> found;
  auto add = [&](std::string key, const toml::key& at, const toml::node& node) {
    found.push_back({at.source().begin,
                     {std::move(key), position(path, at.source()), raw(node)}});
  };
  for (const auto& [name, node] : parsed.table()) {
    const auto* section = node.as_table();
    if (section == nullptr || section->empty()) {
      add(std::string{name.str()}, name, node);
      continue;
    }
    for (const auto& [key, content] : *section)
      add(fmt::format("{}.{}", name.str(), key.str()), key, content);
  }
  // toml++ sorts by name; people read from top to bottom.
  std::stable_sort(
    found.begin(), found.end(),
    [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<file_entry> entries;
  for (auto& [at, entry] : found)
    entries.push_back(std::move(entry));
  return entries;
}

result<std::vector<file_entry>> read_toml(const std::string& path) {
  const auto text = read_file(path, file_bytes_max);
  if (!text)
    return fail(ec::configuration, text.error().context);
  return parse_toml(*text, path);
}

} // namespace dfs::settings
