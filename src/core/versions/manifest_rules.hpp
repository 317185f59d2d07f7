#pragma once

#include "core/versions/keep_policy.hpp"
#include "messages/version_control.hpp"

#include <cstddef>
#include <optional>

// What a primary may make of a manifest. Pure.

namespace dfs::core {

/// Writers whose last put a manifest remembers; one that is lower than all the
/// others may come on top, as may those that are leaving.
inline constexpr std::size_t writers_max = 32;

/// Null: there is no version.
[[nodiscard]] const msg::file_version* newest_of(const msg::file_manifest& x);

/// What is known of a put.
struct put_knowledge {
  enum class kind : std::uint8_t {
    open,      ///< Nothing: it may be done.
    known,     ///< Done, or barred: `version`.
    overtaken, ///< A later put of this writer is there.
    forgotten, ///< Too long ago: it may not be done any more.
  };
  kind what = kind::open;
  version_number version;
};
[[nodiscard]] put_knowledge
look_up(const msg::file_manifest& x, const msg::put_id& put);

/// The manifest after that put.
/// @param version With the number that the file's name shows: it gets the next
///   one, as the first of a file that its group has forgotten. Where there is a
///   version it follows that.
/// @pre `look_up` says open.
[[nodiscard]] msg::file_manifest
add_version(msg::file_manifest x, msg::file_version version,
            const keep_policy& keep, std::int64_t now_ms);

/// The manifest in which that put is barred. @pre `look_up` says open.
[[nodiscard]] msg::file_manifest
bar(msg::file_manifest x, const msg::put_id& put);

/// The manifest that ends a deleted file: no put can follow.
/// @pre The newest is `deleted`.
[[nodiscard]] msg::file_manifest
close(msg::file_manifest x, std::int64_t now_ms);

/// The outcome that left last is in the manifest still, so whoever accepted it
/// could write it down: else an older version of this program made it.
[[nodiscard]] bool shows_what_left(const msg::file_manifest& x);

/// Aborts if it is none: numbers fall by one, outcomes rise, `closed` is alone
/// at the front.
void check_manifest(const msg::file_manifest& x);

} // namespace dfs::core
