#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace dfs::admin {

/// How `dfsnode dev start|stop NAME` in one terminal reaches the `dfsnode dev`
/// in another: a local socket in the cluster's directory, which only its owner
/// can enter; one line in; out comes "ok …" or "error CODE …", which may
/// be several lines.
class control_socket {
public:
  /// Takes over the name of a socket that a killed process left behind.
  /// REQUIRES: the directory is locked by this process.
  /// @returns `ec::io_error`.
  [[nodiscard]] static result<control_socket>
  listen(const std::filesystem::path& directory);

  control_socket(control_socket&& other) noexcept;
  control_socket& operator=(control_socket&&) = delete;

  /// Closes and removes the socket.
  ~control_socket();

  /// For poll: readable when somebody asks.
  [[nodiscard]] int descriptor() const {
    return descriptor_;
  }

  /// Answers one question, if there is one. A silent peer is dropped after a
  /// second. `answer` runs on the calling thread.
  void
  serve_one(const std::function<std::string(const std::string&)>& answer) const;

private:
  control_socket(int descriptor, std::filesystem::path name);

  int descriptor_;
  std::filesystem::path name_;
};

/// Asks the `dfsnode dev` that serves `directory`.
/// @returns the text after "ok", or the error that was sent;
/// `ec::unavailable`: nobody serves this directory.
[[nodiscard]] result<std::string>
ask_control_socket(const std::filesystem::path& directory,
                   const std::string& question);

} // namespace dfs::admin
