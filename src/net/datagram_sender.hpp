#pragma once

#include "base/endpoint.hpp"
#include "base/socket_kind.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What the failure detector needs of the network, so that tests need none.

namespace dfs::net {

/// Kinds of messages that traffic is counted by. The numbers below `own` belong
/// to the protocols in the bodies; the others to the socket itself.
struct traffic_class {
  static constexpr std::uint8_t own = 28;       ///< First of the socket's.
  static constexpr std::uint8_t other = 28;     ///< A protocol unknown here.
  static constexpr std::uint8_t challenge = 29; ///< "Prove that this is new."
  static constexpr std::uint8_t answer = 30;    ///< A datagram said again.
  static constexpr std::uint8_t dropped = 31;   ///< In: no good seal, replayed.
  static constexpr std::size_t count = 32;
};

struct traffic_total {
  std::uint64_t packets = 0;
  std::uint64_t payload_bytes = 0; ///< Of UDP: the sealed datagram.
  std::uint64_t wire_bytes = 0;    ///< Plus 28 (IPv4) or 48 (IPv6) a packet.

  bool operator==(const traffic_total&) const = default;
};

struct traffic {
  std::chrono::milliseconds since_reset{};
  std::array<traffic_total, traffic_class::count> in{};
  std::array<traffic_total, traffic_class::count> out{};
};

/// Thread-safe.
class datagram_sender {
public:
  virtual ~datagram_sender() = default;

  /// Seals and sends, at once or not at all: like any datagram it may be lost.
  /// @param body At most `wire::body_bytes_max`; its first byte is the
  /// protocol.
  /// @param of   A number below `traffic_class::own`.
  virtual void send(socket_kind via, const endpoint& to, std::string_view body,
                    std::uint8_t of)
    = 0;

  [[nodiscard]] virtual traffic traffic_so_far() const = 0;

  /// Counts from zero. @returns what was counted until then.
  virtual traffic reset_traffic() = 0;
};

} // namespace dfs::net
