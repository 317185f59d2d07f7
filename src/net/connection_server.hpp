#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/connection_table.hpp"
#include "net/listener.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace dfs::net {

/// What every server of connections does: takes them in, gives places to those
/// who are known (`connection_table`), looks at their time limits, drains. The
/// server's thread only, but for the counters.
///
/// @param House What a server shares with its connections: `options.limits`,
///   `refused_busy`, `draining`, `verified`, `gone`.
/// @param Connection `start`, `close`, `evict`, `sweep`, `quiet`, `peer`,
///   `kept`, `idle_since`.
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
    house_->verified = [this](Connection& x) {
      auto share = table_.verified(x, limits());
      count();
      return share;
    };
    house_->gone = [this](Connection& x) {
      table_.gone(x);
      count();
    };
    return listener_->listen(
      where, plane, [this](auto socket) { take_in(std::move(socket)); });
  }

  /// Closes everything at once. May be repeated.
  void end() {
    ended_ = true;
    listener_->close();
    sweeper_.cancel();
    before_closing();
    table_.close_all();
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
  /// Any thread.
  [[nodiscard]] const principal_table& principals() const {
    return table_.principals();
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

  [[nodiscard]] const connection_table<Connection>& table() const {
    return table_;
  }

private:
  /// Between two looks at the time limits, whatever these are.
  static constexpr std::chrono::milliseconds sweep_interval_max{250};
  static constexpr std::chrono::milliseconds sweep_interval_min{5};

  [[nodiscard]] connection_limits limits() const {
    const auto& x = house_->options.limits;
    return {.all_max = x.connections_max,
            .per_principal_max = x.connections_per_principal_max,
            .strangers_max = x.unverified_max};
  }

  void take_in(boost::asio::ip::tcp::socket socket) {
    ++accepted;
    auto fresh = std::make_shared<Connection>(house_, std::move(socket));
    if (table_.take_in(fresh, limits()))
      ++house_->refused_busy;
    count();
    fresh->start();
    sweep_later();
  }

  void count() {
    connections = table_.size();
    unverified = table_.strangers();
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
    table_.each([&](Connection& x) {
      x.sweep(now);
      quiet = quiet && x.quiet();
    });
    if (house_->draining && (quiet || now >= give_up_))
      return end();
    if (table_.size() > 0 || house_->draining)
      sweep_later();
  }

  std::shared_ptr<House> house_;
  std::shared_ptr<listener> listener_;
  boost::asio::steady_timer sweeper_;
  bool sweeping_ = false;
  bool ended_ = false;
  connection_table<Connection> table_;
  std::function<void()> drained_;
  instant give_up_;
};

} // namespace dfs::net
