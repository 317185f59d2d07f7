#pragma once

namespace dfs::test {

/// Under AddressSanitizer everything takes several times as long, and what has
/// been freed is kept back for a while.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool address_sanitized = true;
#else
inline constexpr bool address_sanitized = false;
#endif
#else
inline constexpr bool address_sanitized = false;
#endif

} // namespace dfs::test
