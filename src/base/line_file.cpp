#include "base/line_file.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

namespace dfs {

namespace {

constexpr std::string_view first_line = "format = 1\n";
constexpr std::string_view format_key = "format = ";
constexpr std::string_view sum_key = "crc32c = ";

std::string sum_line(std::string_view above) {
  return fmt::format("{}{:08x}\n", sum_key, crc32c(above));
}

} // namespace

std::string to_line_file(const std::vector<std::string>& entries) {
  std::string text{first_line};
  for (const auto& x : entries) {
    text += x;
    text += '\n';
  }
  return text += sum_line(text);
}

result<std::vector<std::string_view>> parse_line_file(std::string_view text) {
  if (!text.starts_with(first_line))
    return text.starts_with(format_key)
             ? fail(ec::unsupported, "it is of another format than 1")
             : fail(ec::malformed, "it is damaged: it names no format");
  const auto sum_at = text.rfind(sum_key);
  if (sum_at == std::string_view::npos
      || text.substr(sum_at) != sum_line(text.substr(0, sum_at)))
    return fail(ec::malformed, "it is damaged: its checksum is wrong");
  std::vector<std::string_view> entries;
  auto rest = text.substr(first_line.size(), sum_at - first_line.size());
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos)
      return fail(ec::malformed, "it is damaged: a line has no end");
    entries.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return entries;
}

} // namespace dfs
