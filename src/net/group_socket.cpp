#include "net/group_socket.hpp"

#include "base/assert.hpp"
#include "net/socket_address.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include <openssl/rand.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace dfs::net {

namespace {

// One system call takes so many datagrams; an idle node gets one at a time, a
// burst costs a sixteenth of the calls.
constexpr std::size_t batch_max = 16;
// Then the other socket has its turn.
constexpr std::size_t batches_max = 4;

// One byte more than a datagram of ours has, so that a longer one shows.
constexpr std::size_t buffer_bytes = wire::datagram_bytes_max + 1;

constexpr std::array both{socket_kind::ping, socket_kind::group};

std::size_t index_of(socket_kind which) {
  return static_cast<std::size_t>(which);
}

std::string name_of(socket_kind which) {
  return which == socket_kind::ping ? "ping" : "group";
}

/// Headers of IP and UDP.
std::size_t header_bytes_of(const endpoint& peer) {
  return peer.ip.is_v4() ? 28 : 48;
}

error cannot_bind(socket_kind which, const endpoint& where, int number) {
  const auto key
    = which == socket_kind::ping ? "group.ping_port" : "group.port";
  const auto port = name_of(which) + " port " + to_string(where) + "/udp";
  switch (number) {
    case EADDRINUSE:
      return fail(ec::in_use, port
                                + " is in use by another process; end it, or "
                                  "choose another port ("
                                + key + ")");
    case EADDRNOTAVAIL:
      return fail(ec::configuration,
                  port
                    + " cannot be bound: no interface of this machine has the "
                      "address (node.bind; what others see is "
                      "node.advertise)");
    case EACCES:
      return fail(ec::configuration,
                  port
                    + " cannot be bound without privileges; choose one above "
                      "1023 ("
                    + key + ")");
    default:
      return fail(ec::io_error, port + " cannot be bound: "
                                  + std::generic_category().message(number));
  }
}

template <class Bytes>
void fill_randomly(Bytes& bytes) {
  // Without randomness there are no secrets, and no node.
  DFS_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size()))
             == 1);
}

boot_id new_boot() {
  std::array<std::uint8_t, 8> bytes{};
  fill_randomly(bytes);
  std::uint64_t x = 0;
  for (auto byte : bytes)
    x = (x << 8) | byte;
  return boot_id{x};
}

void count(traffic_total& total, std::size_t bytes, const endpoint& peer) {
  ++total.packets;
  total.payload_bytes += bytes;
  total.wire_bytes += bytes + header_bytes_of(peer);
}

} // namespace

struct group_socket::arrivals {
  std::array<std::array<char, buffer_bytes>, batch_max> bytes{};
  std::array<sockaddr_storage, batch_max> from{};
  std::array<iovec, batch_max> parts{};
  std::array<mmsghdr, batch_max> heads{};

  /// @returns how many came; 0 if there are none.
  std::size_t receive(int descriptor) {
    for (std::size_t i = 0; i < batch_max; ++i) {
      parts[i] = {bytes[i].data(), bytes[i].size()};
      heads[i] = {};
      heads[i].msg_hdr.msg_name = &from[i];
      heads[i].msg_hdr.msg_namelen = sizeof from[i];
      heads[i].msg_hdr.msg_iov = &parts[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
    const auto came = ::recvmmsg(descriptor, heads.data(), batch_max,
                                 MSG_DONTWAIT | MSG_TRUNC, nullptr);
    return came < 0 ? 0 : static_cast<std::size_t>(came);
  }
};

result<std::shared_ptr<group_socket>>
group_socket::open(boost::asio::io_context& io, group_socket_options options) {
  std::shared_ptr<group_socket> made{new group_socket{io, std::move(options)}};
  for (auto which : both) {
    const auto& where = which == socket_kind::ping ? made->options_.ping_bind
                                                   : made->options_.group_bind;
    auto bound = made->bind(which, where);
    if (!bound)
      return bound.error();
  }
  auto known_as = made->options_.advertised_group;
  if (known_as.port == 0)
    known_as.port = made->bound(socket_kind::group).port;
  std::array<char, 32> secret{};
  fill_randomly(secret);
  made->seal_ = std::make_unique<wire::group_seal>(
    made->options_.ring,
    wire::group_seal::identity{
      wire::sender_of(known_as), new_boot(), {secret.data(), secret.size()}});
  return made;
}

group_socket::group_socket(boost::asio::io_context& io,
                           group_socket_options options)
  : options_{std::move(options)},
    sockets_{udp::socket{io}, udp::socket{io}},
    arrivals_{std::make_unique<arrivals>()},
    counting_since_{std::chrono::steady_clock::now()} {
  DFS_ASSERT(options_.classify);
}

result<nothing> group_socket::bind(socket_kind which, const endpoint& where) {
  auto& socket = sockets_[index_of(which)];
  const bool v6 = !where.ip.is_v4();
  is_v6_[index_of(which)] = v6;
  boost::system::error_code failed;
  socket.open(v6 ? udp::v6() : udp::v4(), failed);
  if (failed)
    return cannot_bind(which, where, failed.value());
  if (v6)
    socket.set_option(boost::asio::ip::v6_only{false}, failed);
  // More than the system allows is cut down to what it allows.
  socket.set_option(
    boost::asio::socket_base::receive_buffer_size{
      static_cast<int>(options_.receive_buffer)},
    failed);
  socket.non_blocking(true, failed);
  sockaddr_storage address{};
  const auto size = to_socket_address(where, v6, address);
  if (::bind(socket.native_handle(), reinterpret_cast<sockaddr*>(&address),
             size)
      != 0)
    return cannot_bind(which, where, errno);
  socklen_t bound_size = sizeof address;
  if (::getsockname(socket.native_handle(),
                    reinterpret_cast<sockaddr*>(&address), &bound_size)
      != 0)
    return cannot_bind(which, where, errno);
  bound_[index_of(which)] = from_socket_address(address);
  return done;
}

void group_socket::start(receiver on_body) {
  DFS_ASSERT(!on_body_ && on_body);
  on_body_ = std::move(on_body);
  for (auto which : both)
    await(which);
}

void group_socket::stop() {
  if (stopped_.exchange(true))
    return;
  // Asio's sockets belong to their thread; `send` holds the mutex.
  boost::asio::post(sockets_[0].get_executor(), [self = shared_from_this()] {
    const std::lock_guard guard{self->mutex_};
    boost::system::error_code ignored;
    for (auto& socket : self->sockets_)
      socket.close(ignored);
  });
}

void group_socket::use(const wire::key_ring& ring) {
  const std::lock_guard guard{mutex_};
  seal_->use(ring);
}

void group_socket::send(socket_kind via, const endpoint& to,
                        std::string_view body, std::uint8_t of) {
  DFS_ASSERT(of < traffic_class::own);
  const std::lock_guard guard{mutex_};
  if (stopped_)
    return;
  // The clock is read under the mutex: for the seal it never goes back.
  const auto datagram
    = seal_->seal(via, to, body, std::chrono::steady_clock::now());
  if (datagram)
    transmit(via, to, *datagram, of);
}

void group_socket::transmit(socket_kind via, const endpoint& to,
                            std::string_view datagram, std::uint8_t of) {
  sockaddr_storage address{};
  const auto size = to_socket_address(to, is_v6_[index_of(via)], address);
  if (size == 0)
    return;
  const auto sent = ::sendto(sockets_[index_of(via)].native_handle(),
                             datagram.data(), datagram.size(), MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), size);
  // A full queue or a missing route loses the datagram: the protocols on top
  // expect no better.
  if (sent >= 0)
    count(counts_.out[of], datagram.size(), to);
}

void group_socket::await(socket_kind which) {
  sockets_[index_of(which)].async_wait(
    udp::socket::wait_read,
    [self = shared_from_this(), which](boost::system::error_code failed) {
      if (failed == boost::asio::error::operation_aborted || self->stopped_)
        return;
      self->drain(which);
      if (!self->stopped_)
        self->await(which);
    });
}

void group_socket::drain(socket_kind which) {
  auto& came = *arrivals_;
  for (std::size_t batch = 0; batch < batches_max; ++batch) {
    const auto received
      = came.receive(sockets_[index_of(which)].native_handle());
    for (std::size_t i = 0; i < received && !stopped_; ++i) {
      const std::size_t size = came.heads[i].msg_len;
      take(which, from_socket_address(came.from[i]),
           {came.bytes[i].data(), std::min(size, buffer_bytes)}, size);
    }
    if (received < batch_max)
      return;
  }
}

void group_socket::take(socket_kind which, const endpoint& from,
                        std::string_view datagram, std::size_t size) {
  std::string body;
  {
    const std::lock_guard guard{mutex_};
    const auto opened
      = seal_->open(which, from, datagram, std::chrono::steady_clock::now());
    const bool delivered = opened.outcome == wire::open_outcome::delivered;
    const bool challenged = opened.outcome == wire::open_outcome::challenged;
    std::uint8_t of = traffic_class::dropped;
    if (challenged)
      of = traffic_class::challenge;
    else if (opened.answered)
      of = traffic_class::answer;
    else if (delivered)
      of = std::min(options_.classify(opened.body), traffic_class::other);
    count(counts_.in[of], size, from);
    if (!opened.reply.empty())
      transmit(opened.via, opened.to, opened.reply,
               challenged ? traffic_class::answer : traffic_class::challenge);
    if (!delivered)
      return;
    body.assign(opened.body);
  }
  on_body_(which, from, std::move(body));
}

traffic group_socket::count_so_far() const {
  auto counted = counts_;
  counted.since_reset = std::chrono::duration_cast<std::chrono::milliseconds>(
    std::chrono::steady_clock::now() - counting_since_);
  return counted;
}

traffic group_socket::traffic_so_far() const {
  const std::lock_guard guard{mutex_};
  return count_so_far();
}

traffic group_socket::reset_traffic() {
  const std::lock_guard guard{mutex_};
  auto counted = count_so_far();
  counts_ = {};
  counting_since_ = std::chrono::steady_clock::now();
  return counted;
}

} // namespace dfs::net
