#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

// The format stands in codec.hpp.

namespace caf::meta {

struct annotation;

} // namespace caf::meta

namespace dfs::wire {

/// What CAF adds to the calls of `inspect`, and is not data.
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

} // namespace dfs::wire
