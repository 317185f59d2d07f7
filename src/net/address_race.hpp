#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

// A name may have several addresses, and some of them may swallow everything: a
// broken IPv6, a machine that is gone. So they are raced (RFC 8305).

namespace dfs::net {

/// The order to try them in: families take turns, the first one's first; before
/// all of them the address that was connected to last under that name, by any
/// thread of this process.
[[nodiscard]] std::vector<boost::asio::ip::tcp::endpoint>
race_order(const std::string& name,
           const std::vector<boost::asio::ip::tcp::endpoint>& found);

/// `race_order` puts it first from now on. The last 256 names are kept.
void remember_winner(const std::string& name,
                     const boost::asio::ip::tcp::endpoint& winner);

/// Connects to the first of several addresses that answers. One thread, the one
/// that runs `io`.
class address_race : public std::enable_shared_from_this<address_race> {
public:
  /// Head start of one address before the next one; one that is refused gives
  /// its turn away at once.
  static constexpr std::chrono::milliseconds head_start{250};

  /// The error is the first one, when all addresses have failed.
  using finished = std::function<void(boost::system::error_code,
                                      boost::asio::ip::tcp::socket)>;

  explicit address_race(boost::asio::io_context& io) : io_{io}, timer_{io} {
    // nop
  }

  /// Once. @param order Not empty. @param then Never called from within, nor
  /// after `cancel`; without it the race lasts as long as the kernel tries.
  void run(std::vector<boost::asio::ip::tcp::endpoint> order, finished then);

  void cancel();

private:
  using socket_list = std::list<boost::asio::ip::tcp::socket>;

  void start_next();
  void ended(socket_list::iterator which, boost::system::error_code failed);

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::vector<boost::asio::ip::tcp::endpoint> order_;
  std::size_t next_ = 0;
  socket_list running_;
  boost::system::error_code first_error_;
  finished then_; ///< Empty: over.
};

} // namespace dfs::net
