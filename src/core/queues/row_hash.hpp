#pragma once

#include "base/crc32c.hpp"

#include <cstdint>
#include <string_view>

namespace dfs::core {

/// Hash of one row of a state. The state's hash is the sum of its rows' hashes,
/// so that a row is added and taken away in no time, in any order. Finds
/// differences that bugs make; proves nothing against an adversary.
///
/// Mixing: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
class row_hash {
public:
  /// @param kind Tells rows of one kind from those of another.
  explicit row_hash(std::uint64_t kind) : value_{mix(kind)} {
    // nop
  }

  row_hash& add(std::uint64_t x) {
    value_ = mix(value_ ^ mix(x));
    return *this;
  }

  row_hash& add(std::string_view bytes) {
    return add(std::uint64_t{crc32c(bytes)} << 32 ^ bytes.size());
  }

  [[nodiscard]] std::uint64_t value() const {
    return value_;
  }

private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9e37'79b9'7f4a'7c15;
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
  }

  std::uint64_t value_;
};

} // namespace dfs::core
