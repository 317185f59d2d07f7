#include "client/cluster_client.hpp"

#include <boost/asio/steady_timer.hpp>

namespace dfs::client {

result<std::unique_ptr<cluster_client>>
cluster_client::open(const client_options& options) {
  if (options.connection.contacts.empty())
    return fail(ec::configuration, "no contact is configured");
  auto tls = net::make_tls_context(options.tls);
  if (!tls)
    return tls.error();
  return std::make_unique<cluster_client>(*std::move(tls), options.connection);
}

cluster_client::cluster_client(net::tls_context tls, connection_options options)
  : connection_{std::make_shared<client::connection>(io_, std::move(tls),
                                                     std::move(options))} {
  // nop
}

cluster_client::~cluster_client() {
  connection_->close();
}

void cluster_client::run_until(const std::function<bool()>& condition) {
  while (!condition()) {
    io_.restart();
    io_.run_one();
  }
}

void cluster_client::wait(std::chrono::milliseconds time) {
  auto over = false;
  boost::asio::steady_timer timer{io_, time};
  timer.async_wait([&](auto) { over = true; });
  run_until([&] { return over; });
}

} // namespace dfs::client
