#include "client/master_client.hpp"

namespace dfs::client {

result<std::unique_ptr<master_client>>
master_client::open(const client_options& options) {
  if (options.connection.contacts.empty())
    return fail(ec::configuration, "no contact is configured");
  auto tls = net::make_tls_context(options.tls);
  if (!tls)
    return tls.error();
  return std::make_unique<master_client>(*std::move(tls), options.connection);
}

master_client::master_client(net::tls_context tls, connection_options options)
  : session_{
    std::make_shared<master_session>(io_, std::move(tls), std::move(options))} {
  // nop
}

master_client::~master_client() {
  session_->close();
}

void master_client::run_until(const std::function<bool()>& condition) {
  while (!condition()) {
    io_.restart();
    io_.run_one();
  }
}

} // namespace dfs::client
