#pragma once

#include "base/ids.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dfs::core {

/// A sorted map from chunk ids, made for ids that are given in a row: a page
/// holds 64 neighbours, packed, and a bit for each. Some 1.5 bytes an entry
/// beside the entry itself while most neighbours are there, and at worst, one
/// entry to a page, 110.
///
/// References hold until the next insertion or removal.
template <class T>
class chunk_pages {
public:
  [[nodiscard]] T* find(chunk_id id) {
    const auto it = pages_.find(id.value() / page_ids);
    return it == pages_.end() ? nullptr : it->second.find(bit_of(id));
  }
  [[nodiscard]] const T* find(chunk_id id) const {
    return const_cast<chunk_pages*>(this)->find(id);
  }

  /// The entry, made if need be.
  T& operator[](chunk_id id) {
    auto& page = pages_[id.value() / page_ids];
    const auto bit = bit_of(id);
    if (auto* known = page.find(bit))
      return *known;
    ++size_;
    const auto place = page.rank(bit);
    page.present |= bit;
    return *page.entries.emplace(page.entries.begin()
                                 + static_cast<std::ptrdiff_t>(place));
  }

  bool erase(chunk_id id) {
    const auto it = pages_.find(id.value() / page_ids);
    const auto bit = bit_of(id);
    if (it == pages_.end() || (it->second.present & bit) == 0)
      return false;
    auto& page = it->second;
    page.entries.erase(page.entries.begin()
                       + static_cast<std::ptrdiff_t>(page.rank(bit)));
    page.present &= ~bit;
    if (page.entries.empty())
      pages_.erase(it);
    else if (page.entries.capacity() >= 2 * page.entries.size() + 8)
      page.entries.shrink_to_fit();
    --size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const {
    return size_;
  }

  /// By id, from the first one that is not below `from`, until `each(id,
  /// entry)` returns false. Nothing may be inserted or erased on the way.
  template <class F>
  void each_from(chunk_id from, F each) {
    for (auto it = pages_.lower_bound(from.value() / page_ids);
         it != pages_.end(); ++it) {
      std::size_t place = 0;
      for (auto bits = it->second.present; bits != 0; bits &= bits - 1) {
        const chunk_id id{it->first * page_ids
                          + static_cast<std::uint64_t>(std::countr_zero(bits))};
        auto& entry = it->second.entries[place++];
        if (id >= from && !each(id, entry))
          return;
      }
    }
  }
  template <class F>
  void each_from(chunk_id from, F each) const {
    const_cast<chunk_pages*>(this)->each_from(
      from, [&](chunk_id id, const T& x) { return each(id, x); });
  }

private:
  static constexpr std::uint64_t page_ids = 64;

  struct page {
    std::uint64_t present = 0;
    std::vector<T> entries; ///< Of the bits that are set, in their order.

    [[nodiscard]] std::size_t rank(std::uint64_t bit) const {
      return static_cast<std::size_t>(std::popcount(present & (bit - 1)));
    }
    [[nodiscard]] T* find(std::uint64_t bit) {
      return (present & bit) == 0 ? nullptr : &entries[rank(bit)];
    }
  };

  static std::uint64_t bit_of(chunk_id id) {
    return std::uint64_t{1} << (id.value() % page_ids);
  }

  std::map<std::uint64_t, page> pages_;
  std::size_t size_ = 0;
};

} // namespace dfs::core
