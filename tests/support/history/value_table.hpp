#pragma once

#include "support/history/operation.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace dfs::history {

/// The values of one key as small numbers, and who needs them where.
class value_table {
public:
  value_table(const std::vector<const operation*>& all, std::uint32_t cells)
    : cells_{cells} {
    number_of(nothing_written);
    for (const auto* x : all) {
      number_of(x->value);
      for (const auto value : x->values)
        number_of(value);
    }
    readers_.assign(cells_ * numbers_.size(), 0);
    writers_ = readers_;
    for (const auto* x : all)
      count(*x, 1);
  }

  /// An operation is placed (-1), or not any more (1).
  void count(const operation& x, int by) {
    for (std::uint32_t i = 0; i < x.cells; ++i) {
      if (x.op == verb::read)
        readers_[slot(x.cell + i, x.values[i])] += by;
      else
        writers_[slot(x.cell + i, x.value)] += by;
    }
  }

  /// Somebody must still see this value here, and nobody will write it again.
  [[nodiscard]] bool must_stay(std::uint32_t cell, std::uint64_t value) const {
    const auto at = slot(cell, value);
    return readers_[at] > 0 && writers_[at] == 0;
  }

  [[nodiscard]] bool awaited(const operation& write) const {
    for (std::uint32_t i = 0; i < write.cells; ++i)
      if (readers_[slot(write.cell + i, write.value)] > 0)
        return true;
    return false;
  }

private:
  void number_of(std::uint64_t value) {
    numbers_.emplace(value, static_cast<std::uint32_t>(numbers_.size()));
  }

  std::size_t slot(std::uint32_t cell, std::uint64_t value) const {
    return numbers_.at(value) * std::size_t{cells_} + cell;
  }

  std::uint32_t cells_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<std::int32_t> readers_; ///< Not placed yet, by `slot`.
  std::vector<std::int32_t> writers_;
};

} // namespace dfs::history
