#pragma once

#include "client/data_port.hpp"
#include "client/server_links.hpp"

#include <memory>

namespace dfs::client {

/// The data ports of chunkservers over connections.
class data_links final : public data_port {
public:
  explicit data_links(std::shared_ptr<server_links> links);

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
  template <class Request>
  void
  call(const msg::chunk_replica& to, const Request& what, net::data_views data,
       duration patience, answer<typename Request::reply> then);

  std::shared_ptr<server_links> links_;
};

} // namespace dfs::client
