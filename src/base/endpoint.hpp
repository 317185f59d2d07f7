#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace dfs {

/// An IPv6 address; an IPv4 one is held in its mapped form (::ffff:a.b.c.d).
/// A value without a socket: cores and messages name peers by it.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};

  /// Takes "10.0.0.1" and "2001:db8::1"; no names, no brackets, no zones.
  /// @returns `ec::invalid_argument`.
  [[nodiscard]] static result<ip_address> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;

  auto operator<=>(const ip_address&) const = default;
};

[[nodiscard]] std::string to_string(const ip_address& x);

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ip_address& x) {
  return f(x.bytes);
}

struct endpoint {
  ip_address ip;
  std::uint16_t port = 0;

  /// Takes "10.0.0.1:7401" and "[2001:db8::1]:7401".
  /// @returns `ec::invalid_argument`.
  [[nodiscard]] static result<endpoint> parse(std::string_view text);

  auto operator<=>(const endpoint&) const = default;
};

/// The form that `parse` takes.
[[nodiscard]] std::string to_string(const endpoint& x);

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, endpoint& x) {
  return f(x.ip, x.port);
}

std::ostream& operator<<(std::ostream& out, const ip_address& x);
std::ostream& operator<<(std::ostream& out, const endpoint& x);

} // namespace dfs
