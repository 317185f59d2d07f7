#pragma once

#include "base/utc_time.hpp"
#include "core/filetree/hash_index.hpp"
#include "core/filetree/tree_operation.hpp"
#include "core/filetree/tree_rows.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

namespace dfs::core {

/// Requests of about the same time are forgotten together.
inline constexpr std::chrono::minutes request_period{2};

/// Which changes were made under which numbers, for `life` at least (SPEC S7,
/// V4): 24 bytes each and the free room. Bounded: what no room is left for must
/// not be done.
class request_table {
public:
  request_table(std::chrono::milliseconds life, std::size_t size_max)
    : life_{life},
      size_max_{size_max} {
    // nop
  }

  [[nodiscard]] static std::uint64_t period_of(unix_milliseconds now) {
    return static_cast<std::uint64_t>(now.time_since_epoch() / request_period);
  }

  [[nodiscard]] std::optional<request_row> find(std::uint64_t number) const {
    if (number == 0)
      return std::nullopt; // As free cells are.
    for (auto at = periods_.rbegin(); at != periods_.rend(); ++at)
      if (const auto* x = at->second.find(number))
        return request_row{static_cast<std::uint8_t>(x->operation), x->subject,
                           x->count, x->check};
    return std::nullopt;
  }

  [[nodiscard]] bool full() const {
    return size_ >= size_max_;
  }

  /// @pre A number that is not there, and not zero.
  void
  insert(std::uint64_t period, std::uint64_t number, const request_row& what) {
    periods_[period].insert(
      {number, what.subject, what.check,
       static_cast<std::uint32_t>(std::min(what.count, count_max)),
       std::min<std::uint32_t>(what.operation, no_operation)});
    ++size_;
  }

  /// The oldest period, if all of it may be forgotten.
  [[nodiscard]] std::optional<std::uint64_t>
  forgettable(unix_milliseconds now) const {
    if (periods_.empty())
      return std::nullopt;
    const auto oldest = periods_.begin()->first;
    const auto ends = unix_milliseconds{(oldest + 1) * request_period};
    return ends + life_ <= now ? std::optional{oldest} : std::nullopt;
  }

  /// @pre It is there.
  void forget(std::uint64_t period) {
    const auto found = periods_.find(period);
    size_ -= found->second.size();
    periods_.erase(found);
  }

  [[nodiscard]] std::size_t size() const {
    return size_;
  }

private:
  struct entry {
    std::uint64_t number = 0; ///< Zero: the cell is free.
    std::uint64_t subject = 0;
    request_check check = 0;
    std::uint32_t count : 27 = 0;
    std::uint32_t operation : 5 = 0;
  };
  static_assert(sizeof(entry) == 24);
  static constexpr std::uint32_t no_operation = (1u << 5) - 1;
  static_assert(std::variant_size_v<tree_operation> <= no_operation);
  /// Of files that a removal took: who asks again is told no more.
  static constexpr std::uint64_t count_max = (1u << 27) - 1;

  /// Open addressing; nothing is removed one by one.
  class cells {
  public:
    [[nodiscard]] const entry* find(std::uint64_t number) const {
      if (all_.empty())
        return nullptr;
      const auto& x = all_[place_of(number, all_)];
      return x.number == number ? &x : nullptr;
    }

    void insert(const entry& x) {
      if (4 * (used_ + 1) > 3 * all_.size()) {
        std::vector<entry> larger(
          std::max<std::size_t>(64, all_.size() * 3 / 2));
        for (const auto& old : all_)
          if (old.number != 0)
            larger[place_of(old.number, larger)] = old;
        all_ = std::move(larger);
      }
      all_[place_of(x.number, all_)] = x;
      ++used_;
    }

    [[nodiscard]] std::size_t size() const {
      return used_;
    }

  private:
    static std::size_t
    place_of(std::uint64_t number, const std::vector<entry>& in) {
      // Clients choose the numbers: spread what may be 1, 2, 3.
      auto at
        = static_cast<std::size_t>(((mixed(number) >> 32) * in.size()) >> 32);
      while (in[at].number != 0 && in[at].number != number)
        at = at + 1 == in.size() ? 0 : at + 1;
      return at;
    }

    std::vector<entry> all_;
    std::size_t used_ = 0;
  };

  std::chrono::milliseconds life_;
  std::size_t size_max_;
  std::map<std::uint64_t, cells> periods_;
  std::size_t size_ = 0;
};

} // namespace dfs::core
