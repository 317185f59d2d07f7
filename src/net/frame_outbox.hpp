#pragma once

#include "base/time.hpp"
#include "net/fair_share.hpp"
#include "net/frame_stream.hpp"
#include "wire/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::net {

/// Frames that a peer has not taken yet, in their order, and whether it takes
/// them fast enough. The owner takes care that one thread at a time uses it.
class frame_outbox {
public:
  /// @returns bytes that it has grown by.
  std::size_t
  append(const wire::frame_header& header, std::string_view payload);

  [[nodiscard]] std::size_t unsent() const {
    return bytes_.size() - sent_;
  }

  /// Hands on what the stream takes at once.
  /// @param taken That many bytes.
  /// @returns `progress`: nothing is left; `blocked`: wait for the socket, and
  ///          `watch`; or how the stream has ended.
  stream_step send(frame_stream& to, std::size_t& taken);

  /// The stream takes no more for now.
  void watch(frame_stream& to, instant now);

  /// Whether the peer takes less than `least` of what waits for it. Has an
  /// answer once in a period, else it is no.
  [[nodiscard]] bool
  is_too_slow(frame_stream& to, instant at, const drain_watch::pace& least);

  /// Drops all. @returns bytes that were unsent.
  std::size_t clear();

private:
  std::string bytes_;
  std::size_t sent_ = 0;    ///< Of `bytes_`.
  std::uint64_t taken_ = 0; ///< By the stream, ever.
  drain_watch watch_;       ///< Of what the peer has confirmed.
};

} // namespace dfs::net
