#include "net/gate.hpp"

#include "net/address.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <utility>

namespace asio = boost::asio;

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace dfs::net {

namespace {

// After a failed accept, for lack of descriptors: long enough not to spin.
constexpr auto accept_pause = 100ms;

using failure = boost::system::error_code;
using link_ptr = std::shared_ptr<gate_link>;

ec code_of(link_end how) {
  switch (how) {
    case link_end::handshake_failed:
    case link_end::identity_refused:
    case link_end::fault:
      return ec::unauthenticated;
    case link_end::limit_reached:
      return ec::busy;
    case link_end::timed_out:
      return ec::timed_out;
    case link_end::lost:
    case link_end::closed_here:
      return ec::unavailable;
  }
  return ec::unavailable;
}

} // namespace

// What has no mutex belongs to the io_context's thread. Shared with
// what is posted there, so that a call that comes late finds a gate that is
// shut instead of none.
class gate::core final : public gate_link_owner,
                         public std::enable_shared_from_this<core> {
public:
  core(asio::io_context& io, tls_source& tls, gate_options options)
    : io_{io},
      tls_{tls},
      options_{std::move(options)},
      acceptor_{io},
      pause_{io} {
    // nop
  }

  result<std::uint16_t> listen(const endpoint& where, visitor visit);
  void accept();
  /// Any thread. @returns a number for `connect`; none once detached.
  std::optional<std::uint64_t> expect(std::string name, connected answer);
  void connect(std::uint64_t attempt, const endpoint& to,
               std::chrono::milliseconds within);
  /// Any thread.
  void detach();
  void disconnect(const std::string& name);
  void stop_accepting();
  void leave(std::chrono::milliseconds within);
  void shut();

  void verified(gate_link& link) override;
  bool may_speak(const gate_link& link) override;
  void moved(const gate_link& link, std::size_t bytes_in,
             std::size_t bytes_out) override;
  void dropped(const gate_link& link, std::uint64_t count,
               const std::string& what) override;
  void closed(gate_link& link, link_end how, std::string_view why) override;

  /// What other threads see.
  struct shared_state {
    gate_counters counters;
    std::map<std::string, identity, std::less<>> peers; ///< By node id.
  };

  template <class F>
  auto with_state(F f) const {
    const std::lock_guard guard{state_mutex_};
    return f(state_);
  }

private:
  struct attempt {
    std::string expected;
    connected answer;
  };

  /// What was given to us to call, and may hold anything. The mutex is held
  /// while it is called, too.
  struct caller_state {
    bool attached = true;
    visitor visit;
    std::uint64_t last_attempt = 0;
    std::map<std::uint64_t, attempt> attempts; ///< Not yet answered.
  };

  void on_accepted(failure failed, tcp::socket socket);
  void make_room();
  result<nothing> check_limits(const gate_link& link) const;
  void hand_over(gate_link& link, int number);
  std::string expected_of(const gate_link& link);
  void observe(gate_event_kind kind, const gate_link* link, link_end how,
               std::string_view text) const;
  void count_open();
  void forget_name(const gate_link& link);

  void answer(const gate_link& link, result<gate_connection> outcome);

  asio::io_context& io_;
  tls_source& tls_;
  gate_options options_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::list<link_ptr> unverified_; ///< Oldest first, both directions.
  std::list<link_ptr> links_;      ///< Oldest first.
  std::map<const gate_link*, std::uint64_t> attempts_; ///< Not yet answered.
  bool shut_ = false;
  std::mutex callers_mutex_;
  caller_state callers_;
  mutable std::mutex state_mutex_;
  mutable shared_state state_;
};

result<std::uint16_t> gate::core::listen(const endpoint& where, visitor visit) {
  const auto to = to_asio<tcp>(where);
  failure failed;
  acceptor_.open(to.protocol(), failed);
  if (!failed)
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, failed);
  if (!failed)
    acceptor_.bind(to, failed);
  if (!failed)
    acceptor_.listen(tcp::acceptor::max_listen_connections, failed);
  if (failed) {
    failure ignored;
    acceptor_.close(ignored);
    const auto in_use = failed == asio::error::address_in_use;
    return fail(in_use ? ec::in_use : ec::io_error,
                "control port " + to_string(where) + ": " + failed.message());
  }
  {
    const std::lock_guard guard{callers_mutex_};
    callers_.visit = std::move(visit);
  }
  asio::post(io_, [self = shared_from_this()] { self->accept(); });
  return acceptor_.local_endpoint().port();
}

void gate::core::accept() {
  if (!acceptor_.is_open())
    return;
  acceptor_.async_accept(
    [self = shared_from_this()](failure failed, tcp::socket socket) {
      self->on_accepted(failed, std::move(socket));
    });
}

void gate::core::on_accepted(failure failed, tcp::socket socket) {
  if (!acceptor_.is_open())
    return;
  if (failed) {
    observe(gate_event_kind::cannot_accept, nullptr, link_end::limit_reached,
            failed.message());
    make_room();
    pause_.expires_after(accept_pause);
    pause_.async_wait([self = shared_from_this()](failure stopped) {
      if (!stopped)
        self->accept();
    });
    return;
  }
  if (unverified_.size() >= options_.limits.unverified_max)
    make_room();
  auto link
    = std::make_shared<gate_link>(*this, options_.limits, std::move(socket),
                                  tls_.get(), wire::basp_side::server);
  unverified_.push_back(link);
  with_state([](auto& x) { ++x.counters.accepted; });
  count_open();
  link->accept();
  accept();
}

// Closes the oldest stranger of the address that has most: whoever floods us
// pushes out itself.
void gate::core::make_room() {
  std::map<ip_address, std::size_t> crowd;
  for (const auto& link : unverified_) {
    if (link->accepted())
      ++crowd[link->address().ip];
  }
  const auto most = std::max_element(
    crowd.begin(), crowd.end(),
    [](const auto& x, const auto& y) { return x.second < y.second; });
  if (most == crowd.end())
    return;
  const auto oldest = std::find_if(
    unverified_.begin(), unverified_.end(), [&](const link_ptr& x) {
      return x->accepted() && x->address().ip == most->first;
    });
  const auto link = *oldest;
  link->close(link_end::limit_reached, "too many strangers");
}

std::optional<std::uint64_t>
gate::core::expect(std::string name, connected answer) {
  const std::lock_guard guard{callers_mutex_};
  if (!callers_.attached)
    return std::nullopt;
  const auto number = ++callers_.last_attempt;
  callers_.attempts.emplace(number,
                            attempt{std::move(name), std::move(answer)});
  return number;
}

void gate::core::connect(std::uint64_t attempt, const endpoint& to,
                         std::chrono::milliseconds within) {
  if (shut_)
    return;
  auto link
    = std::make_shared<gate_link>(*this, options_.limits, tcp::socket{io_},
                                  tls_.get(), wire::basp_side::client);
  attempts_.emplace(link.get(), attempt);
  unverified_.push_back(link);
  with_state([](auto& x) { ++x.counters.connected; });
  count_open();
  link->connect(to, within);
}

void gate::core::answer(const gate_link& link,
                        result<gate_connection> outcome) {
  const auto number = attempts_.extract(&link);
  if (number.empty())
    return;
  const std::lock_guard guard{callers_mutex_};
  if (auto waiting = callers_.attempts.extract(number.mapped());
      !waiting.empty())
    waiting.mapped().answer(std::move(outcome));
}

void gate::core::detach() {
  // Destroyed after the mutex is free: these hold what we know nothing of.
  caller_state former;
  const std::lock_guard guard{callers_mutex_};
  std::swap(former, callers_);
  callers_.attached = false;
  callers_.last_attempt = former.last_attempt;
}

void gate::core::disconnect(const std::string& name) {
  const auto all = links_;
  for (const auto& link : all) {
    if (!link->accepted() && link->peer().name == name)
      link->close(link_end::closed_here, "on demand");
  }
}

void gate::core::stop_accepting() {
  failure ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  const auto strangers = unverified_;
  for (const auto& link : strangers)
    link->close(link_end::closed_here, "this node is going");
}

void gate::core::leave(std::chrono::milliseconds within) {
  shut_ = true;
  stop_accepting();
  for (const auto& link : links_)
    link->leave(within);
}

void gate::core::shut() {
  shut_ = true;
  stop_accepting();
  const auto all = links_;
  for (const auto& link : all)
    link->close(link_end::closed_here, "this node is going");
}

result<nothing> gate::core::check_limits(const gate_link& link) const {
  const auto same
    = std::count_if(links_.begin(), links_.end(), [&](const link_ptr& x) {
        return x->peer().name == link.peer().name;
      });
  if (links_.size() >= options_.limits.links_max)
    return fail(ec::busy, "too many links");
  if (static_cast<std::size_t>(same) >= options_.limits.links_per_name_max)
    return fail(ec::busy, "too many links of this peer");
  return done;
}

std::string gate::core::expected_of(const gate_link& link) {
  const auto number = attempts_.find(&link);
  if (number == attempts_.end())
    return {};
  const std::lock_guard guard{callers_mutex_};
  const auto waiting = callers_.attempts.find(number->second);
  return waiting == callers_.attempts.end() ? std::string{}
                                            : waiting->second.expected;
}

void gate::core::verified(gate_link& link) {
  if (auto known
      = check_server(link.peer(), options_.cluster, expected_of(link));
      !known)
    return link.close(link_end::identity_refused, known.error().context);
  if (auto room = check_limits(link); !room)
    return link.close(link_end::limit_reached, room.error().context);
  auto number = link.open();
  if (!number)
    return link.close(link_end::limit_reached, number.error().context);
  const auto at
    = std::find_if(unverified_.begin(), unverified_.end(),
                   [&](const link_ptr& x) { return x.get() == &link; });
  links_.splice(links_.end(), unverified_, at);
  with_state([](auto& x) { ++x.counters.opened; });
  count_open();
  observe(gate_event_kind::opened, &link, link_end::closed_here, "");
  hand_over(link, *number);
}

// Should nobody want it any more, the descriptor closes here, and the link
// says goodbye.
void gate::core::hand_over(gate_link& link, int number) {
  gate_connection connection{descriptor{number}, link.peer(), link.address()};
  if (!link.accepted())
    return answer(link, std::move(connection));
  const std::lock_guard guard{callers_mutex_};
  if (callers_.visit)
    callers_.visit(std::move(connection));
}

bool gate::core::may_speak(const gate_link& link) {
  const auto& claimed = link.inbound().speaker();
  if (claimed == link.outbound().speaker())
    return false; // Ours.
  // The same certificate may claim it again: CAF opens a second connection and
  // closes it when it finds the first, and a process in a container may come
  // back under its old node id before we saw it go. CAF keeps both routes.
  const auto stolen
    = std::any_of(links_.begin(), links_.end(), [&](const link_ptr& x) {
        return x->inbound().speaker() == claimed
               && x->peer().name != link.peer().name;
      });
  if (stolen)
    return false;
  with_state([&](auto& x) { x.peers[claimed] = link.peer(); });
  return true;
}

void gate::core::moved(const gate_link&, std::size_t bytes_in,
                       std::size_t bytes_out) {
  with_state([&](auto& x) {
    x.counters.bytes_in += bytes_in;
    x.counters.bytes_out += bytes_out;
  });
}

void gate::core::dropped(const gate_link& link, std::uint64_t count,
                         const std::string& what) {
  with_state([count](auto& x) { x.counters.frames_dropped += count; });
  observe(gate_event_kind::frame_dropped, &link, link_end::closed_here, what);
}

void gate::core::closed(gate_link& link, link_end how, std::string_view why) {
  const auto is_it = [&](const link_ptr& x) { return x.get() == &link; };
  const auto stood = links_.remove_if(is_it) > 0;
  unverified_.remove_if(is_it);
  with_state(
    [how](auto& x) { ++x.counters.ended[static_cast<std::size_t>(how)]; });
  count_open();
  forget_name(link);
  observe(stood ? gate_event_kind::closed : gate_event_kind::refused, &link,
          how, why);
  answer(link, fail(code_of(how),
                    to_string(link.address()) + ": " + std::string{why}));
}

void gate::core::forget_name(const gate_link& link) {
  const auto& claimed = link.inbound().speaker();
  const auto still
    = std::any_of(links_.begin(), links_.end(), [&](const link_ptr& x) {
        return x->inbound().speaker() == claimed;
      });
  if (!still)
    with_state([&](auto& x) { x.peers.erase(claimed); });
}

void gate::core::observe(gate_event_kind kind, const gate_link* link,
                         link_end how, std::string_view text) const {
  if (!options_.observe)
    return;
  gate_event event{.kind = kind, .end = how, .text = std::string{text}};
  if (link != nullptr) {
    event.accepted = link->accepted();
    event.peer = link->peer();
    event.address = link->address();
  }
  options_.observe(event);
}

void gate::core::count_open() {
  with_state([this](auto& x) {
    x.counters.links = links_.size();
    x.counters.unverified = unverified_.size();
  });
}

gate::gate(asio::io_context& io, tls_source& tls, gate_options options)
  : io_{io},
    core_{std::make_shared<core>(io, tls, std::move(options))} {
  // nop
}

gate::~gate() {
  detach();
  core_->shut();
}

result<std::uint16_t> gate::listen(const endpoint& where, visitor visit) {
  return core_->listen(where, std::move(visit));
}

void gate::connect(const endpoint& to, std::string expected,
                   std::chrono::milliseconds within, connected answer) {
  // The answer itself is not posted: it must be gone when `detach` returns.
  const auto attempt = core_->expect(std::move(expected), std::move(answer));
  if (attempt)
    asio::post(io_, [core = core_, number = *attempt, to, within] {
      core->connect(number, to, within);
    });
}

void gate::disconnect(std::string name) {
  asio::post(
    io_, [core = core_, name = std::move(name)] { core->disconnect(name); });
}

void gate::detach() {
  core_->detach();
  asio::post(io_, [core = core_] { core->stop_accepting(); });
}

void gate::leave(std::chrono::milliseconds within) {
  asio::post(io_, [core = core_, within] { core->leave(within); });
}

std::optional<identity> gate::identity_of(std::string_view node_id) const {
  return core_->with_state([&](auto& x) -> std::optional<identity> {
    const auto found = x.peers.find(node_id);
    if (found == x.peers.end())
      return std::nullopt;
    return found->second;
  });
}

gate_counters gate::counters() const {
  return core_->with_state([](auto& x) { return x.counters; });
}

} // namespace dfs::net
