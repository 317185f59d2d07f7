#include "net/data_server.hpp"

#include "net/data_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

/// Between two looks at the time limits, whatever these are.
constexpr std::chrono::milliseconds sweep_interval_max{250};
constexpr std::chrono::milliseconds sweep_interval_min{5};

/// After the system ran out of descriptors or memory for sockets.
constexpr std::chrono::milliseconds accept_pause{100};

} // namespace

/// All of it in the server's thread.
class data_server::core : public std::enable_shared_from_this<core> {
public:
  explicit core(std::shared_ptr<data_house> house)
    : house_{std::move(house)},
      acceptor_{house_->loop->io()},
      sweeper_{house_->loop->io()},
      pause_{house_->loop->io()} {
    // nop
  }

  void begin() {
    house_->verified = [this](data_connection& x) { return verified(x); };
    house_->gone = [this](data_connection& x) { gone(x); };
    accept();
  }

  void end() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    sweeper_.cancel();
    pause_.cancel();
    while (!places_.empty())
      places_.begin()->second.connection->close();
    house_->handlers.request = [](auto&&...) {};
    house_->handlers.closed = [](auto&&...) {};
    if (auto told = std::exchange(drained_, {}))
      told();
  }

  void drain(std::chrono::milliseconds patience, std::function<void()> done) {
    drained_ = std::move(done);
    give_up_ = instant::clock::now() + patience;
    house_->draining = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    sweeper_.cancel();
    sweeping_ = false;
    sweep_later();
  }

  asio::ip::tcp::acceptor& acceptor() {
    return acceptor_;
  }

  data_house& house() {
    return *house_;
  }

  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> unverified{0};

private:
  using waiting_list = std::list<data_connection*>;

  struct place {
    std::shared_ptr<data_connection> connection;
    /// In `unverified_`, until it is verified.
    std::optional<waiting_list::iterator> waiting;
    bool counted = false; ///< In `principals_`.
  };

  void accept() {
    acceptor_.async_accept(
      [self = shared_from_this()](auto failed, auto socket) {
        if (!self->acceptor_.is_open())
          return;
        if (!failed)
          self->take_in(std::move(socket));
        // What the system lacks comes back when others leave; asking at once
        // again would only spin.
        if (!failed || failed == asio::error::connection_aborted)
          self->accept();
        else
          self->accept_later();
      });
  }

  void accept_later() {
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this()](auto failed) {
      if (!failed && self->acceptor_.is_open())
        self->accept();
    });
  }

  void take_in(asio::ip::tcp::socket socket) {
    const auto& limits = house_->options.limits;
    ++accepted;
    const auto full = places_.size() >= limits.connections_max;
    if (full || unverified_.size() >= limits.unverified_max) {
      ++house_->refused_busy;
      if (unverified_.empty())
        return; // All are known: the newcomer has to go.
      unverified_.front()->close();
    }
    auto fresh = std::make_shared<data_connection>(house_, std::move(socket));
    unverified_.push_back(fresh.get());
    places_.emplace(fresh.get(), place{fresh, std::prev(unverified_.end())});
    count();
    fresh->start();
    sweep_later();
  }

  result<nothing> verified(data_connection& x) {
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

  void gone(data_connection& x) {
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
    const auto& limits = house_->options.limits;
    const auto shortest
      = std::min({limits.handshake_timeout, limits.idle_timeout,
                  limits.frame_timeout, limits.write_timeout});
    sweeper_.expires_after(
      house_->draining
        ? sweep_interval_min
        : std::clamp(shortest / 4, sweep_interval_min, sweep_interval_max));
    sweeper_.async_wait([self = shared_from_this()](auto failed) {
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

  std::shared_ptr<data_house> house_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer sweeper_;
  asio::steady_timer pause_;
  bool sweeping_ = false;
  waiting_list unverified_; ///< Oldest first.
  std::unordered_map<data_connection*, place> places_;
  std::map<std::string, std::size_t> principals_;
  std::function<void()> drained_;
  instant give_up_;
};

data_server::data_server(std::shared_ptr<data_loop> loop,
                         data_server_options options, data_handlers handlers) {
  if (!options.clock)
    options.clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
  auto house = std::shared_ptr<data_house>{new data_house{
    .loop = std::move(loop),
    .options = std::move(options),
    .handlers = std::move(handlers),
  }};
  core_ = std::make_shared<core>(std::move(house));
}

data_server::~data_server() {
  core_->end();
}

void data_server::close() {
  core_->end();
}

result<nothing> data_server::listen(const asio::ip::tcp::endpoint& where) {
  auto& acceptor = core_->acceptor();
  boost::system::error_code failed;
  acceptor.open(where.protocol(), failed);
  if (!failed)
    acceptor.set_option(asio::socket_base::reuse_address{true}, failed);
  if (!failed)
    acceptor.bind(where, failed);
  if (!failed)
    acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    const auto text = "cannot listen on " + to_text(where) + " (data): ";
    boost::system::error_code ignored;
    acceptor.close(ignored);
    if (failed == asio::error::address_in_use)
      return fail(ec::in_use, text
                                + "the port is in use; stop its owner or "
                                  "choose another one");
    return fail(ec::configuration, text + failed.message());
  }
  core_->begin();
  return done;
}

asio::ip::tcp::endpoint data_server::address() const {
  boost::system::error_code ignored;
  return core_->acceptor().local_endpoint(ignored);
}

void data_server::drain(std::chrono::milliseconds patience,
                        std::function<void()> drained) {
  core_->drain(patience, std::move(drained));
}

data_server_counters data_server::counters() const {
  const auto& house = core_->house();
  return {.connections = core_->connections,
          .unverified = core_->unverified,
          .open = house.open,
          .client_bytes = house.client_bytes,
          .accepted = core_->accepted,
          .requests = house.requests,
          .refused = house.refused,
          .refused_hello = house.refused_hello,
          .refused_busy = house.refused_busy,
          .closed_malformed = house.closed_malformed,
          .closed_timeouts = house.closed_timeouts,
          .pauses = house.pauses};
}

} // namespace dfs::net
