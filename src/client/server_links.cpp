#include "client/server_links.hpp"

#include "messages/chunk_data.hpp"
#include "net/data_link.hpp"
#include "wire/codec.hpp"

#include <algorithm>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// For a login, asked for beside everything else.
constexpr auto login_patience = 10'000ms;

/// Whoever waits for a server longer asks another one first.
constexpr auto connect_patience = 2'000ms;

} // namespace

server_links::server_links(boost::asio::io_context& io, net::tls_context tls,
                           std::shared_ptr<master_session> master,
                           std::shared_ptr<net::buffer_pool> buffers)
  : io_{io},
    tls_{std::move(tls)},
    master_{std::move(master)},
    loop_{std::make_shared<net::data_loop>(io, std::move(buffers))} {
  // nop
}

server_links::~server_links() = default;

net::data_client& server_links::link(const msg::chunk_replica& to) {
  auto& known = links_[{to.store, to.data}];
  if (known)
    return *known;
  net::data_client_options options;
  options.server = to.data;
  if (master_->login().data_tls)
    options.tls = std::make_shared<net::tls_source>(tls_);
  options.cluster = net::own_identity(tls_).cluster;
  options.hello = [this] { return hello(); };
  options.welcome
    = [store = to.store](std::string_view bytes) -> result<nothing> {
    const auto x = wire::decode<msg::data_welcome>(bytes);
    if (!x)
      return x.error();
    if (x->store != store)
      return fail(ec::unavailable, "another server answers there");
    return done;
  };
  options.connect_timeout = connect_patience;
  // A login is renewed after 4/5 of its life: the new one is shown in time.
  options.renew_after
    = std::max<std::chrono::milliseconds>(master_->login().life / 6, 1'000ms);
  options.loop = loop_;
  known = std::make_unique<net::data_client>(io_, std::move(options));
  return *known;
}

std::string server_links::hello() {
  const auto& login = master_->login();
  msg::data_hello x;
  x.cluster = net::own_identity(tls_).cluster;
  x.principal = login.principal;
  x.token = login.token;
  const auto now = instant::clock::now();
  if (std::exchange(token_, x.token) != x.token)
    token_since_ = now;
  else if (now - token_since_ > login.life / 2)
    renew_login(); // For the next time.
  return wire::encode(x);
}

/// A request over the master's connection logs in again when it is time.
void server_links::renew_login() {
  if (std::exchange(renewing_, true))
    return;
  master_->call<msg::echo>({}, login_patience,
                           [this](const auto&) { renewing_ = false; });
}

} // namespace dfs::client
