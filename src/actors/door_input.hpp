#pragma once

#include "base/time.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <memory>

namespace dfs::actors {

struct door_work;

/// INTERNAL: a client's connection, by its number, and until when its request
/// is waited for.
struct door_caller {
  std::uint64_t connection = 0;
  instant until = instant::max();
};

/// INTERNAL: what the stream port has for the front door. One message for all
/// that one read brought. Never leaves the process: it holds connections.
struct door_input {
  std::shared_ptr<door_work> work;
};

} // namespace dfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::door_input)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::door_caller)
