#pragma once

#include "wire/encoder.hpp"

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// The format stands in codec.hpp.

namespace dfs::wire {

/// Turns bytes into a value. Trusts nothing: counts are held against the bytes
/// that are left before memory is taken. After a failure the values are
/// unspecified and `ok()` stays false.
class decoder {
public:
  using result_type = void;
  static constexpr bool reads_state = false;
  static constexpr bool writes_state = true;

  explicit decoder(std::string_view bytes) : left_{bytes} {
    // nop
  }

  template <class... Ts>
  void operator()(Ts&&... xs) {
    (take(xs), ...);
  }

  [[nodiscard]] bool ok() const {
    return ok_;
  }

  /// For an `inspect` that has read what cannot be.
  void refuse() {
    ok_ = false;
  }

  [[nodiscard]] std::string_view left() const {
    return left_;
  }

  std::uint64_t varint() {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = this->byte();
      if (shift == 63 && byte > 1)
        break; // More than 64 bits.
      x |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return x;
    }
    ok_ = false;
    return 0;
  }

private:
  std::uint8_t byte() {
    if (left_.empty()) {
      ok_ = false;
      return 0;
    }
    const auto x = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return x;
  }

  /// A number of elements of at least one byte each.
  std::size_t count() {
    const auto x = varint();
    if (x > left_.size()) {
      ok_ = false;
      return 0;
    }
    return static_cast<std::size_t>(x);
  }

  template <class T>
  void take(T&& x) {
    using value = std::remove_cvref_t<T>;
    if constexpr (annotated<value>) {
      // Not data.
    } else if constexpr (std::is_enum_v<value>) {
      std::underlying_type_t<value> number{};
      take(number);
      x = static_cast<value>(number);
    } else if constexpr (std::same_as<value, bool>) {
      const auto number = byte();
      ok_ = ok_ && number <= 1;
      x = number == 1;
    } else if constexpr (std::integral<value> && sizeof(value) <= 2) {
      std::make_unsigned_t<value> number = 0;
      for (std::size_t i = 0; i < sizeof(value); ++i)
        number = static_cast<std::make_unsigned_t<value>>(
          number | (unsigned{byte()} << (8 * i)));
      x = static_cast<value>(number);
    } else if constexpr (std::unsigned_integral<value>) {
      const auto number = varint();
      ok_ = ok_ && number <= static_cast<value>(-1);
      x = static_cast<value>(number);
    } else if constexpr (std::signed_integral<value>) {
      const auto coded = varint();
      const auto number
        = static_cast<std::int64_t>((coded >> 1) ^ (~(coded & 1) + 1));
      ok_ = ok_ && std::in_range<value>(number);
      x = static_cast<value>(number);
    } else {
      take_compound(x);
    }
  }

  void take_compound(std::string& x) {
    const auto size = count();
    x.assign(left_.substr(0, size));
    left_.remove_prefix(size);
  }

  template <class Rep, class Period>
  void take_compound(std::chrono::duration<Rep, Period>& x) {
    std::int64_t ticks = 0;
    take(ticks);
    x = std::chrono::duration<Rep, Period>{ticks};
  }

  template <class T, std::size_t Size>
  void take_compound(std::array<T, Size>& x) {
    for (auto& element : x)
      take(element);
  }

  template <class T>
  void take_compound(std::vector<T>& x) {
    x.clear();
    for (auto left = count(); left > 0 && ok_; --left)
      take(x.emplace_back());
  }

  template <class Key, class Value>
  void take_compound(std::map<Key, Value>& x) {
    x.clear();
    for (auto left = count(); left > 0 && ok_; --left) {
      Key key{};
      Value value{};
      take(key);
      take(value);
      x.emplace(std::move(key), std::move(value));
    }
  }

  template <class T>
  void take_compound(T& x) {
    inspect(*this, x);
  }

  std::string_view left_;
  bool ok_ = true;
};

} // namespace dfs::wire
