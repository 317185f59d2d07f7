#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
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
///   drain     no new requests, the open ones answered, leases given back
///   goodbye   the others learn that it is gone
///   stop      ends the subsystems
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

  /// Takes no new requests, and waits until the open ones are answered and the
  /// leases are given back: until `until` at most, whatever is held, and not
  /// when `hurried`.
  /// @returns what has not even noticed. With any, leave the process by `_exit`
  ///          after the goodbye: destruction would wait for it.
  [[nodiscard]] std::vector<std::string>
  drain(instant until, const std::function<bool()>& hurried);

  /// Tells the group. Takes `within` at most, a round trip mostly.
  void say_goodbye(std::chrono::milliseconds within);

  /// @returns the subsystems that did not end within about `within`. With any,
  ///          leave the process by `_exit`.
  [[nodiscard]] std::vector<std::string> stop(std::chrono::milliseconds within);

  /// `node.drain_timeout`: between SIGTERM and the end.
  [[nodiscard]] std::chrono::milliseconds drain_timeout() const;

  /// After `stop`, for a node that never was in its group: what its start left
  /// in a new data directory is removed again.
  void undo();

private:
  struct parts;
  explicit node(std::unique_ptr<parts> all);

  std::unique_ptr<parts> parts_;
};

} // namespace dfs::roles
