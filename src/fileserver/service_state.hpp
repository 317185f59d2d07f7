#pragma once

#include "chunkserver/chain_links.hpp"
#include "chunkserver/disk_pool.hpp"
#include "chunkserver/inbox.hpp"
#include "chunkserver/server_token.hpp"
#include "core/versions/coordinator.hpp"
#include "fileserver/news_box.hpp"
#include "fileserver/version_service.hpp"
#include "messages/version_data.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

// What the parts of a file server's data thread share. But for what says
// otherwise it belongs to that thread.

namespace dfs::fileserver {

/// Numbers only grow, but for those with "now".
struct service_counters {
  std::atomic<std::uint64_t> groups{0};     ///< Now.
  std::atomic<std::uint64_t> groups_led{0}; ///< Now.
  std::atomic<std::uint64_t> missing{0};    ///< Now.
  std::atomic<std::uint64_t> fetches{0};    ///< Now.
  std::atomic<std::uint64_t> puts{0};
  std::atomic<std::uint64_t> puts_failed{0};
  std::atomic<std::uint64_t> puts_unknown{0};
  std::atomic<std::uint64_t> states_read{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> bytes_taken{0};
  std::atomic<std::uint64_t> bytes_fetched{0};
  std::atomic<std::uint64_t> takeovers{0};
  std::atomic<std::uint64_t> integrity_faults{0};
  std::atomic<std::uint64_t> dropped{0};
};

/// What travels on one connection to a peer, in its order.
enum class lane : std::uint64_t { orders = 0, staging = 1, fetching = 2 };

/// The master's clock of deletions, as last told. Any thread.
class told_clock {
public:
  /// @param unix_ms 0: this master does not tell.
  void set(std::int64_t unix_ms, instant now) {
    if (unix_ms == 0)
      return;
    ahead_ = unix_ms - ms_of(now);
    told_ = true;
  }
  /// 0: never told.
  [[nodiscard]] std::int64_t read(instant now) const {
    return told_ ? ahead_ + ms_of(now) : 0;
  }

private:
  static std::int64_t ms_of(instant x) {
    return std::chrono::floor<std::chrono::milliseconds>(x.time_since_epoch())
      .count();
  }

  std::atomic<std::int64_t> ahead_{0};
  std::atomic<bool> told_{false};
};

struct service_state {
  service_state(version_service_options of, std::shared_ptr<net::data_loop> on,
                storage::version_store& keeps);

  version_service_options options;
  std::shared_ptr<net::data_loop> loop;
  storage::version_store& store;
  std::shared_ptr<chunkserver::inbox> work; ///< Any thread.
  chunkserver::disk_pool disks;             ///< Any thread.
  std::shared_ptr<news_box> news;           ///< Any thread.
  service_counters counts;                  ///< Any thread.
  chunkserver::chain_links links;
  std::map<store_id, msg::chunk_replica> servers;
  told_clock kept; ///< Any thread.
  bool draining = false;

  [[nodiscard]] chunkserver::server_identity identity() const;
  [[nodiscard]] instant now() const;
  [[nodiscard]] core::version_time time() const;

  void note(group_id group, const std::string& what) const {
    if (options.on_event)
      options.on_event(group, what);
  }

  /// Asks a peer. Who is not known, or does not answer: an error, perhaps from
  /// within this call.
  /// @param done `(result<Request::reply>, net::data_buffer)`
  template <class Request, class Done>
  void ask(store_id to, lane via, const Request& what, net::data_views data,
           std::chrono::milliseconds patience, Done done) {
    const auto known = servers.find(to);
    if (known == servers.end())
      return done(result<typename Request::reply>{fail(
                    ec::unavailable, "no address of that file server")},
                  net::data_buffer{});
    links.call(known->second, static_cast<std::uint64_t>(via), what,
               std::move(data), patience, std::move(done));
  }

  /// Disk work, then the rest in the data thread.
  /// @returns False: too much is waiting.
  template <class Result>
  [[nodiscard]] bool
  on_disk(std::function<Result()> first, std::function<void(Result)> then) {
    return disks.run(
      [first = std::move(first), then = std::move(then), home = work] {
        // Shared, because a std::function must be copyable.
        auto outcome = std::make_shared<Result>(first());
        home->put([outcome, then] { then(std::move(*outcome)); });
      });
  }
};

} // namespace dfs::fileserver
