#pragma once

#include "base/result.hpp"
#include "wire/decoder.hpp"
#include "wire/encoder.hpp"

#include <string>
#include <string_view>

// Bytes of structs, for datagrams and frames. A struct's one `inspect` function
// serves CAF and this codec alike, so a field is named once. CAF stays out of
// this header: what CAF adds to `inspect` calls (annotations) is skipped.
//
// Format: bool, 8 and 16 bits fixed, little endian; wider integers, enums by
// their underlying type and durations as LEB128 varints (signed ones zigzag);
// strings and sequences as a varint count and their elements; std::array its
// elements; structs their fields in inspect order, nothing between. A decoder
// of an older version ignores trailing fields only where the caller says so.

namespace dfs::wire {

template <class T>
[[nodiscard]] std::string encode(const T& x) {
  std::string bytes;
  encoder{bytes}(x);
  return bytes;
}

/// All of `bytes` must be one `T`.
/// @returns `ec::malformed`.
template <class T>
[[nodiscard]] result<T> decode(std::string_view bytes) {
  T x{};
  decoder source{bytes};
  source(x);
  if (!source.ok() || !source.left().empty())
    return fail(ec::malformed, "the bytes are no such message");
  return x;
}

} // namespace dfs::wire
