#pragma once

#include "base/result.hpp"
#include "storage/chunk_types.hpp"
#include "storage/file_io.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dfs::storage {

/// What stands in a volume's file `identity` (docs/formats/chunk_store.md).
struct volume_identity {
  store_owner owner;
  store_id volume; ///< Random, never zero, never changes.

  bool operator==(const volume_identity&) const = default;
};

[[nodiscard]] std::string to_text(const volume_identity& x);

/// @returns `ec::malformed`, or `ec::unsupported` for a newer format.
[[nodiscard]] result<volume_identity>
parse_volume_identity(std::string_view text);

/// A volume held: no other process opens it meanwhile.
struct held_volume {
  volume_identity identity;
  std::unique_ptr<file_lock> lock;
};

/// Opens, or makes in a missing or empty directory that no volume in `known`
/// had. Writes nothing into a directory that it refuses.
/// @returns `ec::not_found` (its disk is not there), `ec::malformed` (the
///   identity), `ec::in_use`, `ec::configuration`, `ec::io_error`, `ec::full`.
[[nodiscard]] result<held_volume>
hold_volume(file_io& io, const std::string& path, const store_owner& owner,
            std::span<const known_volume> known);

} // namespace dfs::storage
