#pragma once

#include "core/multicast/order_log.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Payloads and messages: small payloads share a message, a large one takes
// several messages of its sender, with places of their own, and is whole at the
// place of the last.

namespace dfs::core {

/// Bytes that a payload takes in a packed message.
[[nodiscard]] constexpr std::size_t packed_bytes(std::size_t payload) {
  return payload + 2;
}

/// @pre packed_bytes(payload) ≤ multicast_body_bytes_max.
void pack(std::string& body, std::string_view payload);

/// What does not parse ends the list; the same at every server.
[[nodiscard]] std::vector<std::string_view> unpack(std::string_view body);

/// The pieces of a payload that is too large to be packed, in their order.
/// @param most Bytes of a piece, 1 to multicast_body_bytes_max.
[[nodiscard]] std::vector<std::pair<msg::body_kind, std::string>>
split(std::string_view payload, std::size_t most);

/// Where the delivery of the order stands: all that a later one needs to know
/// of what came before. Goes with each snapshot.
struct order_position {
  struct partial {
    life_id life;
    std::string bytes;
    bool operator==(const partial&) const = default;
  };

  std::uint64_t k = 0;
  std::uint64_t chain = 0;
  sender_marks marks;
  std::map<server_id, partial> partials; ///< Large payloads, up to here.

  bool operator==(const order_position&) const = default;
};

[[nodiscard]] std::string encode(const order_position& x);
/// @returns nothing for bytes that are no position.
[[nodiscard]] std::optional<order_position> decode_position(std::string_view x);

/// Moves the position on by one message.
/// @param most Payloads larger than that are dropped: at every server.
/// @returns the payloads that are whole at this place.
[[nodiscard]] std::vector<std::string>
deliver_next(order_position& at, const msg::message_body& body,
             std::uint64_t chain, std::size_t most);

} // namespace dfs::core
