#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/listener.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dfs::net {

/// What every server of connections does: takes them in, so many in all, so
/// many of whom nobody knows, so many of one principal; looks at their time
/// limits; drains. Reaching a limit never harms those who are known already.
/// The server's thread only, but for the counters.
///
/// @param House What a server shares with its connections: `options.limits`,
///   `refused_busy`, `draining`, `verified`, `gone`.
/// @param Connection `start`, `close`, `sweep`, `quiet`, `peer`.
template <class House, class Connection>
class connection_server
  : public std::enable_shared_from_this<connection_server<House, Connection>> {
public:
  connection_server(boost::asio::io_context& io, std::shared_ptr<House> house)
    : house_{std::move(house)},
      listener_{std::make_shared<listener>(io)},
      sweeper_{io} {
    // nop
  }

  virtual ~connection_server() = default;
  connection_server(const connection_server&) = delete;
  connection_server& operator=(const connection_server&) = delete;

  /// As `listener::listen`.
  [[nodiscard]] result<nothing>
  listen(const boost::asio::ip::tcp::endpoint& where, std::string_view plane) {
    house_->verified = [this](Connection& x) { return verified(x); };
    house_->gone = [this](Connection& x) { gone(x); };
    return listener_->listen(
      where, plane, [this](auto socket) { take_in(std::move(socket)); });
  }

  /// Closes everything at once. May be repeated.
  void end() {
    ended_ = true;
    listener_->close();
    sweeper_.cancel();
    before_closing();
    while (!places_.empty())
      places_.begin()->second.connection->close();
    closed();
    if (auto told = std::exchange(drained_, {}))
      told();
  }

  /// Takes nobody in; ends, and calls back, when all is answered and sent, or
  /// after `patience`.
  void drain(std::chrono::milliseconds patience, std::function<void()> done) {
    if (ended_)
      return done();
    drained_ = std::move(done);
    give_up_ = instant::clock::now() + patience;
    house_->draining = true;
    listener_->close();
    begins_to_drain();
    sweeper_.cancel();
    sweeping_ = false;
    sweep_later();
  }

  [[nodiscard]] boost::asio::ip::tcp::endpoint address() const {
    return listener_->address();
  }
  [[nodiscard]] House& house() const {
    return *house_;
  }

  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> unverified{0};

protected:
  /// Of the time limits.
  [[nodiscard]] virtual std::chrono::milliseconds shortest_limit() const = 0;
  virtual void begins_to_drain() {
    // nop
  }
  virtual void before_closing() {
    // nop
  }
  virtual void closed() {
    // nop
  }

private:
  using waiting_list = std::list<Connection*>;

  struct place {
    std::shared_ptr<Connection> connection;
    /// In `unverified_`, until it is verified.
    std::optional<typename waiting_list::iterator> waiting;
    bool counted = false; ///< In `principals_`.
  };

  /// Between two looks at the time limits, whatever these are.
  static constexpr std::chrono::milliseconds sweep_interval_max{250};
  static constexpr std::chrono::milliseconds sweep_interval_min{5};

  void take_in(boost::asio::ip::tcp::socket socket) {
    const auto& limits = house_->options.limits;
    ++accepted;
    const auto full = places_.size() >= limits.connections_max;
    if (full || unverified_.size() >= limits.unverified_max) {
      ++house_->refused_busy;
      if (unverified_.empty())
        return; // All are known: the newcomer has to go.
      unverified_.front()->close();
    }
    auto fresh = std::make_shared<Connection>(house_, std::move(socket));
    unverified_.push_back(fresh.get());
    places_.emplace(fresh.get(), place{fresh, std::prev(unverified_.end())});
    count();
    fresh->start();
    sweep_later();
  }

  result<nothing> verified(Connection& x) {
    auto& here = places_.at(&x);
    leave_waiting(here);
    count();
    auto& mine = principals_[x.peer().name];
    if (mine >= house_->options.limits.connections_per_principal_max)
      return fail(ec::busy, "too many connections of " + x.peer().name);
    ++mine;
    here.counted = true;
    return done;
  }

  void gone(Connection& x) {
    const auto found = places_.find(&x);
    if (found == places_.end())
      return;
    leave_waiting(found->second);
    if (found->second.counted) {
      const auto principal = principals_.find(x.peer().name);
      if (--principal->second == 0)
        principals_.erase(principal);
    }
    places_.erase(found);
    count();
  }

  void leave_waiting(place& x) {
    if (x.waiting)
      unverified_.erase(*x.waiting);
    x.waiting.reset();
  }

  void count() {
    connections = places_.size();
    unverified = unverified_.size();
  }

  /// One timer for all connections; none runs while there are none.
  void sweep_later() {
    if (std::exchange(sweeping_, true))
      return;
    sweeper_.expires_after(house_->draining ? sweep_interval_min
                                            : std::clamp(shortest_limit() / 4,
                                                         sweep_interval_min,
                                                         sweep_interval_max));
    sweeper_.async_wait([self = this->shared_from_this()](auto failed) {
      if (!failed)
        self->sweep();
    });
  }

  void sweep() {
    sweeping_ = false;
    const auto now = instant::clock::now();
    auto quiet = true;
    for (auto next = places_.begin(); next != places_.end();) {
      const auto connection = (next++)->second.connection; // May be erased.
      connection->sweep(now);
      quiet = quiet && connection->quiet();
    }
    if (house_->draining && (quiet || now >= give_up_))
      return end();
    if (!places_.empty() || house_->draining)
      sweep_later();
  }

  std::shared_ptr<House> house_;
  std::shared_ptr<listener> listener_;
  boost::asio::steady_timer sweeper_;
  bool sweeping_ = false;
  bool ended_ = false;
  waiting_list unverified_; ///< Oldest first.
  std::unordered_map<Connection*, place> places_;
  std::map<std::string, std::size_t> principals_;
  std::function<void()> drained_;
  instant give_up_;
};

} // namespace dfs::net
