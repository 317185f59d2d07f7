#pragma once

#include "messages/chunk_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::core {

/// What is to be told of a server's leases, and how far that goes.
struct led_page {
  std::vector<msg::led_chunk> leases;
  std::uint64_t upto = 0; ///< Everything up to here has been told, with these.
  bool complete = false;  ///< Nothing has happened after that.
};

/// The leases of a chunkserver, and those that are over and of which the master
/// has not said yet that it knows. Numbers what happens to them, so that only
/// that need be told: a lease in which nothing happens costs nothing, however
/// many there are. One per data server, its own view. Pure.
///
///  E1  Each lease stands at the number of the last thing that happened to it:
///      it began, was used, or ended. What was told up to a number holds for
///      all leases that stand there or below.
///  E2  That a lease was used is told until that has been confirmed.
class led_table {
public:
  void begin(chunk_id chunk, lease_epoch epoch);

  /// Changes were made under it, or have been committed.
  void used(lease_epoch epoch);

  /// @param settled All that is applied here is committed.
  void end(chunk_id chunk, lease_epoch epoch,
           const msg::chunk_extent& committed, bool settled);

  /// The master knows that it is over. @returns its chunk, if it runs here.
  chunk_id forget(lease_epoch epoch);

  /// Zero: no such lease runs.
  [[nodiscard]] chunk_id running(lease_epoch epoch) const;
  [[nodiscard]] std::size_t running() const {
    return running_;
  }

  /// What has happened since `after`, oldest first, for whoever has confirmed
  /// everything up to there; 0: to know nothing.
  /// @param live Fills in what is committed now of a lease that runs.
  template <class Live>
  [[nodiscard]] led_page
  news(std::uint64_t after, std::size_t most, Live live) {
    confirmed_ = std::max(confirmed_, std::min(after, newest_));
    led_page page{{}, after, true};
    for (auto next = order_.upper_bound(after); next != order_.end(); ++next) {
      if (page.leases.size() >= most) {
        page.complete = false;
        break;
      }
      page.upto = next->first;
      page.leases.push_back(describe(leases_.at(next->second), live));
      page.leases.back().active = next->first > confirmed_; // E2
    }
    return page;
  }

  /// For people: some of them by id, the first after `from`, and round.
  template <class Live>
  [[nodiscard]] std::vector<msg::led_chunk>
  list(chunk_id from, std::size_t most, Live live) const {
    std::vector<msg::led_chunk> found;
    auto next = leases_.upper_bound(
      {from, lease_epoch{std::numeric_limits<std::uint64_t>::max()}});
    for (auto left = std::min(most, leases_.size()); left > 0; --left) {
      if (next == leases_.end())
        next = leases_.begin();
      found.push_back(describe(next->second, live));
      found.back().active = next->second.at > confirmed_;
      ++next;
    }
    return found;
  }

  /// Aborts if an invariant is broken.
  void check() const;

private:
  using key = std::pair<chunk_id, lease_epoch>;

  struct entry {
    msg::led_chunk what;
    std::uint64_t at = 0; ///< E1.
  };

  template <class Live>
  static msg::led_chunk describe(const entry& x, Live& live) {
    auto what = x.what;
    if (!what.over)
      live(what);
    return what;
  }

  void happens(const key& lease, entry& x);
  void drop(const key& lease);
  void make_room();

  std::map<key, entry> leases_;
  std::map<std::uint64_t, key> order_;
  std::unordered_map<lease_epoch, chunk_id> chunks_;
  std::deque<key> over_; ///< Oldest first; some are gone already.
  std::size_t running_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t confirmed_ = 0; ///< By any master.
};

} // namespace dfs::core
