#pragma once

#include "messages/multicast.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Packets that are longer than a datagram go as fragments, each a datagram with
// a seal of its own. Nobody asks for a fragment again: a packet that lacks one
// is lost, and the ordered multicast makes up for lost packets.

namespace dfs::fileserver {

/// Cuts packets. Pure; one server's own.
class packet_cutter {
public:
  /// @param life Makes numbers differ from those of former lives.
  packet_cutter(server_id self, life_id life);

  /// Calls `each` with every datagram of a packet, valid in that call: the
  /// packet itself where it fits, else fragments of one length but for the
  /// last. @pre packet.size() ≤ multicast_packet_bytes_max.
  template <class Each>
  void cut(std::string_view packet, Each&& each) {
    if (packet.size() <= msg::multicast_bytes_max)
      return each(packet);
    const auto count = begin(packet.size());
    for (std::size_t i = 0; i < count; ++i)
      each(fragment(packet, i));
  }

private:
  std::size_t begin(std::size_t bytes);
  std::string_view fragment(std::string_view packet, std::size_t index);

  std::uint64_t number_;
  std::string datagram_; ///< The fragment made last.
};

/// Whose fragment it says it is; nothing if it is none.
[[nodiscard]] std::optional<server_id> fragment_sender(std::string_view x);

/// Puts fragments together. Pure. Keeps the last packets of each server that
/// are not whole, whatever comes: at most 64 of them. Of others it keeps
/// nothing: whoever has the cluster's key may claim to be any server.
class packet_assembly {
public:
  explicit packet_assembly(const std::vector<server_id>& servers) {
    for (const auto server : servers)
      partials_[server];
  }

  /// @param datagram Whatever came, with a good seal.
  /// @returns a packet that is whole now, valid until the next call: the
  ///   datagram itself if it is no fragment. Nothing: fragments are missing,
  ///   or it is none of ours, which `malformed` counts.
  std::optional<std::string_view> add(std::string_view datagram);

  [[nodiscard]] std::uint64_t malformed() const {
    return malformed_;
  }

private:
  struct partial {
    std::uint64_t number = 0;
    std::size_t count = 0;
    std::size_t present = 0;
    std::array<std::string, msg::fragments_max> fragments;
  };

  std::map<server_id, std::deque<partial>> partials_; ///< Newest last.
  std::string whole_;
  std::uint64_t malformed_ = 0;
};

} // namespace dfs::fileserver
