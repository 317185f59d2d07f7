#include "net/gate_link.hpp"

#include "net/address.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace asio = boost::asio;

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace dfs::net {

namespace {

// One TLS record. Messages on this plane are small.
constexpr std::size_t read_bytes = 16 * 1024;

// For the peer's answer to our goodbye.
constexpr auto goodbye_patience = 1s;

// CAF names a connection by the number of its descriptor and cleans up some
// time after it has closed it, so a number must not come back at once.
constexpr int first_number = 256;
constexpr int numbers = 256;

int renumber(int descriptor) {
  static std::atomic<int> turn{0};
  const auto wanted = first_number + turn++ % numbers;
  const auto moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, wanted);
  ::close(descriptor);
  return moved;
}

} // namespace

std::string_view to_string(link_end x) {
  switch (x) {
    case link_end::handshake_failed:
      return "handshake failed";
    case link_end::identity_refused:
      return "identity refused";
    case link_end::limit_reached:
      return "limit reached";
    case link_end::timed_out:
      return "timed out";
    case link_end::fault:
      return "fault";
    case link_end::lost:
      return "lost";
    case link_end::closed_here:
      return "closed here";
  }
  return "unknown";
}

gate_link::gate_link(gate_link_owner& owner, const gate_limits& limits,
                     tcp::socket socket, tls_context context,
                     wire::basp_side side)
  : owner_{owner},
    limits_{limits},
    side_{side},
    context_{std::move(context)},
    tls_{std::move(socket), *context_},
    pair_{tls_.get_executor()},
    timer_{tls_.get_executor()},
    inbound_{limits.frames, side == wire::basp_side::server
                              ? wire::basp_side::client
                              : wire::basp_side::server},
    outbound_{limits.frames, side} {
  // nop
}

void gate_link::connect(const endpoint& to, std::chrono::milliseconds within) {
  address_ = to;
  expire_after(within);
  tls_.next_layer().async_connect(
    to_asio<tcp>(to), [self = shared_from_this()](failure failed) {
      if (failed)
        self->close(link_end::lost, "cannot connect: " + failed.message());
      else if (!self->closed_)
        self->handshake();
    });
}

void gate_link::accept() {
  failure ignored;
  address_ = from_asio(tls_.next_layer().remote_endpoint(ignored));
  expire_after(limits_.handshake);
  handshake();
}

void gate_link::handshake() {
  failure ignored;
  tls_.next_layer().set_option(tcp::no_delay{true}, ignored);
  tls_.async_handshake(accepted() ? asio::ssl::stream_base::server
                                  : asio::ssl::stream_base::client,
                       [self = shared_from_this()](failure failed) {
                         if (self->closed_)
                           return;
                         if (failed)
                           return self->close(link_end::handshake_failed,
                                              failed.message());
                         self->peer_ = identity_of(self->tls_.native_handle());
                         self->owner_.verified(*self);
                       });
}

result<int> gate_link::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ec::busy, "no descriptors left");
  pair_.assign(asio::local::stream_protocol{}, ends[0]);
  const auto theirs = renumber(ends[1]);
  if (theirs < 0)
    return fail(ec::busy, "no descriptors left; the limit (ulimit -n) must be "
                          "above 512");
  peer_bytes_.resize(read_bytes);
  caf_bytes_.resize(read_bytes);
  heard_ = std::chrono::steady_clock::now();
  watch();
  read_peer();
  read_caf();
  return theirs;
}

void gate_link::leave(std::chrono::milliseconds within) {
  leaving_ = true;
  expire_after(within);
}

void gate_link::close(link_end how, std::string_view why) {
  if (closed_)
    return;
  closed_ = true;
  // The owner forgets us below, and `why` may point into us.
  const auto self = shared_from_this();
  failure ignored;
  timer_.cancel();
  tls_.next_layer().close(ignored);
  pair_.close(ignored);
  owner_.closed(*this, how, why);
}

void gate_link::expire_after(std::chrono::milliseconds within) {
  if (closed_)
    return;
  timer_.expires_after(within);
  timer_.async_wait([self = shared_from_this()](failure failed) {
    if (!failed)
      self->close(self->leaving_ ? link_end::closed_here : link_end::timed_out,
                  self->leaving_ ? "left" : "no handshake in time");
  });
}

// A timer for each read would cost more than the read.
void gate_link::watch() {
  timer_.expires_after(std::min(limits_.idle, limits_.write) / 4);
  timer_.async_wait([self = shared_from_this()](failure failed) {
    if (!failed && !self->closed_ && !self->leaving_)
      self->check_progress();
  });
}

void gate_link::check_progress() {
  const auto now = std::chrono::steady_clock::now();
  if (now - heard_ > limits_.idle)
    return close(link_end::timed_out, "silent for too long");
  if (writing_ && now - write_started_ > limits_.write)
    return close(link_end::timed_out, "takes nothing");
  watch();
}

void gate_link::read_peer() {
  tls_.async_read_some(
    asio::buffer(peer_bytes_),
    [self = shared_from_this()](failure failed, std::size_t count) {
      if (self->closed_)
        return;
      if (failed)
        return self->close(self->leaving_ ? link_end::closed_here
                                          : link_end::lost,
                           self->leaving_ ? "left" : failed.message());
      self->on_peer_bytes(count);
    });
}

void gate_link::on_peer_bytes(std::size_t count) {
  heard_ = std::chrono::steady_clock::now();
  to_caf_.clear();
  const auto before = inbound_.counters().dropped;
  const auto fault
    = inbound_.feed(std::string_view{peer_bytes_}.substr(0, count), to_caf_);
  if (fault)
    return close(link_end::fault, wire::to_string(*fault));
  tell_drops(inbound_, before);
  owner_.moved(*this, count, 0);
  if (!spoken_ && !inbound_.speaker().empty()) {
    if (!owner_.may_speak(*this))
      return close(link_end::fault, "claims the node id of somebody else");
    spoken_ = true;
  }
  asio::async_write(pair_, asio::buffer(to_caf_),
                    [self = shared_from_this()](failure failed, std::size_t) {
                      if (self->closed_)
                        return;
                      // CAF has closed its end, and its last words may still be
                      // on their way out: `read_caf` says goodbye after them.
                      if (!failed)
                        self->read_peer();
                    });
}

void gate_link::read_caf() {
  pair_.async_read_some(
    asio::buffer(caf_bytes_),
    [self = shared_from_this()](failure failed, std::size_t count) {
      if (self->closed_)
        return;
      if (failed)
        return self->say_goodbye();
      self->on_caf_bytes(count);
    });
}

void gate_link::on_caf_bytes(std::size_t count) {
  to_peer_.clear();
  const auto before = outbound_.counters().dropped;
  const auto fault
    = outbound_.feed(std::string_view{caf_bytes_}.substr(0, count), to_peer_);
  if (fault)
    return close(link_end::fault, wire::to_string(*fault));
  tell_drops(outbound_, before);
  if (to_peer_.empty())
    return read_caf();
  writing_ = true;
  write_started_ = std::chrono::steady_clock::now();
  asio::async_write(
    tls_, asio::buffer(to_peer_),
    [self = shared_from_this()](failure failed, std::size_t sent) {
      self->writing_ = false;
      if (self->closed_)
        return;
      if (failed)
        return self->close(link_end::lost, failed.message());
      self->owner_.moved(*self, 0, sent);
      self->read_caf();
    });
}

void gate_link::say_goodbye() {
  leave(goodbye_patience);
  tls_.async_shutdown([self = shared_from_this()](failure) {
    self->close(link_end::closed_here, "CAF has closed it");
  });
}

void gate_link::tell_drops(const wire::basp_filter& filter,
                           std::uint64_t before) {
  if (const auto count = filter.counters().dropped - before; count > 0)
    owner_.dropped(*this, count, filter.last_dropped());
}

} // namespace dfs::net
