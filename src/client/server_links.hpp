#pragma once

#include "client/master_session.hpp"
#include "messages/chunk.hpp"
#include "net/data_client.hpp"
#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace dfs::client {

/// One connection to the data port of each server that is talked to, under the
/// login at the master: its token is shown at each connect, and renewed there
/// in time. One thread, that of `io`.
class server_links {
public:
  /// @param tls Of the user; used if the login says that data ports speak it.
  server_links(boost::asio::io_context& io, net::tls_context tls,
               std::shared_ptr<master_session> master,
               std::shared_ptr<net::buffer_pool> buffers);
  ~server_links();

  /// Errors: as of `net::data_client::send`; `ec::unavailable` also when
  /// another store answers there.
  /// @param then Gets the reply's message and its data.
  template <class Request>
  void
  call(const msg::chunk_replica& to, const Request& what, net::data_views data,
       std::chrono::milliseconds patience,
       std::function<void(result<typename Request::reply>, net::data_buffer)>
         then) {
    link(to).call(
      what, std::move(data), patience,
      [this, then = std::move(then)](result<typename Request::reply> reply,
                                     net::data_buffer bytes) {
        if (!reply && reply.error().code == ec::token_expired)
          renew_login();
        then(std::move(reply), std::move(bytes));
      });
  }

private:
  net::data_client& link(const msg::chunk_replica& to);
  std::string hello();
  void renew_login();

  boost::asio::io_context& io_;
  net::tls_context tls_;
  std::shared_ptr<master_session> master_;
  std::shared_ptr<net::data_loop> loop_;
  /// A server that moved is another one.
  std::map<std::pair<store_id, endpoint>, std::unique_ptr<net::data_client>>
    links_;
  std::string token_; ///< At the last hello.
  instant token_since_;
  bool renewing_ = false;
};

} // namespace dfs::client
