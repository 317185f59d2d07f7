#include "storage/known_volumes.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace dfs::storage {

namespace {

constexpr std::size_t bytes_max = 1024 * 1024;
constexpr std::string_view first_line = "format = 1\n";
constexpr std::string_view last_key = "crc32c = ";

std::string path_in(const std::string& data_dir) {
  return data_dir + "/volumes";
}

std::optional<std::uint64_t> hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, value, 16);
  if (fault != std::errc{} || stopped != end || text.empty())
    return std::nullopt;
  return value;
}

} // namespace

std::string to_text(const std::vector<known_volume>& volumes) {
  std::string text{first_line};
  for (const auto& x : volumes)
    text += fmt::format("{:016x} {}\n", x.id.value(), x.path);
  text += fmt::format("{}{:08x}\n", last_key, crc32c(text));
  return text;
}

result<std::vector<known_volume>> parse_known_volumes(std::string_view text) {
  if (text.substr(0, first_line.size()) != first_line)
    return fail(text.substr(0, 9) == "format = " ? ec::unsupported
                                                 : ec::malformed,
                "not a list of volumes of format 1");
  const auto at = text.rfind(last_key);
  if (at == std::string_view::npos
      || text.substr(at)
           != fmt::format("{}{:08x}\n", last_key, crc32c(text.substr(0, at))))
    return fail(ec::malformed, "its checksum is wrong");
  std::vector<known_volume> volumes;
  auto rest = text.substr(first_line.size(), at - first_line.size());
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto space = line.find(' ');
    const auto id = hex(line.substr(0, space));
    if (!id || space == std::string_view::npos)
      return fail(ec::malformed, fmt::format("no volume: '{}'", line));
    volumes.push_back({store_id{*id}, std::string{line.substr(space + 1)}});
  }
  return volumes;
}

result<std::vector<known_volume>>
read_known_volumes(file_io& io, const std::string& data_dir) {
  auto text = read_small_file(io, path_in(data_dir), bytes_max);
  if (!text && text.error().code == ec::not_found)
    return std::vector<known_volume>{};
  if (!text)
    return text.error();
  auto volumes = parse_known_volumes(*text);
  if (!volumes)
    return fail(
      ec::configuration,
      fmt::format("{}: {}; if every directory of volumes.paths is the "
                  "right disk, remove this file",
                  path_in(data_dir), volumes.error().context));
  return volumes;
}

result<nothing> write_known_volumes(file_io& io, const std::string& data_dir,
                                    const std::vector<known_volume>& volumes) {
  return replace_file(io, data_dir, "volumes", to_text(volumes));
}

} // namespace dfs::storage
