#pragma once

#include "base/assert.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace dfs::core {

/// A queue in one piece of memory, and none while it is empty and was never
/// used: chunks have several, and most of them rest.
template <class T>
class flat_queue {
public:
  [[nodiscard]] bool empty() const {
    return head_ == items_.size();
  }
  [[nodiscard]] std::size_t size() const {
    return items_.size() - head_;
  }

  void push_back(T x) {
    items_.push_back(std::move(x));
  }

  void pop_front() {
    DFS_ASSERT(!empty());
    items_[head_++] = T{}; // What it holds must not outlive it.
    // Moving what is left costs less than what has been taken.
    if (head_ * 2 < items_.size())
      return;
    items_.erase(items_.begin(),
                 items_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  [[nodiscard]] T& front() {
    DFS_ASSERT(!empty());
    return items_[head_];
  }
  [[nodiscard]] const T& front() const {
    DFS_ASSERT(!empty());
    return items_[head_];
  }
  [[nodiscard]] const T& back() const {
    DFS_ASSERT(!empty());
    return items_.back();
  }

  [[nodiscard]] T& operator[](std::size_t index) {
    DFS_ASSERT(index < size());
    return items_[head_ + index];
  }
  [[nodiscard]] const T& operator[](std::size_t index) const {
    DFS_ASSERT(index < size());
    return items_[head_ + index];
  }

  [[nodiscard]] auto begin() {
    return items_.begin() + static_cast<std::ptrdiff_t>(head_);
  }
  [[nodiscard]] auto end() {
    return items_.end();
  }

  void clear() {
    items_.clear();
    head_ = 0;
  }

  /// Gives the memory back.
  void shrink() {
    DFS_ASSERT(empty());
    items_ = {};
    head_ = 0;
  }

private:
  std::vector<T> items_;
  std::size_t head_ = 0; ///< Before it everything is taken.
};

} // namespace dfs::core
