#pragma once

#include "base/assert.hpp"
#include "core/filetree/path.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace dfs::core {

/// Short strings without a header: whoever has the handle knows the length.
/// Cells are multiples of 8 bytes, reused by size; nothing ever moves.
class name_arena {
public:
  using handle = std::uint32_t;

  name_arena() {
    free_.fill(none);
  }

  /// @pre 1 to `name_bytes_max` bytes.
  [[nodiscard]] handle put(std::string_view name) {
    static_assert(decltype(free_){}.size() * cell_bytes
                  >= name_bytes_max + cell_bytes);
    DFS_ASSERT(!name.empty() && name.size() <= name_bytes_max);
    const auto cells = cells_of(name.size());
    auto at = free_[cells];
    if (at != none)
      std::memcpy(&free_[cells], cell(at), sizeof(handle));
    else
      at = take_new(cells);
    std::memcpy(cell(at), name.data(), name.size());
    return at;
  }

  void remove(handle at, std::size_t bytes) {
    const auto cells = cells_of(bytes);
    std::memcpy(cell(at), &free_[cells], sizeof(handle));
    free_[cells] = at;
  }

  [[nodiscard]] std::string_view get(handle at, std::size_t bytes) const {
    return {cell(at), bytes};
  }

  /// Tells the processor that a name is about to be read.
  void prefetch(handle at) const {
    __builtin_prefetch(cell(at));
  }

private:
  static constexpr std::size_t cell_bytes = 8;
  static constexpr std::size_t block_cells = 1u << 14; ///< 128 KiB.
  static constexpr handle none = ~handle{0};

  static std::size_t cells_of(std::size_t bytes) {
    return (bytes + cell_bytes - 1) / cell_bytes;
  }

  [[nodiscard]] char* cell(handle at) const {
    return blocks_[at / block_cells].get() + at % block_cells * cell_bytes;
  }

  handle take_new(std::size_t cells) {
    if (used_ + cells > block_cells || blocks_.empty()) {
      blocks_.push_back(std::make_unique<char[]>(block_cells * cell_bytes));
      used_ = 0;
      DFS_ASSERT(blocks_.size() <= none / block_cells);
    }
    const auto at = (blocks_.size() - 1) * block_cells + used_;
    used_ += cells;
    return static_cast<handle>(at);
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = 0; ///< Cells of the last block.
  /// By number of cells: the first free one, which holds the next.
  std::array<handle, name_bytes_max / cell_bytes + 2> free_{};
};

} // namespace dfs::core
