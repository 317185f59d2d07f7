#pragma once

#include "client/data_port.hpp"
#include "client/master_session.hpp"
#include "net/data_client.hpp"
#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <utility>

namespace dfs::client {

/// One connection to each chunkserver that is talked to, under the login at the
/// master: its token is shown at each connect, and renewed there in time.
class data_links final : public data_port {
public:
  /// @param tls Of the user; used if the login says that data ports speak it.
  data_links(boost::asio::io_context& io, net::tls_context tls,
             std::shared_ptr<master_session> master,
             std::shared_ptr<net::buffer_pool> buffers);
  ~data_links() override;

  void write(const msg::chunk_replica& to, msg::write_chunk what,
             const piece& data, duration patience,
             answer<msg::chunk_changed> then) override;
  void append(const msg::chunk_replica& to, msg::append_record what,
              const piece& data, duration patience,
              answer<msg::chunk_changed> then) override;
  void settle(const msg::chunk_replica& to, const msg::settle_append& what,
              duration patience, answer<msg::append_settled> then) override;
  void read(const msg::chunk_replica& to, const msg::read_chunk& what,
            duration patience, answer<bytes_read> then) override;
  void extent(const msg::chunk_replica& to, const msg::get_extent& what,
              duration patience, answer<msg::chunk_extent> then) override;

private:
  net::data_client& link(const msg::chunk_replica& to);
  std::string hello();
  void renew_login();

  template <class Request>
  void
  call(const msg::chunk_replica& to, const Request& what, net::data_views data,
       duration patience, answer<typename Request::reply> then);

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
