#include "net/frame_client.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr int read_rounds_max = 16;
constexpr std::size_t idle_capacity_max = 64 * 1024;

/// One for each thread that runs clients, instead of one for each connection.
std::array<char, read_size>& scratch() {
  thread_local std::array<char, read_size> bytes;
  return bytes;
}

/// "connection refused" instead of "Connection refused".
std::string words_of(const boost::system::error_code& x) {
  auto text = x.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

} // namespace

request_id random_request_id() {
  std::uint64_t id = 0;
  const auto made = RAND_bytes(reinterpret_cast<unsigned char*>(&id), 8);
  DFS_ASSERT(made == 1);
  // Room to count upwards, and never 0.
  return request_id{(id >> 2) + 1};
}

frame_client::frame_client(asio::io_context& io, tls_context tls,
                           frame_client_handlers handlers)
  : io_{io},
    tls_{std::move(tls)},
    handlers_{std::move(handlers)},
    patience_{io},
    resolver_{io} {
  // nop
}

void frame_client::connect(const std::string& contact,
                           std::chrono::milliseconds patience) {
  auto colon = contact.rfind(':');
  auto host = contact.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  if (host.empty() || colon + 1 == contact.size()) {
    // Not from within: the caller may not be ready for `closed` yet.
    asio::post(io_, [self = shared_from_this()] {
      self->fail_with(fail(ec::invalid_argument, "not an address (HOST:PORT)"));
    });
    return;
  }
  patience_.expires_after(patience);
  patience_.async_wait([self = shared_from_this()](auto failed) {
    if (!failed && !self->open_)
      self->fail_with(fail(ec::unavailable, "no answer in time"));
  });
  resolve(host, contact.substr(colon + 1));
}

void frame_client::resolve(const std::string& host, const std::string& port) {
  boost::system::error_code named;
  const auto ip = asio::ip::make_address(host, named);
  if (!named) { // The resolver would start a thread.
    const auto number = static_cast<unsigned short>(std::atoi(port.c_str()));
    return connect_to({}, {{ip, number}});
  }
  resolver_.async_resolve(
    host, port,
    [self = shared_from_this(), host, port](auto failed, const auto& found) {
      if (self->closed_)
        return;
      if (failed)
        return self->fail_with(fail(ec::unavailable, words_of(failed)));
      std::vector<asio::ip::tcp::endpoint> where;
      for (const auto& x : found)
        where.push_back(x.endpoint());
      const auto name = host + ':' + port;
      self->connect_to(name, race_order(name, where));
    });
}

void frame_client::connect_to(const std::string& name,
                              std::vector<asio::ip::tcp::endpoint> where) {
  race_ = std::make_shared<address_race>(io_);
  race_->run(std::move(where), [self = shared_from_this(), name](auto failed,
                                                                 auto socket) {
    if (self->closed_)
      return;
    if (failed)
      return self->fail_with(fail(ec::unavailable, words_of(failed)));
    boost::system::error_code gone;
    const auto winner = socket.remote_endpoint(gone);
    if (!name.empty() && !gone)
      remember_winner(name, winner);
    self->connected(std::move(socket));
  });
}

void frame_client::connected(asio::ip::tcp::socket socket) {
  stream_.emplace(std::move(socket), tls_, frame_stream::side::client);
  if (handlers_.reached)
    handlers_.reached();
  if (!closed_)
    shake_hands();
}

void frame_client::wait_readable() {
  const auto what = !open_ && stream_->wants_write()
                      ? asio::ip::tcp::socket::wait_write
                      : asio::ip::tcp::socket::wait_read;
  stream_->socket().async_wait(what, [self = shared_from_this()](auto failed) {
    if (!failed)
      self->on_readable();
  });
}

void frame_client::on_readable() {
  if (closed_)
    return;
  stream_->readable();
  if (open_)
    read_frames();
  else
    shake_hands();
}

void frame_client::shake_hands() {
  const auto step = stream_->handshake();
  if (step == stream_step::blocked)
    return wait_readable();
  if (step != stream_step::progress)
    return fail_with(stream_error(step));
  const auto server = identity_of(stream_->native());
  if (auto fine = check_server(server, own_identity(tls_).cluster); !fine)
    return fail_with(
      fail(ec::unauthenticated, "the server has " + fine.error().context));
  open_ = true;
  heard_at_ = instant::clock::now();
  patience_.cancel();
  handlers_.opened(server);
  if (!closed_)
    wait_readable();
}

void frame_client::read_frames() {
  const auto self = shared_from_this(); // A handler may drop the last owner.
  reading_ = true;
  auto step = stream_step::progress;
  for (int round = 0; round < read_rounds_max; ++round) {
    std::size_t got = 0;
    step = stream_->read(scratch().data(), read_size, got);
    if (step != stream_step::progress)
      break;
    heard_at_ = instant::clock::now();
    auto taken = decoder_.take(
      {scratch().data(), got},
      [this](const auto& header, auto payload) { on_frame(header, payload); });
    if (closed_)
      return;
    if (!taken)
      return fail_with(taken.error());
  }
  reading_ = false;
  if (step == stream_step::closed || step == stream_step::failed)
    return fail_with(stream_error(step));
  flush();
  if (closed_)
    return;
  if (step == stream_step::blocked)
    wait_readable();
  else
    asio::post(io_, [self] { self->on_readable(); });
}

void frame_client::on_frame(const wire::frame_header& header,
                            std::string_view payload) {
  if (closed_)
    return;
  heard_ = true;
  if (header.kind == wire::frame_kind::ping)
    return wire::append_frame(
      outbox_, {.kind = wire::frame_kind::pong, .id = header.id}, {});
  if (header.kind == wire::frame_kind::answer && header.id == request_id{})
    return fail_with(fail(ec{header.status}, std::string{payload}));
  handlers_.frame(header, payload);
}

void frame_client::flush() {
  if (open_ && !reading_ && !blocked_ && !outbox_.empty())
    write();
}

void frame_client::write() {
  std::size_t sent = 0;
  while (sent < outbox_.size()) {
    std::size_t taken = 0;
    const auto step
      = stream_->write(std::string_view{outbox_}.substr(sent), taken);
    sent += taken;
    if (step == stream_step::progress)
      continue;
    if (step == stream_step::blocked) {
      outbox_.erase(0, sent);
      blocked_ = true;
      stream_->socket().async_wait(asio::ip::tcp::socket::wait_write,
                                   [self = shared_from_this()](auto failed) {
                                     self->blocked_ = false;
                                     if (!failed && !self->closed_)
                                       self->flush();
                                   });
      return;
    }
    // What the server said before it closed may wait to be read, and says more
    // than a broken pipe: the reading side reports the end.
    outbox_.clear();
    return;
  }
  outbox_.clear();
  if (outbox_.capacity() > idle_capacity_max)
    outbox_.shrink_to_fit();
}

void frame_client::close() {
  if (std::exchange(closed_, true))
    return;
  patience_.cancel();
  resolver_.cancel();
  boost::system::error_code ignored;
  if (race_)
    race_->cancel();
  if (stream_) {
    stream_->end_writing();
    stream_->socket().close(ignored);
  }
}

void frame_client::fail_with(error reason) {
  if (closed_)
    return;
  close();
  handlers_.closed(reason);
}

error frame_client::stream_error(stream_step step) {
  // Until the server has said a word, what TLS objects to is a certificate.
  if (step == stream_step::failed && stream_->refused() && !heard_)
    return fail(ec::unauthenticated,
                "TLS: " + stream_->failure()
                  + " (is the certificate of this cluster?)");
  if (step == stream_step::failed)
    return fail(ec::unavailable, "connection lost: " + stream_->failure());
  return fail(ec::unavailable, "the server closed the connection");
}

} // namespace dfs::net
