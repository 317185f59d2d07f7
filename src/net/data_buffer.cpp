#include "net/data_buffer.hpp"

#include "base/assert.hpp"

#include <array>
#include <mutex>
#include <new>

namespace dfs::net {

namespace {

constexpr std::array<std::size_t, 6> class_bytes{
  4 * 1024,    64 * 1024,       256 * 1024,
  1024 * 1024, 4 * 1024 * 1024, buffer_pool::buffer_bytes_max};

/// Larger ones are rare.
constexpr std::size_t kept_bytes_max = 1024 * 1024;

std::size_t class_of(std::size_t size) {
  std::size_t which = 0;
  while (class_bytes[which] < size)
    ++which;
  return which;
}

} // namespace

/// The lock is held for a few instructions, and nearly always taken by the one
/// thread of a loop.
class buffer_pool::shelf {
public:
  explicit shelf(std::size_t idle_bytes_max) : idle_bytes_max_{idle_bytes_max} {
    // nop
  }

  shelf(const shelf&) = delete;
  shelf& operator=(const shelf&) = delete;

  ~shelf() {
    for (auto& row : idle_)
      for (auto* memory : row)
        drop(memory);
  }

  char* take(std::size_t which) {
    {
      const std::lock_guard guard{mutex_};
      used_bytes_ += class_bytes[which];
      auto& row = idle_[which];
      if (!row.empty()) {
        auto* memory = row.back();
        row.pop_back();
        idle_bytes_ -= class_bytes[which];
        return memory;
      }
    }
    return static_cast<char*>(::operator new[](class_bytes[which], page));
  }

  void give(std::size_t which, char* memory) {
    {
      const std::lock_guard guard{mutex_};
      used_bytes_ -= class_bytes[which];
      if (class_bytes[which] <= kept_bytes_max
          && idle_bytes_ + class_bytes[which] <= idle_bytes_max_) {
        idle_[which].push_back(memory);
        idle_bytes_ += class_bytes[which];
        return;
      }
    }
    drop(memory);
  }

  [[nodiscard]] std::size_t used_bytes() const {
    const std::lock_guard guard{mutex_};
    return used_bytes_;
  }

  [[nodiscard]] std::size_t idle_bytes() const {
    const std::lock_guard guard{mutex_};
    return idle_bytes_;
  }

private:
  /// As files want it that are written past the page cache.
  static constexpr std::align_val_t page{4096};

  static void drop(char* memory) {
    ::operator delete[](memory, page);
  }

  const std::size_t idle_bytes_max_;
  mutable std::mutex mutex_;
  std::array<std::vector<char*>, class_bytes.size()> idle_;
  std::size_t idle_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

buffer_pool::buffer_pool(std::size_t idle_bytes_max)
  : shelf_{std::make_shared<shelf>(idle_bytes_max)} {
  // nop
}

data_buffer buffer_pool::take(std::size_t size) {
  DFS_ASSERT(size > 0 && size <= buffer_bytes_max);
  const auto which = class_of(size);
  std::shared_ptr<char> memory{
    shelf_->take(which),
    [which, home = shelf_](char* x) { home->give(which, x); }};
  return {std::move(memory), size};
}

std::size_t buffer_pool::used_bytes() const {
  return shelf_->used_bytes();
}

std::size_t buffer_pool::idle_bytes() const {
  return shelf_->idle_bytes();
}

} // namespace dfs::net
