#include "client/connection.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>

namespace dfs::client {

namespace {

/// Deadlines are noticed this much late at most. One timer for all requests.
constexpr std::chrono::milliseconds tick_interval{20};

/// The same while only subscriptions are open: all that can end is the server.
constexpr std::chrono::milliseconds tick_interval_idle{1'000};

/// A server with open subscriptions pings every 20 s.
constexpr std::chrono::seconds silence_max{60};

/// How often a request may come to nothing at servers that vanish or drain.
constexpr int tries_max = 3;

instant now() {
  return instant::clock::now();
}

std::uint32_t milliseconds_left(instant deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
    std::max(deadline - now(), instant::duration{1}));
  return static_cast<std::uint32_t>(std::min<std::int64_t>(
    left.count(), std::numeric_limits<std::uint32_t>::max()));
}

} // namespace

connection::connection(boost::asio::io_context& io, net::tls_context tls,
                       connection_options options, std::optional<one_link> only)
  : io_{io},
    tls_{std::move(tls)},
    options_{std::move(options)},
    ticker_{io},
    next_id_{net::random_request_id()},
    only_{std::move(only)} {
  DFS_ASSERT(!options_.contacts.empty());
}

connection::~connection() {
  if (link_)
    link_->close(); // It keeps itself alive while it waits for bytes.
}

request_id connection::start(raw_call call, const call_options& options) {
  DFS_ASSERT(!closed_);
  auto id = options.id;
  if (id == request_id{})
    id = std::exchange(next_id_, next_id_.next());
  const auto timeout
    = options.timeout.count() > 0 ? options.timeout : options_.timeout;
  const auto full = calls_.size() >= options_.waiting_max;
  const auto [found, fresh] = calls_.try_emplace(id.value());
  DFS_ASSERT(fresh); // One id for two requests that are open at once.
  found->second = {
    .call = std::move(call), .deadline = now() + timeout, .timeout = timeout};
  if (full) {
    boost::asio::post(io_, [self = shared_from_this(), id] {
      if (auto busy = self->calls_.find(id.value()); busy != self->calls_.end())
        self->finish(busy, fail(ec::busy, "too many requests wait here"));
    });
    return id;
  }
  if (ticking_ != tick_interval)
    tick_later();
  waiting_.push_back(id);
  if (phase_ == phase::idle)
    connect();
  else
    send_waiting();
  return id;
}

void connection::connect() {
  phase_ = phase::connecting;
  leaving_ = false;
  std::weak_ptr<connection> weak = weak_from_this();
  link_ = std::make_shared<net::frame_client>(
    io_, tls_,
    net::frame_client_handlers{
      .opened =
        [weak](const net::identity& server) {
          if (auto self = weak.lock()) {
            self->server_ = server;
            self->log_in();
          }
        },
      .frame =
        [weak](const wire::frame_header& header, std::string_view payload) {
          if (auto self = weak.lock())
            self->on_frame(header, payload);
        },
      .closed =
        [weak](const error& reason) {
          if (auto self = weak.lock())
            self->on_closed(reason);
        },
      .reached = only_ ? only_->reached : nullptr,
    });
  link_->connect(options_.contacts[contact_ % options_.contacts.size()],
                 options_.connect_timeout);
}

void connection::log_in() {
  phase_ = phase::logging_in;
  login_until_ = now() + options_.connect_timeout;
  login_id_ = std::exchange(next_id_, next_id_.next());
  wire::append_request(
    link_->outbox(),
    {.method = msg::method<msg::login>::number,
     .deadline_ms
     = static_cast<std::uint32_t>(options_.connect_timeout.count()),
     .id = login_id_},
    {.token = {}, .message = wire::encode(msg::login{options_.program})});
  link_->flush();
}

void connection::logged_in(std::string_view bytes) {
  auto reply = wire::decode<msg::logged_in>(bytes);
  if (!reply)
    return contact_failed(reply.error());
  login_ = *std::move(reply);
  renew_at_ = now() + login_.life * 4 / 5;
  failures_ = 0;
  phase_ = phase::ready;
  send_waiting();
}

void connection::send_waiting() {
  if (phase_ != phase::ready || leaving_)
    return;
  if (!waiting_.empty() && now() >= renew_at_)
    return log_in();
  while (!waiting_.empty() && in_flight_ < options_.window) { // I3
    const auto id = waiting_.front();
    waiting_.pop_front();
    if (const auto found = calls_.find(id.value()); found != calls_.end())
      send(id, found->second);
  }
  link_->flush();
}

void connection::send(request_id id, pending& x) {
  x.sent = true;
  ++in_flight_;
  wire::append_request(link_->outbox(),
                       {.method = x.call.method,
                        .deadline_ms = milliseconds_left(x.deadline),
                        .id = id},
                       {.token = login_.token, .message = x.call.message});
}

void connection::on_frame(const wire::frame_header& header,
                          std::string_view payload) {
  const auto answer = header.kind == wire::frame_kind::answer;
  if (answer && header.id == login_id_) {
    login_id_ = {};
    if (header.status == 0)
      return logged_in(payload);
    return contact_failed(fail(ec{header.status}, std::string{payload}));
  }
  const auto found = calls_.find(header.id.value());
  if (found == calls_.end() || !found->second.sent)
    return; // Cancelled, or too late.
  if (header.kind == wire::frame_kind::event && found->second.call.event) {
    const auto first = !std::exchange(found->second.opened, true);
    const auto tell = found->second.call.event; // It may cancel.
    return tell(payload, first);
  }
  if (!answer)
    return;
  if (header.status != 0)
    return on_refusal(found, fail(ec{header.status}, std::string{payload}));
  finish(found, payload, true);
}

void connection::on_refusal(calls::iterator found, error reason) {
  const auto again = ++found->second.tries < tries_max && !found->second.opened;
  if (reason.code == ec::token_expired && again) {
    send_again(found);
    if (phase_ == phase::ready)
      log_in();
    return;
  }
  if (reason.code == ec::shutting_down && again && !only_) {
    send_again(found);
    leaving_ = true;
    return leave_server();
  }
  // Its subsystem may have begun, and may still go on (I2).
  if (found->second.call.kind == msg::effect::changes
      && (reason.code == ec::timed_out || reason.code == ec::unavailable))
    reason = unknown_outcome(found->first, found->second, reason.context);
  finish(found, std::move(reason), true);
}

/// The server said that it did not execute the request (I2).
void connection::send_again(calls::iterator found) {
  take_back(found->second);
  waiting_.emplace_back(found->first);
}

void connection::take_back(pending& x) {
  DFS_ASSERT(x.sent && in_flight_ > 0 && link_); // I4
  x.sent = false;
  --in_flight_;
}

/// To the next one, as soon as this one has answered what it still has.
void connection::leave_server() {
  if (!leaving_ || in_flight_ > 0)
    return;
  link_->close();
  on_closed(fail(ec::shutting_down, "the server is shutting down"));
}

void connection::on_closed(const error& reason) {
  const auto before = phase_;
  // The server has given the place of an idle connection to somebody else. What
  // has crossed its goodbye was not executed (I2).
  const auto dismissed = reason.code == ec::shutting_down && !leaving_;
  for (auto x = calls_.begin(); dismissed && x != calls_.end(); ++x)
    if (x->second.sent && !x->second.opened && ++x->second.tries < tries_max)
      send_again(x);
  lose_link(reason);
  if (closed_ || phase_ != phase::idle)
    return; // A callback has seen to it.
  if (before != phase::ready || leaving_ || only_)
    return next_contact(reason);
  contact_ += dismissed ? 0 : 1;
  if (!waiting_.empty())
    connect();
}

/// It may have been a renewal, with others in flight.
void connection::contact_failed(const error& reason) {
  lose_link(reason);
  if (!closed_ && phase_ == phase::idle)
    next_contact(reason);
}

/// Callbacks come last: they find nothing that still seems to be in flight.
void connection::lose_link(const error& reason) {
  if (link_)
    link_->close();
  link_.reset();
  phase_ = phase::idle;
  in_flight_ = 0;
  std::vector<std::uint64_t> all;
  for (auto& [id, x] : calls_) {
    x.lost = std::exchange(x.sent, false) || x.lost;
    if (x.lost)
      all.push_back(id);
  }
  for (const auto id : all)
    if (const auto found = calls_.find(id);
        found != calls_.end() && found->second.lost)
      lose(found, reason);
}

void connection::next_contact(const error& reason) {
  // The first refusal tells more than the next refused connection.
  if (failures_ == 0 || last_failure_.code == ec::unavailable)
    last_failure_ = fail(
      reason.code, "cannot reach "
                     + options_.contacts[contact_ % options_.contacts.size()]
                     + ": " + reason.context);
  ++contact_;
  if (waiting_.empty()) {
    failures_ = 0;
    return;
  }
  if (++failures_ < options_.contacts.size())
    return connect();
  auto final = last_failure_;
  if (failures_ > 1)
    final.context += " (tried " + std::to_string(failures_) + " contacts)";
  failures_ = 0;
  for (const auto id : std::exchange(waiting_, {}))
    if (const auto found = calls_.find(id.value()); found != calls_.end())
      finish(found, final);
}

/// Its server is gone, and has not said whether it was executed.
void connection::lose(calls::iterator found, const error& reason) {
  auto& x = found->second;
  x.lost = false;
  if (x.opened)
    return finish(found, reason);
  if (x.call.kind == msg::effect::changes) // I2
    return finish(found, unknown_outcome(found->first, x, reason.context));
  if (++x.tries >= tries_max || only_)
    return finish(found, reason);
  waiting_.emplace_back(found->first);
}

void connection::finish(calls::iterator found, result<std::string_view> outcome,
                        bool told) {
  if (found->second.sent)
    take_back(found->second);
  const auto answered = std::move(found->second.call.answered);
  calls_.erase(found);
  const auto self = shared_from_this(); // The callback may drop the last owner.
  told_ = told;
  answered(std::move(outcome));
  told_ = false;
  if (closed_)
    return;
  if (leaving_ && link_)
    leave_server();
  else if (!waiting_.empty())
    send_waiting();
}

void connection::cancel(request_id id) {
  const auto found = calls_.find(id.value());
  if (found == calls_.end())
    return;
  if (found->second.sent) {
    take_back(found->second);
    wire::append_frame(link_->outbox(),
                       {.kind = wire::frame_kind::cancel, .id = id}, {});
    link_->flush();
  }
  calls_.erase(found);
  send_waiting();
}

void connection::close() {
  closed_ = true;
  ticker_.cancel();
  if (link_)
    link_->close();
  link_.reset();
  calls_.clear();
  waiting_.clear();
  in_flight_ = 0;
  phase_ = phase::idle;
}

void connection::tick_later() {
  const auto urgent
    = std::any_of(calls_.begin(), calls_.end(),
                  [](const auto& x) { return !x.second.opened; });
  const auto interval = urgent ? tick_interval : tick_interval_idle;
  if (ticking_ && *ticking_ <= interval)
    return;
  ticking_ = interval;
  ticker_.expires_after(interval); // A slower wait is given up.
  ticker_.async_wait([weak = weak_from_this()](auto failed) {
    if (auto self = weak.lock(); self && !failed)
      self->tick();
  });
}

void connection::tick() {
  ticking_.reset();
  const auto at = now();
  if (phase_ == phase::logging_in && at > login_until_)
    contact_failed(fail(ec::unavailable, "no answer to the login"));
  if (phase_ == phase::ready && at - link_->heard_at() > silence_max) {
    link_->close();
    on_closed(fail(ec::unavailable, "the server has fallen silent"));
  }
  std::vector<std::uint64_t> over;
  for (const auto& [id, x] : calls_)
    if (!x.opened && x.deadline <= at)
      over.push_back(id);
  for (const auto id : over) {
    const auto found = calls_.find(id);
    if (found == calls_.end())
      continue;
    auto reason = too_late(id, found->second);
    if (found->second.sent) {
      wire::append_frame(
        link_->outbox(),
        {.kind = wire::frame_kind::cancel, .id = request_id{id}}, {});
      link_->flush();
    }
    finish(found, std::move(reason));
    if (closed_)
      return;
  }
  if (!calls_.empty())
    tick_later();
}

error connection::unknown_outcome(std::uint64_t id, const pending& x,
                                  const std::string& why) {
  return fail(ec::outcome_unknown,
              std::string{x.call.name} + ": " + why
                + "; it may or may not have happened; request id "
                + std::to_string(id));
}

error connection::too_late(std::uint64_t id, const pending& x) const {
  const auto waited = std::to_string(x.timeout.count()) + " ms";
  if (!x.sent && phase_ != phase::ready)
    return fail(ec::unavailable, failures_ > 0
                                   ? last_failure_.context
                                   : "no server answered within " + waited);
  if (x.sent && x.call.kind == msg::effect::changes)
    return unknown_outcome(id, x, "no answer within " + waited);
  return fail(ec::timed_out,
              std::string{x.call.name} + ": no answer within " + waited);
}

} // namespace dfs::client
