#include "client/data_links.hpp"

#include <utility>

namespace dfs::client {

data_links::data_links(std::shared_ptr<server_links> links)
  : links_{std::move(links)} {
  // nop
}

template <class Request>
void data_links::call(const msg::chunk_replica& to, const Request& what,
                      net::data_views data, duration patience,
                      answer<typename Request::reply> then) {
  links_->call(to, what, std::move(data), patience,
               [then = std::move(then)](result<typename Request::reply> reply,
                                        const net::data_buffer&) {
                 then(std::move(reply));
               });
}

void data_links::write(const msg::chunk_replica& to, msg::write_chunk what,
                       const piece& data, duration patience,
                       answer<msg::chunk_changed> then) {
  what.crcs = data.crcs;
  auto keep = std::make_shared<piece>(data);
  call(to, what, {{keep->bytes.view(), keep}}, patience, std::move(then));
}

void data_links::append(const msg::chunk_replica& to, msg::append_record what,
                        const piece& data, duration patience,
                        answer<msg::chunk_changed> then) {
  what.crcs = data.crcs;
  auto keep = std::make_shared<piece>(data);
  call(to, what, {{keep->bytes.view(), keep}}, patience, std::move(then));
}

void data_links::settle(const msg::chunk_replica& to,
                        const msg::settle_append& what, duration patience,
                        answer<msg::append_settled> then) {
  call(to, what, {}, patience, std::move(then));
}

void data_links::read(const msg::chunk_replica& to, const msg::read_chunk& what,
                      duration patience, answer<bytes_read> then) {
  links_->call(to, what, {}, patience,
               [then = std::move(then)](result<msg::chunk_bytes> reply,
                                        net::data_buffer bytes) {
                 if (reply)
                   then(bytes_read{*std::move(reply), std::move(bytes)});
                 else
                   then(reply.error());
               });
}

void data_links::extent(const msg::chunk_replica& to,
                        const msg::get_extent& what, duration patience,
                        answer<msg::chunk_extent> then) {
  call(to, what, {}, patience, std::move(then));
}

} // namespace dfs::client
