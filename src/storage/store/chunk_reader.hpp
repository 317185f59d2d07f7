#pragma once

#include "storage/store/store_core.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dfs::storage {

/// Reading of chunks, as `chunk_store` describes it. Takes `core.index` only,
/// and never over a read from the disk: what has changed meanwhile is noticed
/// by its checksum, and looked up again.
class chunk_reader {
public:
  explicit chunk_reader(store_core& core);

  [[nodiscard]] result<read_plan>
  plan(chunk_id chunk, std::uint32_t offset, std::uint32_t length);
  /// @param cached Without waiting for the disk: `ec::busy`.
  [[nodiscard]] result<std::uint32_t>
  read(chunk_id chunk, std::uint32_t offset, std::span<char> to, bool cached);
  [[nodiscard]] result<std::vector<block_fault>> verify(chunk_id chunk);

private:
  /// Where a block is, at one moment.
  struct block_place {
    std::shared_ptr<const std::string> overlay;
    chunk_file_id file;
    log_position packed; ///< Its bytes; zero: they are in the file.
    std::uint32_t length = 0;
    std::uint32_t crc = 0;

    bool operator==(const block_place&) const = default;
  };

  [[nodiscard]] result<block_place>
  find(chunk_id chunk, std::uint32_t block) const;
  [[nodiscard]] result<nothing> fetch(const block_place& place,
                                      std::uint32_t block, std::span<char> to,
                                      bool cached);
  /// @param to Room for a block. @returns how long it is.
  [[nodiscard]] result<std::uint32_t>
  read_block(chunk_id chunk, std::uint32_t block, std::span<char> to,
             bool cached);
  [[nodiscard]] result<read_plan>
  plan_packed(const packed_chunk& x, std::uint32_t length) const;

  store_core& core_;
};

} // namespace dfs::storage
