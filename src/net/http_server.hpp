#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

// The port for monitoring: answers GET and HEAD on a few paths, without TLS and
// without credentials. So it reads nothing but the first lines of a request,
// changes nothing, and is bound to loopback unless somebody decides otherwise.
// One request a connection.
//
// Nothing that a stranger does costs more than a slot: connections, header and
// time per request are bounded, and a full house turns newcomers away at once.

namespace dfs::net {

struct http_options {
  endpoint bind; ///< Port 0: one that is free.
  std::size_t connections_max = 32;
  std::uint32_t header_bytes_max = 8'192;
  std::chrono::milliseconds read_timeout{5'000};   ///< From accept to header.
  std::chrono::milliseconds write_timeout{10'000}; ///< For the answer.
};

struct http_answer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

/// Called in the thread of the io_context; must not block.
/// @param query What stands after '?', as it came: "verbose", "a=b&c".
using http_handler = std::function<http_answer(std::string_view query)>;

struct http_traffic {
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0; ///< The house was full.
  std::uint64_t refused = 0;     ///< Malformed, too long or too slow.
  std::uint64_t answered = 0;    ///< Whatever the status.
  std::size_t open = 0;          ///< Now.
};

/// Serves from construction's `open` until `close` or destruction. All calls in
/// the thread of the io_context, or while it does not run.
class http_server {
public:
  /// @param paths Exact ones, such as "/metrics"; others are 404.
  http_server(boost::asio::io_context& context, http_options options,
              std::map<std::string, http_handler, std::less<>> paths);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// @returns `ec::in_use` for a port that somebody else has, or
  /// `ec::configuration` for an address that is not ours.
  [[nodiscard]] result<nothing> open();

  /// Where it listens. @pre It is open.
  [[nodiscard]] endpoint address() const;

  /// Accepts nothing more and cuts every connection.
  void close();

  [[nodiscard]] http_traffic traffic() const;

private:
  class session;
  struct shared; ///< Outlives the server for as long as a session does.

  void accept();

  std::shared_ptr<shared> shared_;
};

} // namespace dfs::net
