#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

// Memory of file bytes on their way: received into once, then handed on, to
// the store, to the next server, to the application, and never copied.

namespace dfs::net {

/// Bytes with shared ownership. Written by whoever took it from the pool, until
/// it is handed on; read only from then on, on any thread.
class data_buffer {
public:
  data_buffer() = default;

  /// @param memory At least `size` bytes.
  data_buffer(std::shared_ptr<char> memory, std::size_t size)
    : memory_{std::move(memory)},
      size_{size} {
    // nop
  }

  [[nodiscard]] char* data() const {
    return memory_.get();
  }
  [[nodiscard]] std::size_t size() const {
    return size_;
  }
  [[nodiscard]] bool empty() const {
    return size_ == 0;
  }
  [[nodiscard]] std::string_view view() const {
    return {memory_.get(), size_};
  }

  /// The first `size` bytes. @pre Not more than there are.
  void shorten(std::size_t size) {
    size_ = size;
  }

  /// Keeps the memory, for views into it.
  [[nodiscard]] std::shared_ptr<const void> keep() const {
    return memory_;
  }

private:
  std::shared_ptr<char> memory_;
  std::size_t size_ = 0;
};

/// Bytes to be sent, and what keeps them until then.
struct data_view {
  std::string_view bytes;
  std::shared_ptr<const void> keep; ///< Null: they live long enough anyhow.
};

using data_views = std::vector<data_view>;

/// Buffers of up to 16 MiB, in classes, used again up to 1 MiB: fresh memory
/// costs more than receiving into it. Any thread; buffers may outlive the pool.
class buffer_pool {
public:
  static constexpr std::size_t buffer_bytes_max = 16 * 1024 * 1024;

  /// @param idle_bytes_max Kept for later when nobody uses them.
  explicit buffer_pool(std::size_t idle_bytes_max = 32 * 1024 * 1024);

  /// @pre 1 to `buffer_bytes_max` bytes.
  [[nodiscard]] data_buffer take(std::size_t size);

  /// Bytes in use, by the size of their class.
  [[nodiscard]] std::size_t used_bytes() const;
  [[nodiscard]] std::size_t idle_bytes() const;

private:
  class shelf;
  std::shared_ptr<shelf> shelf_;
};

} // namespace dfs::net
