#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfs::core {

/// Finds small numbers (of nodes) by a hash of what they stand for: 4 bytes and
/// the free room per entry, since the keys are elsewhere. Linear probing, in
/// shards, so that growing never stops the world for long.
class hash_index {
public:
  using entry = std::uint32_t;
  static constexpr entry none = ~entry{0};

  /// @param is_it Whether an entry is the one that is looked for.
  template <class Predicate>
  [[nodiscard]] entry find(std::uint64_t hash, Predicate is_it) const {
    const auto& shard = shards_[shard_of(hash)];
    if (shard.cells.empty())
      return none;
    for (auto at = home(hash, shard);; at = next(at, shard)) {
      const auto x = shard.cells[at];
      if (x == none || is_it(x))
        return x;
    }
  }

  /// @pre Not there. @param hash_of The hash of an entry that is there.
  template <class Hash>
  void insert(std::uint64_t hash, entry x, Hash hash_of) {
    auto& shard = shards_[shard_of(hash)];
    if (4 * (shard.used + 1) > 3 * shard.cells.size())
      grow(shard, hash_of);
    place(hash, x, shard);
    ++shard.used;
  }

  /// @pre It is there.
  template <class Hash>
  void erase(std::uint64_t hash, entry x, Hash hash_of) {
    auto& shard = shards_[shard_of(hash)];
    auto hole = home(hash, shard);
    while (shard.cells[hole] != x)
      hole = next(hole, shard);
    // Whatever follows moves up, unless it would come before its home.
    for (auto at = next(hole, shard); shard.cells[at] != none;
         at = next(at, shard)) {
      const auto wanted = home(hash_of(shard.cells[at]), shard);
      const auto size = shard.cells.size();
      if ((at + size - wanted) % size >= (at + size - hole) % size) {
        shard.cells[hole] = shard.cells[at];
        hole = at;
      }
    }
    shard.cells[hole] = none;
    --shard.used;
  }

  /// Fetches the cell of a hash ahead of its use.
  void prefetch(std::uint64_t hash) const {
    const auto& shard = shards_[shard_of(hash)];
    if (!shard.cells.empty())
      __builtin_prefetch(&shard.cells[home(hash, shard)]);
  }

  [[nodiscard]] std::size_t size() const {
    std::size_t all = 0;
    for (const auto& shard : shards_)
      all += shard.used;
    return all;
  }

private:
  struct table {
    std::vector<entry> cells;
    std::size_t used = 0;
  };

  static constexpr std::size_t shards = 256;
  static constexpr std::size_t cells_min = 8;

  static std::size_t shard_of(std::uint64_t hash) {
    return hash >> 56;
  }

  /// The low half spread over the cells, whose number is no power of two.
  static std::size_t home(std::uint64_t hash, const table& shard) {
    return static_cast<std::size_t>(((hash & 0xffff'ffff) * shard.cells.size())
                                    >> 32);
  }

  static std::size_t next(std::size_t at, const table& shard) {
    return at + 1 == shard.cells.size() ? 0 : at + 1;
  }

  static void place(std::uint64_t hash, entry x, table& shard) {
    auto at = home(hash, shard);
    while (shard.cells[at] != none)
      at = next(at, shard);
    shard.cells[at] = x;
  }

  template <class Hash>
  static void grow(table& shard, Hash hash_of) {
    table larger;
    const auto size = shard.cells.size();
    larger.cells.assign(size < cells_min ? cells_min : size + size / 2, none);
    larger.used = shard.used;
    for (const auto x : shard.cells)
      if (x != none)
        place(hash_of(x), x, larger);
    shard = std::move(larger);
  }

  std::array<table, shards> shards_;
};

/// Spreads all bits of a number over all bits of the result (the finaliser of
/// splitmix64).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
  return x ^ x >> 31;
}

} // namespace dfs::core
