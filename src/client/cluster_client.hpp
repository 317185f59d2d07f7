#pragma once

#include "client/connection.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::client {

struct client_options {
  net::tls_files tls; ///< The user's credential.
  connection_options connection;
};

/// For verbs: asks and waits. Runs its own event loop in the thread that calls,
/// so that an answer wakes exactly that thread. One thread at a time.
class cluster_client {
public:
  /// Reads the credential; connects at the first call.
  /// @returns `ec::configuration`.
  [[nodiscard]] static result<std::unique_ptr<cluster_client>>
  open(const client_options& options);

  /// For contexts that others have made (tests, servers).
  cluster_client(net::tls_context tls, connection_options options);
  ~cluster_client();
  cluster_client(const cluster_client&) = delete;
  cluster_client& operator=(const cluster_client&) = delete;

  /// Errors: see `connection::call`.
  template <class Request>
  [[nodiscard]] result<typename msg::method<Request>::reply>
  call(const Request& request, const call_options& options = {}) {
    std::optional<result<typename msg::method<Request>::reply>> answer;
    connection_->call<Request>(request, options,
                               [&](auto x) { answer.emplace(std::move(x)); });
    run_until([&] { return answer.has_value(); });
    return *std::move(answer);
  }

  /// Waits for events until `event` returns false (then `done`), or the
  /// subscription ends (then its error).
  template <class Request>
  [[nodiscard]] result<nothing>
  watch(const Request& request, const call_options& options,
        std::function<bool(typename msg::method<Request>::reply)> opened,
        std::function<bool(typename msg::method<Request>::event)> event) {
    std::optional<error> end;
    auto enough = false;
    const auto id = connection_->subscribe<Request>(
      request, options, [&](auto x) { enough = !opened(std::move(x)); },
      [&](auto x) { enough = enough || !event(std::move(x)); },
      [&](error x) { end = std::move(x); });
    run_until([&] { return enough || end.has_value(); });
    if (end)
      return *std::move(end);
    connection_->cancel(id);
    return done;
  }

  /// Handles events until `condition` holds; it is asked after each of them.
  void run_until(const std::function<bool()>& condition);

  /// Handles events for so long.
  void wait(std::chrono::milliseconds time);

  [[nodiscard]] client::connection& connection() {
    return *connection_;
  }

  /// For timers and signals of the caller, handled while it waits.
  [[nodiscard]] boost::asio::io_context& io() {
    return io_;
  }

private:
  boost::asio::io_context io_{1};
  std::shared_ptr<client::connection> connection_;
};

} // namespace dfs::client
