#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace dfs::wire {

/// Which of one sender's counters have been seen: everything up to the highest,
/// except for the gaps among the last `size`.
class replay_window {
public:
  static constexpr std::uint64_t size = 1'024;

  /// Counts everything up to `seen` as seen.
  explicit replay_window(std::uint64_t seen) : highest_{seen} {
    bits_.fill(~std::uint64_t{0});
  }

  /// False for counters below the window, seen or not.
  [[nodiscard]] bool is_fresh(std::uint64_t counter) const {
    if (counter > highest_)
      return true;
    return highest_ - counter < size && (word(counter) & bit(counter)) == 0;
  }

  /// @pre `is_fresh(counter)`.
  void mark(std::uint64_t counter) {
    if (counter > highest_) {
      if (counter - highest_ >= size)
        bits_.fill(0); // A jump over the whole window leaves nothing of it.
      else
        for (auto skipped = highest_ + 1; skipped < counter; ++skipped)
          word(skipped) &= ~bit(skipped);
      highest_ = counter;
    }
    word(counter) |= bit(counter);
  }

private:
  static constexpr std::size_t word_bits = 64;

  [[nodiscard]] static std::uint64_t bit(std::uint64_t counter) {
    return std::uint64_t{1} << (counter % word_bits);
  }

  [[nodiscard]] std::uint64_t& word(std::uint64_t counter) {
    return bits_[counter % size / word_bits];
  }

  [[nodiscard]] std::uint64_t word(std::uint64_t counter) const {
    return bits_[counter % size / word_bits];
  }

  std::uint64_t highest_;
  std::array<std::uint64_t, size / word_bits> bits_{}; ///< By counter % size.
};

} // namespace dfs::wire
