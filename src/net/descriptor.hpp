#pragma once

#include <utility>

#include <unistd.h>

namespace dfs::net {

/// Owns a file descriptor, and closes what nobody took.
class descriptor {
public:
  descriptor() = default;

  explicit descriptor(int number) : number_{number} {
    // nop
  }

  descriptor(descriptor&& other) noexcept : number_{other.release()} {
    // nop
  }

  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }

  /// -1 if there is none.
  [[nodiscard]] int get() const {
    return number_;
  }

  /// The caller closes it from now on.
  [[nodiscard]] int release() {
    return std::exchange(number_, -1);
  }

private:
  int number_ = -1;
};

} // namespace dfs::net
