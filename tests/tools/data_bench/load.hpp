#pragma once

#include "servers.hpp"

#include "messages/chunk_data.hpp"
#include "net/data_client.hpp"
#include "net/data_link.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs::bench {

struct figures {
  double per_second = 0;  ///< MiB or operations.
  double cpu_seconds = 0; ///< Of the client and all servers, for all of it.
  double client_cpu = 0;  ///< Of that, the client's.
  std::vector<double> us; ///< Of each operation, where they count.
};

/// A client of the data port alone: one thread, connections of its own, no
/// master.
class load {
public:
  explicit load(const server_processes& servers);
  ~load();

  /// Writes chunks of 64 MiB, `at_once` of them in parallel; each ends with a
  /// durable write. They are what `read` and `read_some` read.
  figures write(std::size_t chunks, std::size_t at_once, std::size_t piece);
  figures read(std::size_t at_once, std::size_t piece);
  /// 4 KiB at random places, one after another.
  figures read_some(std::size_t count);
  /// Records of 100 bytes to one chunk; `writers` connections, each one at a
  /// time.
  figures append(std::size_t writers, std::size_t count);
  /// Chunks of 1 KiB, `at_once` in flight.
  figures create(std::size_t at_once, std::size_t count);
  /// And read again.
  figures read_small(std::size_t at_once, std::size_t count);

private:
  struct written {
    msg::chunk_grant grant;
    msg::chunk_extent extent;
  };
  struct operations;

  net::data_client& at(const msg::chunk_replica& server, std::size_t lane);
  template <class Work>
  figures measure(double amount, std::size_t at_once, Work work);
  void ended();
  void write_chunk(const std::shared_ptr<operations>& all);
  void read_chunk(const std::shared_ptr<operations>& all);

  const server_processes& servers_;
  boost::asio::io_context io_{1};
  std::shared_ptr<net::data_loop> loop_;
  std::map<std::pair<endpoint, std::size_t>, std::unique_ptr<net::data_client>>
    clients_;
  std::size_t working_ = 0;
  std::uint64_t chunks_ = 0;
  std::string bytes_;
  std::vector<written> large_;
  std::vector<written> small_;
};

} // namespace dfs::bench
