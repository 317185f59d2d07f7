#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/datagram_sender.hpp"
#include "wire/seal.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace dfs::net {

struct sealed_socket_options {
  endpoint bind;
  endpoint advertised; ///< What others know us by: names us in the seal.
  wire::key_ring ring;
  /// Bytes that the kernel keeps while nobody reads; it may grant less.
  std::size_t receive_buffer = std::size_t{4} << 20;
};

struct sealed_socket_counters {
  traffic_total in; ///< What had a good seal.
  traffic_total out;
  std::uint64_t dropped = 0;   ///< No good seal, replayed, of no use.
  std::uint64_t too_large = 0; ///< Not sent.
  std::uint64_t refused = 0;   ///< By the kernel: not sent.
};

/// A UDP socket behind a seal of its own, for a protocol that speaks much: its
/// owner's thread waits for `descriptor`, takes what came in one call, and
/// sends what gathered in one call. One thread at a time.
class sealed_socket {
public:
  /// @returns `ec::in_use`, `ec::configuration` (no such address),
  ///          `ec::io_error`; they say which address.
  [[nodiscard]] static result<std::unique_ptr<sealed_socket>>
  open(const sealed_socket_options& options);

  ~sealed_socket();
  sealed_socket(const sealed_socket&) = delete;
  sealed_socket& operator=(const sealed_socket&) = delete;

  [[nodiscard]] int descriptor() const;
  [[nodiscard]] const endpoint& bound() const;

  /// @param from Where it came from. The seal's handshake has shown that this
  ///             address answers: it is not merely claimed.
  /// @param body Valid in its call.
  using taker
    = std::function<void(const endpoint& from, std::string_view body)>;
  /// Hands out the bodies that are there, at most some hundred.
  /// @returns false: there are more.
  bool receive(const taker& each);

  /// Seals it; it is sent by `flush`, or before. May be lost, as any datagram.
  void send(const endpoint& to, std::string_view body);
  void flush();

  /// Takes up another ring, for a rotation of keys.
  void use(const wire::key_ring& ring);

  [[nodiscard]] const sealed_socket_counters& counters() const;

private:
  struct inside;

  explicit sealed_socket(std::unique_ptr<inside> made);

  std::unique_ptr<inside> inside_;
};

} // namespace dfs::net
