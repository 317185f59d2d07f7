#pragma once

#include "base/result.hpp"
#include "core/queues/queue_machine.hpp"

#include <string>
#include <string_view>

namespace dfs::fileserver {

/// The state of the queues as one string, for a snapshot: its pages, each after
/// its length (4 bytes, little endian). Takes a copy, which is cheap.
[[nodiscard]] std::string encode_state(core::queue_machine state);

/// @returns `ec::malformed`, `ec::unsupported` (made by a newer version).
[[nodiscard]] result<core::queue_machine> decode_state(std::string_view bytes);

} // namespace dfs::fileserver
