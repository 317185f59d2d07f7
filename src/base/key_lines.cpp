#include "base/key_lines.hpp"

#include <algorithm>
#include <charconv>

namespace dfs {

bool parse_key_lines(std::string_view text,
                     std::map<std::string, std::string>& to) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find(" = ");
    if (equals == std::string_view::npos
        || !to.emplace(line.substr(0, equals), line.substr(equals + 3)).second)
      return false;
  }
  return true;
}

bool parse_whole_number(std::string_view text, int base, std::uint64_t& to) {
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, to, base);
  return !text.empty() && parsed.ec == std::errc{} && parsed.ptr == end;
}

} // namespace dfs
