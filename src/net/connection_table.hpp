#pragma once

#include "base/result.hpp"
#include "net/fair_share.hpp"
#include "net/principals.hpp"

#include <algorithm>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::net {

struct connection_limits {
  std::size_t all_max = 0;
  std::size_t per_principal_max = 0;
  std::size_t strangers_max = 0;
  /// Of all, for servers and administrators; at most a quarter.
  std::size_t kept = 16;
};

/// The connections of a server, and who of them has a place. Strangers have
/// none: there are so many of them, and as many that were refused and may read
/// why; the oldest goes. One thread, but for `principals`.
///
/// I1  At most `all_max` have a place; `kept` of them only servers and
///     administrators can have.
/// I2  A place is taken from somebody only when none is free, only from who
///     does not use it, and only for a principal with fewer of them.
///
/// @param Connection `close`, `evict`, `peer`, `kept`, `idle_since`.
template <class Connection>
class connection_table {
public:
  using share_ptr = principal_table::share_ptr;

  /// @returns whether a stranger had to go for it.
  bool take_in(std::shared_ptr<Connection> x, const connection_limits& limits) {
    auto& here = all_[x.get()];
    here.connection = std::move(x);
    return wait_in(strangers_, here, limits);
  }

  /// It has proved who it is. @returns its principal's share, `ec::busy`.
  result<share_ptr> verified(Connection& x, const connection_limits& limits) {
    auto& here = all_.at(&x);
    auto share = principals_.of(x.peer().name);
    if (auto room = find_place(x, *share, limits); !room) {
      ++share->refused_busy;
      principals_.forget_absent(share);
      wait_in(leaving_, here, limits);
      return room.error();
    }
    leave_queue(here);
    here.share = share;
    here.kept = x.kept();
    ++share->connections;
    taken_ += 1;
    taken_by_others_ += here.kept ? 0 : 1;
    return share;
  }

  void gone(Connection& x) {
    const auto found = all_.find(&x);
    if (found == all_.end())
      return;
    leave_queue(found->second);
    give_back(found->second);
    all_.erase(found);
  }

  /// @param call May close the one that it is given.
  template <class Call>
  void each(Call call) const {
    for (auto next = all_.begin(); next != all_.end();) {
      const auto connection = (next++)->second.connection; // May be erased.
      call(*connection);
    }
  }

  void close_all() {
    while (!all_.empty())
      all_.begin()->second.connection->close();
  }

  [[nodiscard]] std::size_t size() const {
    return all_.size();
  }
  [[nodiscard]] std::size_t strangers() const {
    return strangers_.size();
  }
  /// Any thread.
  [[nodiscard]] const principal_table& principals() const {
    return principals_;
  }

private:
  using queue = std::list<Connection*>;

  struct place {
    std::shared_ptr<Connection> connection;
    queue* waits_in = nullptr; ///< While it has no place.
    typename queue::iterator at{};
    share_ptr share; ///< While it has one.
    bool kept = false;
  };

  result<nothing> find_place(const Connection& x, const principal_share& mine,
                             const connection_limits& limits) {
    if (mine.connections >= limits.per_principal_max)
      return fail(ec::busy, "too many connections of " + mine.name);
    const auto kept = std::min(limits.kept, limits.all_max / 4);
    if (taken_ < limits.all_max
        && (x.kept() || taken_by_others_ + kept < limits.all_max))
      return done;
    std::vector<place*> whose;
    std::vector<seat> seats;
    for (auto& [key, each] : all_)
      if (each.share) {
        whose.push_back(&each);
        seats.push_back(
          {each.share->connections, each.kept, each.connection->idle_since()});
      }
    const auto chosen
      = choose_to_evict(seats, x.kept() ? 0 : mine.connections.load());
    if (!chosen)
      return fail(ec::busy, "too many connections");
    evict(*whose[*chosen], limits);
    return done;
  }

  void evict(place& x, const connection_limits& limits) {
    ++x.share->closed_idle;
    give_back(x);
    wait_in(leaving_, x, limits);
    x.connection->evict();
  }

  void give_back(place& x) {
    const auto share = std::exchange(x.share, nullptr);
    if (!share)
      return;
    taken_ -= 1;
    taken_by_others_ -= x.kept ? 0 : 1;
    --share->connections;
    principals_.forget_absent(share);
  }

  bool wait_in(queue& where, place& x, const connection_limits& limits) {
    leave_queue(x);
    const auto full = where.size() >= limits.strangers_max;
    if (full)
      where.front()->close();
    x.waits_in = &where;
    x.at = where.insert(where.end(), x.connection.get());
    return full;
  }

  void leave_queue(place& x) {
    if (auto* where = std::exchange(x.waits_in, nullptr))
      where->erase(x.at);
  }

  std::unordered_map<Connection*, place> all_;
  queue strangers_; ///< Oldest first.
  queue leaving_;   ///< Likewise: refused, or evicted.
  std::size_t taken_ = 0;
  std::size_t taken_by_others_ = 0; ///< No servers, no administrators.
  principal_table principals_;
};

} // namespace dfs::net
