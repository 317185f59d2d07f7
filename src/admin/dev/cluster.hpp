#pragma once

#include "admin/dev/child.hpp"
#include "admin/dev/control_socket.hpp"
#include "admin/dev/layout.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace dfs::admin {

/// The foreground process behind `dfsnode dev`: starts the nodes of a layout,
/// keeps DIR/pids current, answers `dev start|stop` and ends everything when it
/// is told to. A node that dies stays dead until somebody starts it: this is
/// for people who want to see what the others do.
///
/// REQUIRES: lives on the main thread; see `start_child`.
class dev_cluster {
public:
  /// From here on SIGINT and SIGTERM wait until `run` asks for them, so that
  /// keys and settings are made whole or not at all. Call it first.
  static void hold_signals();

  /// @param program The dfsnode executable.
  dev_cluster(dev_layout layout, std::filesystem::path program,
              control_socket control);

  /// Starts all nodes, waits until they serve (`readiness`), prints the line
  /// that starts with "ready:", and serves until SIGINT or SIGTERM. Leaves no
  /// child.
  /// @returns the exit status.
  [[nodiscard]] int run();

private:
  [[nodiscard]] result<nothing> start(const dev_node& node);
  /// Until it serves.
  [[nodiscard]] result<nothing> start_again(const dev_node& node);
  [[nodiscard]] result<nothing> stop(const dev_node& node);
  [[nodiscard]] result<nothing> start_all();
  [[nodiscard]] result<nothing> wait_until_all_serve();
  [[nodiscard]] std::string answer(const std::string& question);
  void serve();
  void reap();
  void end_all();
  void write_pids() const;
  /// Of a node that has ended: how, and what it said last.
  [[nodiscard]] error ended_at_start(const dev_node& node) const;

  dev_layout layout_;
  std::filesystem::path program_;
  control_socket control_;
  std::map<std::string, pid_t> running_;
  std::map<std::string, std::string> how_ended_;    ///< By name.
  std::map<std::string, std::uintmax_t> log_begin_; ///< Of this life.
  int signals_ = -1;
  bool ending_ = false;
};

} // namespace dfs::admin
