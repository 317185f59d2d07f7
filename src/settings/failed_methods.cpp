#include "settings/failed_methods.hpp"

#include "base/key_lines.hpp"
#include "base/line_file.hpp"
#include "settings/files.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>

namespace dfs::settings {

namespace {

constexpr auto file_name = "failed_methods";
constexpr std::size_t line_max = 40;
constexpr std::size_t bytes_max = line_max * (failed_methods::entries_max + 2);

/// "METHOD THROWS MILLISECONDS"
bool parse_entry(std::string_view line, failed_methods::entry& to) {
  constexpr std::array<std::uint64_t, 3> most{
    std::numeric_limits<std::uint16_t>::max(),
    std::numeric_limits<std::uint32_t>::max(),
    std::numeric_limits<std::int64_t>::max()};
  std::array<std::uint64_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool last = i + 1 == numbers.size();
    const auto end = last ? line.size() : line.find(' ');
    if (end == std::string_view::npos
        || !parse_whole_number(line.substr(0, end), 10, numbers[i])
        || numbers[i] > most[i])
      return false;
    line.remove_prefix(last ? end : end + 1);
  }
  to = {static_cast<std::uint16_t>(numbers[0]),
        static_cast<std::uint32_t>(numbers[1]),
        unix_milliseconds{std::chrono::milliseconds{
          static_cast<std::int64_t>(numbers[2])}}};
  return true;
}

} // namespace

std::string to_text(const failed_methods& x) {
  std::vector<std::string> lines;
  for (const auto& [method, throws, last] : x.entries)
    lines.push_back(fmt::format("{} {} {}", method, throws,
                                last.time_since_epoch().count()));
  return to_line_file(lines);
}

result<failed_methods> parse_failed_methods(std::string_view text) {
  const auto lines = parse_line_file(text);
  if (!lines)
    return lines.error();
  failed_methods found;
  if (lines->size() > failed_methods::entries_max)
    return fail(ec::malformed, "it names too many methods");
  for (const auto line : *lines)
    if (!parse_entry(line, found.entries.emplace_back()))
      return fail(ec::malformed, fmt::format("no method with a time: '{}'",
                                             line));
  return found;
}

result<failed_methods> load_failed_methods(const std::string& directory) {
  const auto text = read_file(join(directory, file_name), bytes_max);
  if (!text && text.error().code == ec::not_found)
    return failed_methods{};
  if (!text)
    return text.error();
  return parse_failed_methods(*text);
}

result<nothing>
save_failed_methods(const std::string& directory, const failed_methods& x) {
  return write_file(join(directory, file_name), to_text(x), 0600);
}

} // namespace dfs::settings
