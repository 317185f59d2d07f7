#include "net/frame_connection.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

/// Time to read why it was refused.
constexpr std::chrono::seconds linger_time{1};

/// Rounds of 16 KiB before others have their turn.
constexpr int read_rounds_max = 16;

instant now() {
  return instant::clock::now();
}

} // namespace

frame_connection::frame_connection(std::shared_ptr<frame_house> house,
                                   asio::ip::tcp::socket socket)
  : house_{std::move(house)},
    began_{now()},
    heard_{began_},
    pinged_{began_},
    socket_{std::move(socket)} {
  boost::system::error_code failed;
  const auto where = socket_->remote_endpoint(failed);
  peer_.address = failed ? "?" : to_text(where);
}

void frame_connection::start() {
  wait_readable();
}

void frame_connection::close() {
  const auto self = shared_from_this(); // The server lets go of it below.
  {
    const std::lock_guard guard{mutex_};
    if (phase_ == phase::closed)
      return;
    phase_ = phase::closed;
    open_.clear();
    count_unsent(outbox_.clear());
    stream_.reset();
    socket_.reset();
  }
  house_->gone(*this);
  if (told_)
    house_->handlers.closed(self);
}

void frame_connection::sweep(instant at) {
  const auto& limits = house_->options.limits;
  const auto late = [&](instant since, std::chrono::milliseconds limit) {
    return at - since > limit;
  };
  bool over = false;
  if (phase_ == phase::lingering) {
    if (late(began_, linger_time))
      close();
    return;
  }
  if (unverified()) {
    over = late(began_, limits.handshake_timeout);
  } else {
    const std::lock_guard guard{mutex_};
    over = late(heard_, limits.idle_timeout)
           || (frame_since_ && late(*frame_since_, limits.frame_timeout))
           || outbox_.is_too_slow(
             *stream_, at, {limits.write_bytes_min, limits.write_timeout});
    if (!over && !open_.empty()
        && late(std::max(heard_, pinged_), limits.ping_after)) {
      pinged_ = at;
      queue({.kind = wire::frame_kind::ping, .id = {}}, {});
      flush_soon(true);
    }
  }
  if (over) {
    ++house_->closed_timeouts;
    close();
  }
}

bool frame_connection::quiet() const {
  const std::lock_guard guard{mutex_};
  return phase_ != phase::open || (open_.empty() && outbox_.unsent() == 0);
}

std::optional<instant> frame_connection::idle_since() const {
  const std::lock_guard guard{mutex_};
  if (phase_ != phase::open || !open_.empty() || outbox_.unsent() > 0
      || frame_since_)
    return std::nullopt;
  return heard_;
}

unsent_load frame_connection::load() const {
  const std::lock_guard guard{mutex_};
  return {share_ ? share_->number : 0, outbox_.unsent()};
}

// -- reading, in the server's thread -----------------------------------------

void frame_connection::wait_readable() {
  auto& socket = stream_ ? stream_->socket() : *socket_;
  const auto what = phase_ == phase::handshaking && stream_->wants_write()
                      ? asio::ip::tcp::socket::wait_write
                      : asio::ip::tcp::socket::wait_read;
  socket.async_wait(what, [self = shared_from_this()](auto failed) {
    if (!failed)
      self->on_readable();
  });
}

void frame_connection::on_readable() {
  if (phase_ == phase::silent) {
    const std::lock_guard guard{mutex_};
    stream_.emplace(std::move(*socket_), house_->tls->get(),
                    frame_stream::side::server);
    socket_.reset();
    phase_ = phase::handshaking;
  }
  if (phase_ == phase::closed)
    return;
  {
    const std::lock_guard guard{mutex_};
    stream_->readable();
  }
  if (phase_ == phase::handshaking)
    shake_hands();
  if (phase_ == phase::open)
    read_frames();
  else if (phase_ == phase::lingering)
    discard();
}

void frame_connection::shake_hands() {
  switch (stream_->handshake()) {
    case stream_step::progress:
      return admit();
    case stream_step::blocked:
      return wait_readable();
    case stream_step::closed:
      return close();
    case stream_step::failed:
      ++house_->refused_tls;
      return linger(); // TLS has queued its reason.
  }
}

void frame_connection::admit() {
  auto who = identity_of(stream_->native());
  auto what = check_member_or_client(who, house_->options.cluster);
  peer_.name = std::move(who.name);
  if (!what) {
    ++house_->refused_tls;
    return part(what.error());
  }
  peer_.what = *std::move(what);
  auto welcome = house_->verified(*this);
  if (!welcome) {
    ++house_->refused_busy;
    return part(welcome.error());
  }
  heard_ = now();
  const std::lock_guard guard{mutex_};
  share_ = *std::move(welcome);
  phase_ = phase::open;
}

void frame_connection::read_frames() {
  batch requests;
  {
    const std::lock_guard guard{mutex_};
    reading_ = true;
  }
  auto step = stream_step::progress;
  for (int round = 0; round < read_rounds_max && broken_.empty()
                      && step == stream_step::progress;
       ++round) {
    std::size_t got = 0;
    auto& scratch = house_->scratch;
    {
      const std::lock_guard guard{mutex_};
      step = stream_->read(scratch.data(), scratch.size(), got);
    }
    if (step != stream_step::progress)
      break;
    heard_ = now();
    auto taken
      = decoder_.take({scratch.data(), got}, [&](const auto& header, auto x) {
          on_frame(header, x, requests);
        });
    if (!taken)
      broken_ = taken.error().context;
    if (decoder_.held() == 0)
      frame_since_.reset();
    else if (!frame_since_)
      frame_since_ = heard_;
  }
  hand_out(requests);
  if (!broken_.empty()) {
    ++house_->closed_malformed;
    part(fail(ec::malformed, broken_));
    return discard();
  }
  if (step == stream_step::closed || step == stream_step::failed)
    return close();
  const std::lock_guard guard{mutex_};
  reading_ = false;
  flush();
  paused_ = outbox_.unsent() > unsent_pause;
  if (paused_)
    return;
  if (step == stream_step::blocked)
    wait_readable();
  else // More may be in TLS's buffer, of which the socket knows nothing.
    asio::post(house_->io,
               [self = shared_from_this()] { self->on_readable(); });
}

/// A peer that sends faster than it is read must not keep this thread, which
/// ends the connection after a while.
void frame_connection::discard() {
  auto step = stream_step::progress;
  std::size_t got = 0;
  for (int round = 0; round < read_rounds_max && step == stream_step::progress;
       ++round)
    step = stream_->read(house_->scratch.data(), house_->scratch.size(), got);
  if (step == stream_step::progress)
    asio::post(house_->io,
               [self = shared_from_this()] { self->on_readable(); });
  else if (step == stream_step::blocked)
    wait_readable();
  else
    close();
}

void frame_connection::on_frame(const wire::frame_header& header,
                                std::string_view payload, batch& requests) {
  if (!broken_.empty())
    return;
  switch (header.kind) {
    case wire::frame_kind::request:
      return on_request(header, payload, requests);
    case wire::frame_kind::cancel: {
      hand_out(requests); // What it cancels may be among them.
      const auto known = [&] {
        const std::lock_guard guard{mutex_};
        return std::find(open_.begin(), open_.end(), header.id) != open_.end();
      };
      if (known())
        house_->handlers.cancelled(shared_from_this(), header.id);
      return;
    }
    case wire::frame_kind::ping: {
      const std::lock_guard guard{mutex_};
      return queue({.kind = wire::frame_kind::pong, .id = header.id}, {});
    }
    case wire::frame_kind::pong:
      return;
    case wire::frame_kind::answer:
    case wire::frame_kind::event:
      broken_ = "only a server answers";
  }
}

void frame_connection::on_request(const wire::frame_header& header,
                                  std::string_view payload, batch& requests) {
  auto parts = wire::split_request(payload);
  if (!parts || header.id == request_id{}) {
    broken_ = parts ? "a request without an id" : parts.error().context;
    return;
  }
  ++house_->requests;
  auto place = take_on(header.id);
  if (!place)
    return; // Answered, or the protocol is broken.
  auto proof = check_token(parts->token);
  if (!proof) {
    ++house_->refused_tokens;
    return refuse(header.id, proof.error());
  }
  const auto& limits = house_->options.limits;
  const auto left = header.deadline_ms == 0
                      ? limits.deadline_default
                      : std::min(std::chrono::milliseconds{header.deadline_ms},
                                 limits.deadline_max);
  requests.push_back({.from = shared_from_this(),
                      .id = header.id,
                      .method = header.method,
                      .deadline = heard_ + left,
                      .proof = *std::move(proof),
                      .message = std::string{parts->message},
                      .place = *std::move(place)});
}

result<std::shared_ptr<const void>> frame_connection::take_on(request_id id) {
  const auto& limits = house_->options.limits;
  const std::lock_guard guard{mutex_};
  const auto refused = [&](ec code, std::string_view text) {
    queue_answer(id, static_cast<std::uint8_t>(code), text);
    return fail(code);
  };
  if (std::find(open_.begin(), open_.end(), id) != open_.end()) {
    broken_ = "a request id that is in use";
    return fail(ec::malformed);
  }
  if (house_->draining)
    return refused(ec::shutting_down, "the server is shutting down");
  if (*in_work_ >= limits.outstanding_per_connection_max
      || !may_take(
        {limits.outstanding_max, limits.outstanding_per_principal_max},
        share_->requests, house_->outstanding)) {
    ++house_->refused_busy;
    ++share_->refused_busy;
    return refused(ec::busy, "too many requests at once");
  }
  open_.push_back(id);
  return take_place();
}

std::shared_ptr<const void> frame_connection::take_place() {
  ++*in_work_;
  ++house_->outstanding;
  ++share_->requests;
  // Not the connection, which may hold a megabyte of an unfinished frame.
  return {share_.get(),
          [mine = in_work_, house = house_, share = share_](const void*) {
            --*mine;
            --house->outstanding;
            --share->requests;
          }};
}

result<std::shared_ptr<const wire::token>>
frame_connection::check_token(std::string_view bytes) {
  if (bytes.empty())
    return std::shared_ptr<const wire::token>{};
  const auto at = house_->options.clock();
  if (proof_ && bytes == token_ && checked_ == house_->keys
      && at <= proof_->expiry + wire::token_skew)
    return proof_;
  auto content = wire::verify(bytes, peer_.name, *house_->keys, at);
  if (!content)
    return content.error();
  token_ = bytes;
  checked_ = house_->keys;
  proof_ = std::make_shared<const wire::token>(*std::move(content));
  return proof_;
}

void frame_connection::hand_out(batch& requests) {
  if (requests.empty())
    return;
  told_ = true;
  house_->handlers.requests(std::exchange(requests, {}));
}

void frame_connection::evict() {
  ++house_->closed_idle;
  part(fail(ec::shutting_down, "idle, and others need its place"));
}

void frame_connection::close_as_slow() {
  ++house_->closed_slow;
  if (share_)
    ++share_->closed_slow;
  close();
}

/// Refuses the whole connection: an answer about request 0, then the end, as
/// soon as the peer has read it, or has had the time to.
void frame_connection::part(const error& reason) {
  {
    const std::lock_guard guard{mutex_};
    reading_ = false;
    queue_answer({}, static_cast<std::uint8_t>(reason.code), reason.context);
    flush();
  }
  linger();
}

/// Closing at once could reset the connection, and the peer's system would
/// throw away what explains it.
void frame_connection::linger() {
  const std::lock_guard guard{mutex_};
  phase_ = phase::lingering;
  reading_ = false;
  open_.clear();
  began_ = now();
  stream_->end_writing();
}

} // namespace dfs::net
