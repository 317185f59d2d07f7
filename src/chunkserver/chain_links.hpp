#pragma once

#include "base/time.hpp"
#include "messages/chunk_data.hpp"
#include "net/data_client.hpp"
#include "net/data_link.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace dfs::chunkserver {

struct chain_links_options {
  std::string cluster;
  std::shared_ptr<net::tls_source> tls; ///< Null: plain.
  std::function<std::string()> hello;   ///< Encoded, with a server's token.
  std::chrono::milliseconds silent_after{1'000};
  std::chrono::milliseconds stalled_after{8'000};
};

/// This server's connections to other data servers. The data thread's.
///
/// A chunk always travels on the same connection, so that its changes arrive in
/// their order. A peer of which nothing was heard for `silent_after` although
/// something waits for it is cut: all that waits fails with `ec::unavailable`.
class chain_links {
public:
  /// Connections to one peer for changes; copies have one more.
  static constexpr std::uint64_t lanes = 2;

  chain_links(std::shared_ptr<net::data_loop> loop,
              chain_links_options options);
  chain_links(const chain_links&) = delete;
  chain_links& operator=(const chain_links&) = delete;

  /// A number that is never that of another connection; 0 while there is none.
  [[nodiscard]] std::uint64_t
  connection(const msg::chunk_replica& peer, chunk_id chunk);

  /// The lane on which changes of that chunk travel.
  [[nodiscard]] static std::uint64_t lane_of(chunk_id chunk) {
    return chunk.value() % lanes;
  }

  /// The connection for that chunk is there, and something came on it since.
  [[nodiscard]] bool
  heard(const msg::chunk_replica& peer, chunk_id chunk, instant since);

  using replicated = std::function<void(result<msg::replicated>)>;

  void replicate(const msg::chunk_replica& peer, const msg::replicate& change,
                 const net::data_buffer& data, replicated done);

  void note_committed(const msg::chunk_replica& peer,
                      const msg::note_committed& note);

  /// Asks on the connection for copies. @param patience See `data_client`.
  template <class Request, class Done>
  void ask(const msg::chunk_replica& peer, const Request& request,
           std::chrono::milliseconds patience, Done done) {
    call(peer, lanes, request, {}, patience, std::move(done));
  }

  /// Asks on a connection of the caller's choice: what goes on one lane arrives
  /// in its order.
  template <class Request, class Done>
  void call(const msg::chunk_replica& peer, std::uint64_t lane,
            const Request& request, net::data_views data,
            std::chrono::milliseconds patience, Done done) {
    auto& to = at(peer, lane);
    begin(to);
    to.client->call(request, std::move(data), patience, std::move(done));
  }

  /// A message without an answer; may be lost.
  template <class Notice>
  void tell(const msg::chunk_replica& peer, std::uint64_t lane,
            const Notice& notice) {
    at(peer, lane).client->notify(notice);
  }

  /// Ends all connections; those who wait are told.
  void close();

private:
  struct key {
    store_id store;
    endpoint where;
    std::uint64_t lane = 0;

    auto operator<=>(const key&) const = default;
  };

  struct link {
    std::unique_ptr<net::data_client> client;
    std::uint64_t connection = 0;
    instant waiting_since; ///< Something waits since then, at least.
  };

  link& at(const msg::chunk_replica& peer, std::uint64_t lane);
  void begin(link& x);
  void watch_later();
  void watch();

  std::shared_ptr<net::data_loop> loop_;
  chain_links_options options_;
  boost::asio::steady_timer timer_;
  bool watching_ = false;
  std::uint64_t connections_ = 0;
  std::map<key, std::unique_ptr<link>> links_;
};

} // namespace dfs::chunkserver
