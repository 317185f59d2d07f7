#include "settings/known_members.hpp"

#include "base/key_lines.hpp"
#include "base/line_file.hpp"
#include "settings/files.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace dfs::settings {

namespace {

constexpr auto file_name = "members";
constexpr std::size_t line_max = 80;
constexpr std::size_t bytes_max = line_max * (known_members::entries_max + 2);

/// "ADDRESS MILLISECONDS"
bool parse_entry(std::string_view line, known_members::entry& to) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos)
    return false;
  const auto where = endpoint::parse(line.substr(0, space));
  std::uint64_t seen = 0;
  if (!where || !parse_whole_number(line.substr(space + 1), 10, seen)
      || seen > static_cast<std::uint64_t>(INT64_MAX))
    return false;
  to = {*where, unix_milliseconds{
                  std::chrono::milliseconds{static_cast<std::int64_t>(seen)}}};
  return true;
}

} // namespace

std::string to_text(const known_members& x) {
  std::vector<std::string> lines;
  for (const auto& [where, seen] : x.entries)
    lines.push_back(fmt::format("{} {}", to_string(where),
                                seen.time_since_epoch().count()));
  return to_line_file(lines);
}

result<known_members> parse_known_members(std::string_view text) {
  const auto lines = parse_line_file(text);
  if (!lines)
    return lines.error();
  known_members found;
  if (lines->size() > known_members::entries_max)
    return fail(ec::malformed, "it names too many members");
  for (const auto line : *lines)
    if (!parse_entry(line, found.entries.emplace_back()))
      return fail(ec::malformed, fmt::format("no address with a time: '{}'",
                                             line));
  return found;
}

result<known_members> load_known_members(const std::string& directory) {
  const auto text = read_file(join(directory, file_name), bytes_max);
  if (!text && text.error().code == ec::not_found)
    return known_members{};
  if (!text)
    return text.error();
  return parse_known_members(*text);
}

result<nothing>
save_known_members(const std::string& directory, const known_members& x) {
  return write_file(join(directory, file_name), to_text(x), 0600);
}

} // namespace dfs::settings
