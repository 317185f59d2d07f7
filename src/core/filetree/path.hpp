#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dfs::core {

// What a path may be: absolute, "/" between components, UTF-8; no component is
// empty, "." or "..", or holds a zero byte. The root is "/". There are no
// links: two different paths never name the same thing.

inline constexpr std::size_t path_bytes_max = 4'096;
inline constexpr std::size_t name_bytes_max = 255; ///< Of a component.

/// @returns `ec::invalid_argument`; the context says which rule is broken.
[[nodiscard]] result<nothing> check_path(std::string_view path);

/// The same for one component.
[[nodiscard]] result<nothing> check_name(std::string_view name);

/// Whether all of it is well-formed UTF-8: no surrogates, nothing overlong.
[[nodiscard]] bool is_utf8(std::string_view text);

/// For error messages: control characters and broken UTF-8 come out as '?', and
/// long paths are cut.
[[nodiscard]] std::string printable(std::string_view path);

/// "/a" of "/a/b", "/" of "/a". @pre A valid path that is not the root.
[[nodiscard]] std::string_view parent_path(std::string_view path);

/// "b" of "/a/b". @pre As `parent_path`.
[[nodiscard]] std::string_view last_name(std::string_view path);

} // namespace dfs::core
