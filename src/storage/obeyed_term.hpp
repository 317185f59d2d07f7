#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/file_io.hpp"

#include <string>
#include <string_view>

// The newest master that a chunkserver ever obeyed: the file `master_term` of
// its data directory (docs/formats/data_dir.md). An older one must not order
// deletions from metadata that is out of date.

namespace dfs::storage {

/// @returns zero where there is no file; `ec::configuration` for one that is
///          damaged or of a newer format, with how to mend.
[[nodiscard]] result<master_term>
read_obeyed_term(file_io& io, const std::string& data_dir);

/// Replaces the file, durably. Repeatable. @returns as `file_io` says.
[[nodiscard]] result<nothing>
write_obeyed_term(file_io& io, const std::string& data_dir, master_term term);

/// What stands in the file.
[[nodiscard]] std::string obeyed_term_text(master_term term);

/// @returns `ec::malformed`, `ec::unsupported`.
[[nodiscard]] result<master_term> parse_obeyed_term(std::string_view text);

} // namespace dfs::storage
