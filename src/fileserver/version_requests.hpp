#pragma once

#include "fileserver/replica_host.hpp"
#include "net/data_server.hpp"

#include <functional>
#include <map>
#include <memory>

namespace dfs::fileserver {

/// The groups of a file server.
class group_table {
public:
  group_table(service_state& state, content_desk& desk)
    : state_{state},
      desk_{desk} {
    // nop
  }

  void load(std::map<group_id, msg::replica_rows> rows);
  /// Null: nothing is here of that group.
  [[nodiscard]] replica_host* find(group_id x);
  /// One with nothing in it, if there is none.
  [[nodiscard]] replica_host& at(group_id x);

  void each(const std::function<void(replica_host&)>& what);

private:
  service_state& state_;
  content_desk& desk_;
  std::map<group_id, std::shared_ptr<replica_host>> hosts_;
};

/// What comes on the data port of a file server, judged, and given to whom it
/// concerns. The data thread's.
class version_requests {
public:
  version_requests(service_state& state, content_desk& desk,
                   group_table& groups)
    : state_{state},
      desk_{desk},
      groups_{groups} {
    // nop
  }

  void on_request(const net::data_request& x);

private:
  template <class Request>
  [[nodiscard]] std::optional<Request>
  read(const net::data_request& x, wire::operation right, bool servers_only);
  template <class Answer, class Request>
  void ask_replica(const net::data_request& x, const Request& what);
  template <class Request>
  void ask_bulk(const net::data_request& x, const Request& what);

  void on_put(const net::data_request& x);
  void on_settle_put(const net::data_request& x);
  void on_settle_file(const net::data_request& x);
  void on_read_state(const net::data_request& x);
  void on_accept(const net::data_request& x);
  void on_commit(const net::data_request& x);

  service_state& state_;
  content_desk& desk_;
  group_table& groups_;
};

} // namespace dfs::fileserver
