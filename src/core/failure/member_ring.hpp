#pragma once

#include "base/rng.hpp"
#include "messages/gossip.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace dfs::core {

/// The members in the order of their stable hash, as a circle: who monitors
/// whom. Every node with the same list has the same ring.
class member_ring {
public:
  struct slot {
    std::uint64_t hash;
    msg::member_id id;

    auto operator<=>(const slot&) const = default;
  };

  /// Both O(n): lists change rarely. Safe to repeat.
  void insert(const msg::member_id& id);
  void erase(const msg::member_id& id);

  [[nodiscard]] std::size_t size() const {
    return slots_.size();
  }

  /// The position of the first slot at or after that hash; `size()` if none.
  [[nodiscard]] std::size_t lower_bound(std::uint64_t hash) const;

  [[nodiscard]] const slot& at(std::size_t position) const {
    return slots_[position];
  }

  /// The `steps`-th after `id`, counted round the circle; `id` need not be on
  /// it. @pre The ring is not empty and `steps` is at least 1.
  [[nodiscard]] const msg::member_id&
  after(const msg::member_id& id, std::size_t steps) const;

  /// Up to `count` nearest predecessors of `id` but `id`, nearest first.
  [[nodiscard]] std::vector<msg::member_id>
  predecessors(const msg::member_id& id, std::size_t count) const;

  [[nodiscard]] const msg::member_id& any(rng& random) const {
    return slots_[random.below(slots_.size())].id;
  }

  /// Up to `count` different members, none of them `self` or `other`.
  [[nodiscard]] std::vector<msg::member_id>
  sample(rng& random, std::size_t count, const msg::member_id& self,
         const msg::member_id& other) const;

  /// Aborts if the order is broken.
  void check() const;

private:
  std::vector<slot> slots_; ///< Sorted.
};

} // namespace dfs::core
