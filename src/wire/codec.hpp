#pragma once

#include "base/result.hpp"

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Bytes of structs, for datagrams and frames. A struct's one `inspect` function
// serves CAF and this codec alike, so a field is named once. CAF stays out of
// this header: what CAF adds to `inspect` calls (annotations) is skipped.
//
// Format: bool, 8 and 16 bits fixed, little endian; wider integers, enums by
// their underlying type and durations as LEB128 varints (signed ones zigzag);
// strings and sequences as a varint count and their elements; std::array its
// elements; structs their fields in inspect order, nothing between. A decoder
// of an older version ignores trailing fields only where the caller says so.

namespace caf::meta {

struct annotation;

} // namespace caf::meta

namespace dfs::wire {

template <class T>
concept annotated = std::is_base_of_v<caf::meta::annotation, T>;

/// Turns a value into bytes; never fails.
class encoder {
public:
  using result_type = void;
  static constexpr bool reads_state = true;
  static constexpr bool writes_state = false;

  explicit encoder(std::string& out) : out_{out} {
    // nop
  }

  template <class... Ts>
  void operator()(Ts&&... xs) {
    (put(xs), ...);
  }

  void varint(std::uint64_t x) {
    for (; x >= 0x80; x >>= 7)
      out_.push_back(static_cast<char>(x | 0x80));
    out_.push_back(static_cast<char>(x));
  }

private:
  template <class T>
  void put(const T& x) {
    if constexpr (annotated<T>) {
      // Not data.
    } else if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::underlying_type_t<T>>(x));
    } else if constexpr (std::integral<T> && sizeof(T) <= 2) {
      using bits = std::make_unsigned_t<
        std::conditional_t<std::same_as<T, bool>, unsigned char, T>>;
      const auto value = static_cast<bits>(x);
      for (std::size_t i = 0; i < sizeof(T); ++i)
        out_.push_back(static_cast<char>(value >> (8 * i)));
    } else if constexpr (std::unsigned_integral<T>) {
      varint(x);
    } else if constexpr (std::signed_integral<T>) {
      const auto wide = static_cast<std::int64_t>(x);
      varint((static_cast<std::uint64_t>(wide) << 1)
             ^ static_cast<std::uint64_t>(wide >> 63));
    } else {
      put_compound(x);
    }
  }

  void put_compound(const std::string& x) {
    varint(x.size());
    out_ += x;
  }

  template <class Rep, class Period>
  void put_compound(const std::chrono::duration<Rep, Period>& x) {
    put(static_cast<std::int64_t>(x.count()));
  }

  template <class T, std::size_t Size>
  void put_compound(const std::array<T, Size>& x) {
    for (const auto& element : x)
      put(element);
  }

  template <class T>
  void put_compound(const std::vector<T>& x) {
    varint(x.size());
    for (const auto& element : x)
      put(element);
  }

  template <class Key, class Value>
  void put_compound(const std::map<Key, Value>& x) {
    varint(x.size());
    for (const auto& [key, value] : x) {
      put(key);
      put(value);
    }
  }

  template <class T>
  void put_compound(const T& x) {
    // `inspect` takes a mutable reference because it serves readers as well;
    // an encoder only reads.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    inspect(*this, const_cast<T&>(x));
  }

  std::string& out_;
};

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
      const auto number = static_cast<std::int64_t>(
        (coded >> 1) ^ (~(coded & 1) + 1));
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

template <class T>
[[nodiscard]] std::string encode(const T& x) {
  std::string bytes;
  encoder{bytes}(x);
  return bytes;
}

/// All of `bytes` must be one `T`.
/// @returns `ec::malformed`.
template <class T>
[[nodiscard]] result<T> decode(std::string_view bytes) {
  T x{};
  decoder source{bytes};
  source(x);
  if (!source.ok() || !source.left().empty())
    return fail(ec::malformed, "the bytes are no such message");
  return x;
}

} // namespace dfs::wire
