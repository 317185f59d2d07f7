#include "core/filetree/path.hpp"

#include "base/assert.hpp"

#include <cstdint>

namespace dfs::core {

namespace {

/// Bytes of the code point that `text` begins with; 0 if it is none.
std::size_t code_point_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i, unsigned low, unsigned high) {
    return at(i) >= low && at(i) <= high;
  };
  const auto first = at(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const auto low = first == 0xe0 ? 0xa0u : 0x80u;  // Overlong.
    const auto high = first == 0xed ? 0x9fu : 0xbfu; // Surrogates.
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const auto low = first == 0xf0 ? 0x90u : 0x80u;
    const auto high = first == 0xf4 ? 0x8fu : 0xbfu; // Up to U+10FFFF.
    return follows(1, low, high) && follows(2, 0x80, 0xbf)
               && follows(3, 0x80, 0xbf)
             ? 4
             : 0;
  }
  return 0;
}

error broken(std::string_view path, const std::string& rule) {
  return fail(ec::invalid_argument, "'" + printable(path) + "': " + rule);
}

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto bytes = code_point_bytes(text);
    if (bytes == 0)
      return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string printable(std::string_view path) {
  constexpr std::size_t shown_max = 300;
  std::string text;
  while (!path.empty() && text.size() < shown_max) {
    const auto bytes = code_point_bytes(path);
    const auto plain
      = bytes > 1 || (bytes == 1 && path[0] >= ' ' && path[0] != '\x7f');
    if (plain)
      text += path.substr(0, bytes);
    else
      text += '?';
    path.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return path.empty() ? text : text + "...";
}

result<nothing> check_name(std::string_view name) {
  if (name.empty())
    return broken(name, "a component is empty");
  if (name == "." || name == "..")
    return broken(name, "a component is '" + std::string{name}
                          + "'; paths are absolute and without dots");
  if (name.size() > name_bytes_max)
    return broken(name, "a component has " + std::to_string(name.size())
                          + " bytes, the limit is "
                          + std::to_string(name_bytes_max));
  if (name.find('/') != name.npos)
    return broken(name, "a component holds a '/'");
  if (name.find('\0') != name.npos)
    return broken(name, "a component holds a zero byte");
  if (!is_utf8(name))
    return broken(name, "a component is not UTF-8");
  return done;
}

result<nothing> check_path(std::string_view path) {
  if (path.empty() || path[0] != '/')
    return broken(path, "a path begins with '/'");
  if (path.size() > path_bytes_max)
    return broken(path, "the path has " + std::to_string(path.size())
                          + " bytes, the limit is "
                          + std::to_string(path_bytes_max));
  if (path == "/")
    return done;
  auto rest = path.substr(1);
  for (;;) {
    const auto slash = rest.find('/');
    if (auto good = check_name(rest.substr(0, slash)); !good) {
      const auto& why = good.error().context;
      // The path as a whole, with what `check_name` says of the component.
      return broken(path, why.substr(why.find("': ") + 3));
    }
    if (slash == rest.npos)
      return done;
    rest.remove_prefix(slash + 1);
  }
}

std::string_view parent_path(std::string_view path) {
  DFS_ASSERT(path.size() > 1);
  const auto slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::string_view last_name(std::string_view path) {
  DFS_ASSERT(path.size() > 1);
  return path.substr(path.rfind('/') + 1);
}

} // namespace dfs::core
