#pragma once

#include "base/result.hpp"
#include "storage/chunk_types.hpp"
#include "storage/file_io.hpp"

#include <string>
#include <string_view>
#include <vector>

// Which volumes a node has had: the file `volumes` of its data directory
// (docs/formats/data_dir.md). It is what tells an emptied disk from a new one.

namespace dfs::storage {

/// @returns an empty list where there is no file; `ec::configuration` for one
///          that is damaged or of a newer format, with how to mend.
[[nodiscard]] result<std::vector<known_volume>>
read_known_volumes(file_io& io, const std::string& data_dir);

/// Replaces the file, durably. Repeatable. @returns as `file_io` says.
[[nodiscard]] result<nothing>
write_known_volumes(file_io& io, const std::string& data_dir,
                    const std::vector<known_volume>& volumes);

/// What stands in the file.
[[nodiscard]] std::string to_text(const std::vector<known_volume>& volumes);

/// @returns `ec::malformed`, `ec::unsupported`.
[[nodiscard]] result<std::vector<known_volume>>
parse_known_volumes(std::string_view text);

} // namespace dfs::storage
