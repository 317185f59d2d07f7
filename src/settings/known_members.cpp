#include "settings/known_members.hpp"

#include "base/crc32c.hpp"
#include "base/key_lines.hpp"
#include "settings/files.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace dfs::settings {

namespace {

constexpr auto file_name = "members";
constexpr std::string_view head = "format = 1\n";
constexpr std::string_view format_key = "format = ";
constexpr std::string_view sum_key = "crc32c = ";
constexpr std::size_t line_max = 80;
constexpr std::size_t bytes_max = line_max * (known_members::entries_max + 2);

error damaged(const char* what) {
  return fail(ec::malformed, fmt::format("damaged: {}", what));
}

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
  std::string text{head};
  for (const auto& [where, seen] : x.entries)
    fmt::format_to(std::back_inserter(text), "{} {}\n", to_string(where),
                   seen.time_since_epoch().count());
  text += fmt::format("{}{:08x}\n", sum_key, crc32c(text));
  return text;
}

result<known_members> parse_known_members(std::string_view text) {
  if (!text.starts_with(head))
    return text.starts_with(format_key)
             ? fail(ec::unsupported, "of another format")
             : damaged("no format");
  const auto sum_at = text.rfind(sum_key);
  std::uint64_t sum = 0;
  if (sum_at == std::string_view::npos || text.back() != '\n'
      || !parse_whole_number(
        text.substr(sum_at + sum_key.size(),
                    text.size() - sum_at - sum_key.size() - 1),
        16, sum)
      || sum != crc32c(text.substr(0, sum_at)))
    return damaged("its checksum is wrong");
  known_members found;
  auto rest = text.substr(head.size(), sum_at - head.size());
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos
        || found.entries.size() == known_members::entries_max
        || !parse_entry(rest.substr(0, end), found.entries.emplace_back()))
      return damaged("a line is no address with a time");
    rest.remove_prefix(end + 1);
  }
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
