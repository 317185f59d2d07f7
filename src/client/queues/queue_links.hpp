#pragma once

#include "client/connection.hpp"
#include "client/queues/queue_port.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace dfs::client {

/// One connection to the front door of each server that is asked, for all
/// clients that share this. A server that does not give a sign of life while
/// answers are due is asked for one, and then left: a stopped process keeps its
/// connections.
class queue_links final : public queue_port,
                          public std::enable_shared_from_this<queue_links> {
public:
  /// @param options Its contacts are not used.
  queue_links(boost::asio::io_context& io, net::tls_context tls,
              connection_options options);
  ~queue_links() override;

  void greet(const core::queue_greet& what, greeted then) override;
  void send(const core::queue_send& what, answered then) override;

  /// Drops every request without calling anybody.
  void close();

private:
  struct link {
    std::shared_ptr<connection> way;
    std::map<std::uint64_t, answered> open;
    instant heard; ///< Last sign of life, or since when one is due.
    bool probing = false;
  };

  link& link_to(const std::string& server);
  void on_greeting(const std::string& server,
                   const result<msg::queue_greeted>& heard,
                   const greeted& then);
  void ask_members(const std::string& server, const error& reason,
                   const greeted& then);
  void on_answer(const std::string& server, std::uint64_t number,
                 result<msg::queue_answer> answer);
  void watch();
  void probe_silent();
  void probe(const std::string& server, link& to);
  void drop(const std::string& server);

  boost::asio::io_context& io_;
  net::tls_context tls_;
  connection_options options_;
  std::map<std::string, link> links_;
  std::uint64_t last_number_ = 0;
  boost::asio::steady_timer timer_;
  bool watching_ = false;
  bool closed_ = false;
};

} // namespace dfs::client
