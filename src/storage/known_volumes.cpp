#include "storage/known_volumes.hpp"

#include "base/key_lines.hpp"
#include "base/line_file.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace dfs::storage {

namespace {

constexpr std::size_t bytes_max = 1024 * 1024;

std::string path_in(const std::string& data_dir) {
  return data_dir + "/volumes";
}

} // namespace

std::string to_text(const std::vector<known_volume>& volumes) {
  std::vector<std::string> lines;
  for (const auto& x : volumes)
    lines.push_back(fmt::format("{:016x} {}", x.id.value(), x.path));
  return to_line_file(lines);
}

result<std::vector<known_volume>> parse_known_volumes(std::string_view text) {
  const auto lines = parse_line_file(text);
  if (!lines)
    return lines.error();
  std::vector<known_volume> volumes;
  for (const auto line : *lines) {
    const auto space = line.find(' ');
    std::uint64_t id = 0;
    if (space == std::string_view::npos
        || !parse_whole_number(line.substr(0, space), 16, id))
      return fail(ec::malformed, fmt::format("no volume: '{}'", line));
    volumes.push_back({store_id{id}, std::string{line.substr(space + 1)}});
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
