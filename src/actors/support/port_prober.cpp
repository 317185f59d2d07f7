#include "actors/support/port_prober.hpp"

#include "net/address.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <utility>

namespace dfs::actors {

namespace {

using boost::asio::ip::tcp;

struct attempt {
  attempt(boost::asio::io_context& io, port_prober::callback f)
    : socket{io},
      timer{io},
      answered{std::move(f)} {
    // nop
  }

  void end(port_answer how) {
    if (!answered)
      return;
    timer.cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
    std::exchange(answered, nullptr)(how);
  }

  tcp::socket socket;
  boost::asio::steady_timer timer;
  port_prober::callback answered;
};

port_answer meaning(const boost::system::error_code& error) {
  if (!error)
    return port_answer::accepted;
  return error == boost::asio::error::connection_refused ? port_answer::refused
                                                         : port_answer::silent;
}

} // namespace

void tcp_port_prober::probe(const endpoint& port, callback answered) {
  auto x = std::make_shared<attempt>(io_, std::move(answered));
  // Socket and timer belong to the thread of `io_`.
  boost::asio::post(io_, [x, port, within = within_] {
    x->timer.expires_after(within);
    x->timer.async_wait([x](const boost::system::error_code& error) {
      if (!error)
        x->end(port_answer::silent);
    });
    x->socket.async_connect(
      net::to_asio<tcp>(port),
      [x](const boost::system::error_code& error) { x->end(meaning(error)); });
  });
}

} // namespace dfs::actors
