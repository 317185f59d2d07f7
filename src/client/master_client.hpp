#pragma once

#include "client/cluster_client.hpp"
#include "client/master_session.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace dfs::client {

/// For verbs: asks the master and waits, as `cluster_client` does with any
/// server. One thread at a time.
class master_client {
public:
  /// Reads the credential; looks for the master at the first call.
  /// @returns `ec::configuration`.
  [[nodiscard]] static result<std::unique_ptr<master_client>>
  open(const client_options& options);

  /// For contexts that others have made (tests, servers).
  master_client(net::tls_context tls, connection_options options);
  ~master_client();
  master_client(const master_client&) = delete;
  master_client& operator=(const master_client&) = delete;

  /// Errors: see `master_session::call`. @param timeout 0: as configured.
  template <class Request>
  [[nodiscard]] result<typename msg::method<Request>::reply>
  call(const Request& request, std::chrono::milliseconds timeout = {}) {
    std::optional<result<typename msg::method<Request>::reply>> answer;
    session_->call<Request>(request, timeout,
                            [&](auto x) { answer.emplace(std::move(x)); });
    run_until([&] { return answer.has_value(); });
    return *std::move(answer);
  }

  /// Handles events until `condition` holds; it is asked after each of them.
  void run_until(const std::function<bool()>& condition);

  [[nodiscard]] const std::shared_ptr<master_session>& session() const {
    return session_;
  }

  /// For timers, signals and transfers of the caller, handled while it waits.
  [[nodiscard]] boost::asio::io_context& io() {
    return io_;
  }

private:
  boost::asio::io_context io_{1};
  std::shared_ptr<master_session> session_;
};

} // namespace dfs::client
