#pragma once

#include "chunkserver/chain.hpp"
#include "chunkserver/server_state.hpp"
#include "core/chunks/led_table.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::chunkserver {

/// Who leads what: grants that clients bring, orders of the master, ends of
/// leases. The data thread's.
class leases {
public:
  template <class T>
  using callback = data_service::callback<T>;

  leases(server_state& state, chain& order);

  /// The replica a client wants to change; a grant for a fresh chunk makes this
  /// server its primary.
  /// @returns `ec::not_found`, `ec::not_primary`, `ec::lease_expired`,
  ///   `ec::unauthenticated` (a forged grant), `ec::invalid_argument` (one for
  ///   something else), `ec::stale` (of another life or version), or what
  ///   `chunk_store::create` returns.
  [[nodiscard]] result<replica_ptr>
  admit(chunk_id chunk, chunk_version version, lease_epoch epoch,
        const std::vector<msg::chunk_grant>& grant);

  /// The others are level: leads from now on.
  void begin(replica& x, std::shared_ptr<const msg::chunk_grant> grant,
             boot_instant until, const core::known_writers& known);

  // What `data_service` says.
  void renew(const std::vector<lease_epoch>& epochs, boot_instant until);
  void end(const std::vector<lease_epoch>& epochs);
  void take(msg::take_lease order, boot_instant until,
            callback<msg::lease_taken> done);
  void fence(chunk_id chunk, chunk_version version, bool fresh,
             callback<msg::chunk_state> done);
  void revoke(const std::vector<msg::chunk_state>& chunks);
  void end_all();
  void release(chunk_id chunk, lease_epoch epoch,
               callback<msg::lease_released> done);
  [[nodiscard]] core::led_page led_since(std::uint64_t after, std::size_t most);
  [[nodiscard]] std::vector<msg::led_chunk>
  led(chunk_id from, std::size_t most) const;
  void remove(const std::vector<msg::chunk_state>& chunks,
              const callback<std::vector<chunk_id>>& done);

  /// Leases that have run out end, chunks that rest are set aside. Each second.
  void sweep();

private:
  [[nodiscard]] result<boot_instant>
  check(const msg::chunk_grant& x, boot_instant now) const;
  [[nodiscard]] result<replica_ptr>
  make(chunk_id chunk, chunk_version version, boot_instant now);
  /// Leads it no longer, and is about to no longer.
  void stop_leading(replica& x, const error& reason);
  void over(replica& x, const error& reason);
  /// What is committed now. @returns Null: nothing is known here.
  replica_ptr describe(msg::led_chunk& lease) const;

  server_state& state_;
  chain& chain_;
  core::led_table led_;
  /// Deleted here on order, the oldest first: a grant from before, which may
  /// still run, must not make them anew.
  std::deque<std::pair<boot_instant, chunk_id>> removed_;
  std::set<chunk_id> barred_; ///< The same.
  std::chrono::milliseconds longest_lease_{std::chrono::minutes{1}};
};

} // namespace dfs::chunkserver
