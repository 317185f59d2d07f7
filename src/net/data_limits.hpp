#pragma once

#include <chrono>
#include <cstddef>

namespace dfs::net {

/// Every limit of the data port. Reaching one never harms those already in.
struct data_limits {
  std::size_t connections_max = 1024;
  std::size_t connections_per_principal_max = 256;
  /// Before `data_hello`. The oldest makes room for the newest.
  std::size_t unverified_max = 64;
  /// Requests without an answer, on one connection: then it is read no more.
  std::size_t open_per_connection_max = 1024;
  /// Data of requests without an answer; then it is read no more.
  std::size_t window_bytes = 16 * 1024 * 1024;
  /// The same for all clients together. Servers are not held up by it: they
  /// limit what they send, and a client's bytes wait for theirs.
  std::size_t windows_bytes = 64 * 1024 * 1024;
  /// Of answers that a peer does not take: then no requests are read from it.
  std::size_t unsent_bytes_max = 4 * 1024 * 1024;
  /// TLS and `data_hello` together.
  std::chrono::milliseconds handshake_timeout{3'000};
  /// Without a byte, nothing under way.
  std::chrono::milliseconds idle_timeout{300'000};
  /// From the first byte of a frame to its last.
  std::chrono::milliseconds frame_timeout{10'000};
  /// A peer that takes nothing although something is there for it.
  std::chrono::milliseconds write_timeout{10'000};
};

} // namespace dfs::net
