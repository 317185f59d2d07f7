#pragma once

#include "base/result.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace dfs::net {

/// Accepts connections at one address. When the system has run out of
/// descriptors or memory for sockets, it asks again a little later: what is
/// missing comes back when others leave. The thread of `io` only.
class listener : public std::enable_shared_from_this<listener> {
public:
  using taker = std::function<void(boost::asio::ip::tcp::socket)>;

  explicit listener(boost::asio::io_context& io);

  /// Once. @param where Port 0: the system chooses, see `address`.
  /// @param plane What the port is for, for people.
  /// @param take Called with each newcomer, never after `close`.
  /// @returns `ec::in_use` or `ec::configuration`, naming the address.
  [[nodiscard]] result<nothing>
  listen(const boost::asio::ip::tcp::endpoint& where, std::string_view plane,
         taker take);

  /// May be repeated.
  void close();

  [[nodiscard]] boost::asio::ip::tcp::endpoint address() const;

private:
  void accept();
  void accept_later();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  taker take_;
};

} // namespace dfs::net
