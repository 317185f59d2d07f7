#pragma once

#include "base/result.hpp"
#include "settings/server_command_line.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::roles {

/// A server: every plane of one process, whatever its roles, and the order in
/// which its parts come and go.
///
///   prepare   credentials, ports, data directory: all that can be wrong is
///             found here, and nothing has happened outside this process yet
///   join      enters the group; then it serves
///   leave     drains: no new requests, the open ones answered, goodbye said
///
/// Destroy it on the thread that made it. Whatever happens between, a node that
/// is killed instead has lost nothing that it acknowledged (SPEC S6).
class node {
public:
  /// @param give_up Called at most once, from another thread, when a subsystem
  ///                cannot be kept alive: ends the process by way of main.
  /// @returns `ec::configuration`, `ec::in_use` and what opening says: one line
  ///          that names the key, file or port and how to mend.
  [[nodiscard]] static result<std::unique_ptr<node>>
  prepare(const settings::server_command_line& how,
          std::function<void(int status, const std::string& why)> give_up);

  ~node();

  /// @param interrupted Asked now and then; true gives up (`ec::cancelled`).
  /// @returns `ec::unavailable` when no introducer answers in time, or the code
  ///          of a refusal.
  [[nodiscard]] result<nothing> join(const std::function<bool()>& interrupted);

  /// SIGHUP: logs are reopened, certificates and keys read again. What cannot
  /// be read stays as it was, and the log says so.
  void reload();

  /// @returns the subsystems that did not end in time. With any, leave the
  ///          process by `_exit`: destruction would wait for them.
  [[nodiscard]] std::vector<std::string> leave();

  /// After `leave`, for a node that never was in its group: what its start left
  /// in a new data directory is removed again.
  void undo();

private:
  struct parts;
  explicit node(std::unique_ptr<parts> all);

  std::unique_ptr<parts> parts_;
};

} // namespace dfs::roles
