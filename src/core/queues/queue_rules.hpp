#pragma once

#include "base/result.hpp"
#include "messages/queue.hpp"

#include <cstdint>
#include <string_view>

// What can be a request at all, whatever the state is. A server asks before it
// submits; the state machine asks again, because another server may not have.

namespace dfs::core {

/// Of a batch of which the queues get scattered ids: others may count on from
/// the same state, and what one of them does will be discarded.
inline constexpr std::uint16_t queue_format_scattered = 2;
/// Of a batch that ends sessions. None of its queues gets a scattered id.
inline constexpr std::uint16_t queue_format_ends = 3;
inline constexpr std::uint16_t queue_format_max = queue_format_ends;
/// Only a group of this `msg::group_version` is sent that.
inline constexpr std::uint8_t queue_ends_version = 2;

/// 1 to 255 bytes without control characters; a whole number only if it is one
/// of 64 bits, spelled as `std::to_string` does.
/// @returns `ec::invalid_argument`, one line for people.
[[nodiscard]] result<nothing> check_label(std::string_view label);

/// @returns `ec::invalid_argument`.
[[nodiscard]] result<nothing> check_item(const msg::queue_item& x);

/// Fields that the verb does not use are at their defaults.
/// @returns `ec::invalid_argument`.
[[nodiscard]] result<nothing> check_request(const msg::queue_request& x);

/// Of a decoded body; not of each request.
/// @returns `ec::malformed`: to be passed over, by everybody. `ec::unsupported`
///   (a newer format): this server must not go on.
[[nodiscard]] result<nothing> check_batch(const msg::queue_batch& x);

/// Verbs that its format does not have become none: for those who read no later
/// format they are none.
void keep_to_format(msg::queue_batch& x);

/// Does it change queues? Others need no session, and are not kept.
[[nodiscard]] bool is_change(msg::queue_verb verb);

/// find, top, size: executed as often as they are asked.
[[nodiscard]] bool reads(msg::queue_verb verb);

/// Executed, or never to be: a late copy of the request changes nothing.
[[nodiscard]] bool is_final(msg::queue_status status);

/// Stable spelling, for people and scripts. Takes any value.
[[nodiscard]] std::string_view to_string(msg::queue_status status);

} // namespace dfs::core
