#pragma once

#include "base/result.hpp"
#include "core/queues/queue_caller.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dfs::client {

/// The front doors of the servers that have queues. Behind it: connections
/// (`queue_links`), or a test. One thread, that of the clients.
///
/// Each request is answered once, and not from within the call.
class queue_port {
public:
  /// @param others Addresses of servers that might have queues, if this one
  ///   has none (`ec::unsupported`).
  using greeted = std::function<void(result<core::queue_greeting_heard>,
                                     std::vector<std::string> others)>;
  /// Errors: as of `core::queue_caller::on_answer`.
  using answered = std::function<void(result<msg::queue_answer>)>;

  virtual ~queue_port() = default;

  virtual void greet(const core::queue_greet& what, greeted then) = 0;

  virtual void send(const core::queue_send& what, answered then) = 0;
};

} // namespace dfs::client
