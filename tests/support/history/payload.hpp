#pragma once

#include "support/history/append_checker.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Bytes that tell what they are: whoever reads them knows which operation they
// come from, and whether any byte of them is wrong, lost or mixed with others.
// The system under test gives nothing to this: no code of `src/` but CRC32C.

namespace dfs::history {

/// Appends `bytes` bytes that stand for `value` in cell `cell` of `key`. Every
/// 16 of them differ from all that any other cell, key or value has there.
/// @pre `bytes` is a multiple of 16 and at least 16.
void append_cell(std::string& out, std::string_view key, std::uint32_t cell,
                 std::uint64_t value, std::size_t bytes);

/// The value that all of `bytes` stand for; zeros stand for `nothing_written`.
/// Nothing if they stand for more than one, or for none.
[[nodiscard]] std::optional<std::uint64_t>
cell_value(std::string_view bytes, std::string_view key, std::uint32_t cell);

inline constexpr std::size_t record_bytes_min = 24;

/// @pre `record` is not zero, `bytes` at least `record_bytes_min`.
[[nodiscard]] std::string make_record(std::uint64_t record, std::size_t bytes);

/// Finds the records in `bytes`, which begin at `content.begin`; whatever is no
/// whole record is a flaw.
void find_records(std::string_view bytes, replica_content& content);

} // namespace dfs::history
