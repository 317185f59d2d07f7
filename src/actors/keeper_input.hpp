#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <functional>
#include <memory>

namespace dfs::actors {

/// INTERNAL: something for the chunk keeper to do that another thread has found
/// out; without work: look into the inlet. Never leaves the process.
struct keeper_input {
  std::shared_ptr<std::function<void()>> work;
};

} // namespace dfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::keeper_input)
