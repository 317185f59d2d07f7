#include "net/listener.hpp"

#include "net/frame_stream.hpp"

#include <boost/asio/error.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

constexpr std::chrono::milliseconds accept_pause{100};

} // namespace

listener::listener(asio::io_context& io) : acceptor_{io}, pause_{io} {
  // nop
}

result<nothing> listener::listen(const asio::ip::tcp::endpoint& where,
                                 std::string_view plane, taker take) {
  boost::system::error_code failed;
  acceptor_.open(where.protocol(), failed);
  if (!failed)
    acceptor_.set_option(asio::socket_base::reuse_address{true}, failed);
  if (!failed)
    acceptor_.bind(where, failed);
  if (!failed)
    acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    const auto text = "cannot listen on " + to_text(where) + " ("
                      + std::string{plane} + "): ";
    close();
    if (failed == asio::error::address_in_use)
      return fail(ec::in_use, text
                                + "the port is in use; stop its owner or "
                                  "choose another one");
    return fail(ec::configuration, text + failed.message());
  }
  take_ = std::move(take);
  accept();
  return done;
}

void listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

asio::ip::tcp::endpoint listener::address() const {
  boost::system::error_code ignored;
  return acceptor_.local_endpoint(ignored);
}

void listener::accept() {
  acceptor_.async_accept([self = shared_from_this()](auto failed, auto socket) {
    if (!self->acceptor_.is_open())
      return;
    if (!failed)
      self->take_(std::move(socket));
    // What the newcomer did wrong is its problem; after anything else asking at
    // once again would only spin.
    if (!failed || failed == asio::error::connection_aborted)
      self->accept();
    else
      self->accept_later();
  });
}

void listener::accept_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([self = shared_from_this()](auto failed) {
    if (!failed && self->acceptor_.is_open())
      self->accept();
  });
}

} // namespace dfs::net
