#pragma once

#include "base/crc32c.hpp"
#include "base/rng.hpp"
#include "storage/chunk_types.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::test {

/// Bytes that differ from those of other seeds at nearly every place.
inline std::string pattern(std::size_t size, std::uint64_t seed) {
  rng random{seed * 2 + 1};
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    auto word = random.below(~std::uint64_t{0});
    for (std::size_t j = i; j < std::min(i + 8, size); ++j, word >>= 8)
      bytes[j] = static_cast<char>(word);
  }
  return bytes;
}

/// CRCs of the parts of `data` that blocks of a chunk cut it into.
inline std::vector<std::uint32_t>
crcs_of(std::uint32_t offset, std::string_view data) {
  std::vector<std::uint32_t> crcs;
  while (!data.empty()) {
    const auto part = std::min<std::size_t>(
      data.size(), storage::block_bytes - offset % storage::block_bytes);
    crcs.push_back(crc32c(data.substr(0, part)));
    data.remove_prefix(part);
    offset += static_cast<std::uint32_t>(part);
  }
  return crcs;
}

/// A mutation and its data, as one thing.
class chunk_change {
public:
  chunk_change(chunk_id chunk, chunk_version version, mutation_serial serial,
               storage::mutation_kind kind, std::uint32_t offset,
               std::string data, writer_id writer = {},
               std::uint64_t sequence = 0)
    : data_{std::move(data)},
      what_{chunk,  version, serial,
            kind,   offset,  static_cast<std::uint32_t>(data_.size()),
            writer, sequence},
      pieces_{data_},
      crcs_{crcs_of(offset, data_)} {
    // nop
  }
  chunk_change(const chunk_change&) = delete;

  [[nodiscard]] const storage::mutation& what() const {
    return what_;
  }
  [[nodiscard]] storage::payload data() const {
    return {{&pieces_, data_.empty() ? 0u : 1u}, crcs_};
  }

private:
  std::string data_;
  storage::mutation what_;
  std::string_view pieces_;
  std::vector<std::uint32_t> crcs_;
};

} // namespace dfs::test
