#pragma once

#include <cstdint>
#include <span>

namespace dfs::bench {

/// Bytes that no store can fold: random, and each KiB is stamped with whose it
/// is and where it stands. Equal seeds give equal bytes.
void fill(std::span<char> bytes, std::uint64_t seed);

/// Stamps bytes that stand at `offset` of the file `id`.
void stamp(std::span<char> bytes, std::uint64_t id, std::uint64_t offset);

/// Whether they are the bytes of that place.
[[nodiscard]] bool
is_stamped(std::span<const char> bytes, std::uint64_t id, std::uint64_t offset);

} // namespace dfs::bench
