#pragma once

#include "base/assert.hpp"
#include "base/error.hpp"

#include <utility>
#include <variant>

namespace dfs {

/// A value, or why there is none. Reading the one that is absent aborts.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : state_{std::in_place_index<0>, std::move(value)} {
    // nop
  }

  result(dfs::error reason)
    : state_{std::in_place_index<1>, std::move(reason)} {
    // nop
  }

  explicit operator bool() const noexcept {
    return state_.index() == 0;
  }

  const T& operator*() const& {
    DFS_ASSERT(*this);
    return *std::get_if<0>(&state_);
  }

  T& operator*() & {
    DFS_ASSERT(*this);
    return *std::get_if<0>(&state_);
  }

  T&& operator*() && {
    DFS_ASSERT(*this);
    return std::move(*std::get_if<0>(&state_));
  }

  const T* operator->() const {
    return &**this;
  }

  T* operator->() {
    return &**this;
  }

  // Spelled `dfs::error` throughout: inside the class `error` is this function.
  const dfs::error& error() const {
    DFS_ASSERT(!*this);
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, dfs::error> state_;
};

/// For functions that return nothing when they succeed: `return done;`.
struct nothing {};
inline constexpr nothing done{};

} // namespace dfs
