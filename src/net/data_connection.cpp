#include "net/data_connection.hpp"

#include <algorithm>
#include <utility>

namespace dfs::net {

namespace {

/// `msg::data_method::hello`.
constexpr std::uint16_t hello_method = 1;

/// Of a stranger: protocol, cluster, principal and token.
constexpr std::uint32_t hello_size_max = 512;

instant now() {
  return instant::clock::now();
}

} // namespace

void data_house::wake_waiting() {
  for (auto left = waiting.size(); left > 0; --left) {
    const auto next = waiting.front().lock();
    waiting.pop_front();
    if (next)
      next->resume(); // May queue again, at the end.
  }
}

data_connection::data_connection(std::shared_ptr<data_house> house,
                                 boost::asio::ip::tcp::socket socket)
  : house_{std::move(house)},
    began_{now()} {
  const auto& tls = house_->options.tls;
  link_ = std::make_shared<data_link>(
    house_->loop, std::move(socket), tls ? tls->get() : nullptr,
    frame_stream::side::server, static_cast<data_link::owner&>(*this));
  stranger_.address = link_->address();
}

void data_connection::start() {
  link_->start();
}

void data_connection::close() {
  link_->close();
  leave();
}

void data_connection::evict() {
  say_goodbye(fail(ec::shutting_down, "idle, and others need its place"));
}

std::optional<instant> data_connection::idle_since() const {
  if (!open_.empty() || link_->unsent() > 0 || link_->frame_since())
    return std::nullopt;
  return link_->heard();
}

void data_connection::resume() {
  link_->resume();
}

void data_connection::leave() {
  if (std::exchange(gone_, true))
    return;
  const auto self = shared_from_this(); // `gone` lets go of it.
  house_->open -= open_.size();
  open_.clear();
  if (!peer_.server)
    house_->client_bytes -= window_used_;
  window_used_ = 0;
  if (verified_)
    house_->handlers.closed(self);
  house_->gone(*this);
  house_->wake_waiting();
}

void data_connection::sweep(instant at) {
  const auto& limits = house_->options.limits;
  const auto late = [at](instant since, std::chrono::milliseconds patience) {
    return at - since > patience;
  };
  const auto& frame = link_->frame_since();
  const auto& blocked = link_->blocked_since();
  const auto over
    = (!verified_ || finishing_)
        ? late(began_, limits.handshake_timeout)
        : (frame && !link_->paused() && late(*frame, limits.frame_timeout))
            || (blocked && late(*blocked, limits.write_timeout))
            || (open_.empty() && late(link_->heard(), limits.idle_timeout));
  if (!over)
    return;
  ++house_->closed_timeouts;
  close();
}

bool data_connection::quiet() const {
  return !verified_ || finishing_ || (open_.empty() && link_->unsent() == 0);
}

// -- what comes in ------------------------------------------------------------

void data_connection::on_ready() {
  auto* ssl = link_->native();
  if (ssl == nullptr)
    return;
  stranger_.certificate = identity_of(ssl);
  const auto what
    = check_member_or_client(stranger_.certificate, house_->options.cluster);
  if (!what) {
    ++house_->refused_hello;
    return say_goodbye(what.error());
  }
  stranger_.proved = true;
  stranger_.server = what->server;
}

result<data_link::intake>
data_connection::on_head(const wire::data_header& header, std::string_view) {
  const auto hello
    = header.kind == wire::data_kind::request && header.method == hello_method;
  if (!verified_ || hello) {
    if (!hello || header.data_size > 0 || header.message_size > hello_size_max
        || header.id == request_id{})
      return fail(ec::malformed, "no greeting");
    return data_link::intake::take;
  }
  switch (header.kind) {
    case wire::data_kind::request:
      return judge_request(header);
    case wire::data_kind::answer:
      return fail(ec::malformed, "only a server answers");
    case wire::data_kind::notice:
    case wire::data_kind::ping:
    case wire::data_kind::pong:
      break;
  }
  if (header.data_size > 0)
    return fail(ec::malformed, "data where none belongs");
  return data_link::intake::take;
}

result<data_link::intake>
data_connection::judge_request(const wire::data_header& header) {
  if (header.id == request_id{} || open_.contains(header.id))
    return fail(ec::malformed, "a request id that is in use");
  if (must_wait(header)) {
    ++house_->pauses;
    return data_link::intake::wait;
  }
  refused_ = refusal();
  open_.emplace(header.id, header.data_size);
  window_used_ += header.data_size;
  if (!peer_.server)
    house_->client_bytes += header.data_size;
  ++house_->open;
  ++house_->requests;
  return refused_ ? data_link::intake::drop : data_link::intake::take;
}

/// Each limit lets at least one request in, else it would wait for ever.
bool data_connection::must_wait(const wire::data_header& header) {
  if (peer_.server)
    return false;
  const auto& limits = house_->options.limits;
  if (open_.size() >= limits.open_per_connection_max
      || link_->unsent() > limits.unsent_bytes_max)
    return true;
  if (header.data_size == 0)
    return false;
  if (window_used_ > 0 && window_used_ + header.data_size > limits.window_bytes)
    return true;
  if (house_->client_bytes > 0
      && house_->client_bytes + header.data_size > limits.windows_bytes) {
    house_->waiting.push_back(weak_from_this());
    return true;
  }
  return false;
}

std::optional<error> data_connection::refusal() const {
  if (house_->draining)
    return fail(ec::shutting_down, "the server is shutting down");
  if (house_->options.clock() > peer_.expiry + wire::token_skew)
    return fail(ec::token_expired, "say hello again");
  return std::nullopt;
}

void data_connection::on_frame(const wire::data_header& header,
                               std::string_view message, data_buffer data) {
  if (header.kind == wire::data_kind::ping) {
    return link_->send({.kind = wire::data_kind::pong, .id = header.id}, {});
  }
  if (header.kind == wire::data_kind::pong)
    return;
  if (header.method == hello_method)
    return on_hello(header, message);
  const auto notice = header.kind == wire::data_kind::notice;
  if (!notice && refused_) {
    const auto reason = *std::exchange(refused_, std::nullopt);
    return refuse(header.id, reason);
  }
  data_request request{.from = shared_from_this(),
                       .id = notice ? request_id{} : header.id,
                       .method = header.method,
                       .message = message,
                       .data = std::move(data)};
  house_->handlers.request(request);
}

void data_connection::on_hello(const wire::data_header& header,
                               std::string_view message) {
  auto greeting = house_->handlers.hello(stranger_, message);
  if (greeting && verified_ && greeting->peer.name != peer_.name)
    greeting = fail(ec::unauthenticated, "this connection is another one's");
  if (!greeting) {
    ++house_->refused_hello;
    if (!verified_)
      return say_goodbye(greeting.error());
    ++house_->refused;
    return link_->send(
      {.kind = wire::data_kind::answer,
       .method = 0,
       .status = static_cast<std::uint8_t>(greeting.error().code),
       .id = header.id},
      greeting.error().context);
  }
  peer_ = std::move(greeting->peer);
  peer_.address = stranger_.address;
  if (!verified_) {
    auto welcome = house_->verified(*this);
    if (!welcome) {
      ++house_->refused_busy;
      return say_goodbye(welcome.error());
    }
    verified_ = true;
  }
  link_->send({.kind = wire::data_kind::answer, .id = header.id},
              greeting->welcome);
}

/// Refuses the whole connection: an answer about request 0, then the end.
void data_connection::say_goodbye(const error& reason) {
  link_->send(
    {.kind = wire::data_kind::answer,
     .method = 0,
     .status = static_cast<std::uint8_t>(reason.code),
     .id = {}},
    std::string_view{reason.context}.substr(0, wire::data_refusal_max));
  finishing_ = true;
  began_ = now();
  link_->finish();
}

void data_connection::on_end(const error& reason) {
  if (reason.code == ec::malformed || reason.code == ec::unsupported)
    ++house_->closed_malformed;
  else if (reason.code == ec::unauthenticated)
    ++house_->refused_hello;
  leave();
}

void data_connection::on_sent() {
  if (link_->unsent() <= house_->options.limits.unsent_bytes_max)
    link_->resume();
}

// -- what goes out ------------------------------------------------------------

bool data_connection::end_request(request_id id) {
  const auto found = open_.find(id);
  if (found == open_.end())
    return false;
  const auto bytes = found->second;
  open_.erase(found);
  window_used_ -= bytes;
  --house_->open;
  if (!peer_.server)
    house_->client_bytes -= bytes;
  if (link_->paused())
    link_->resume();
  if (bytes > 0 && !house_->waiting.empty())
    house_->wake_waiting();
  return true;
}

void data_connection::answer(request_id id, std::string_view message,
                             data_views data) {
  if (end_request(id))
    link_->send({.kind = wire::data_kind::answer, .id = id}, message,
                std::move(data));
}

void data_connection::answer_file(request_id id, std::string_view message,
                                  file_range range) {
  if (end_request(id))
    link_->send_file({.kind = wire::data_kind::answer, .id = id}, message,
                     std::move(range));
}

void data_connection::refuse(request_id id, const error& reason) {
  if (!end_request(id))
    return;
  ++house_->refused;
  link_->send(
    {.kind = wire::data_kind::answer,
     .method = 0,
     .status = static_cast<std::uint8_t>(reason.code),
     .id = id},
    std::string_view{reason.context}.substr(0, wire::data_refusal_max));
}

} // namespace dfs::net
