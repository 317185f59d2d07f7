#include "net/sealed_socket.hpp"

#include "base/assert.hpp"
#include "net/socket_address.hpp"

#include <openssl/rand.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace dfs::net {

namespace {

// One system call takes or sends so many.
constexpr std::size_t batch_max = 32;
// Then whoever waits for other things has its turn.
constexpr std::size_t batches_max = 8;

// The kernel takes equally long datagrams for one peer as one, and splits them
// late (UDP_SEGMENT, Linux 4.18): so many bytes at most.
constexpr std::size_t train_bytes_max = 60'000;

// One byte more than a datagram of ours has, so that a longer one shows.
constexpr std::size_t buffer_bytes = wire::datagram_bytes_max + 1;

instant now() {
  return std::chrono::steady_clock::now();
}

template <class Bytes>
void fill_randomly(Bytes& bytes) {
  // Without randomness there are no secrets, and no node.
  DFS_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size()))
             == 1);
}

void count(traffic_total& total, std::size_t bytes, const endpoint& peer) {
  ++total.packets;
  total.payload_bytes += bytes;
  total.wire_bytes += bytes + (peer.ip.is_v4() ? 28 : 48);
}

} // namespace

struct sealed_socket::inside {
  struct slot {
    std::array<char, buffer_bytes> bytes;
    std::size_t size = 0;
    sockaddr_storage address{};
    socklen_t address_size = 0;
    endpoint peer;
  };

  int descriptor = -1;
  bool is_v6 = false;
  endpoint bound;
  std::unique_ptr<wire::group_seal> seal;
  std::vector<slot> in{batch_max};
  std::vector<slot> out{batch_max};
  std::size_t waiting = 0; ///< In `out`.
  bool trains = true;      ///< The kernel takes them.
  std::array<iovec, batch_max> parts{};
  std::array<mmsghdr, batch_max> heads{};
  struct segment_control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
  };
  std::array<segment_control, batch_max> controls{};
  sealed_socket_counters counters;

  ~inside() {
    if (descriptor >= 0)
      ::close(descriptor);
  }

  void prepare(std::vector<slot>& slots, std::size_t i, std::size_t size) {
    parts[i] = {slots[i].bytes.data(), size};
    heads[i] = {};
    heads[i].msg_hdr.msg_name = &slots[i].address;
    heads[i].msg_hdr.msg_namelen = slots[i].address_size;
    heads[i].msg_hdr.msg_iov = &parts[i];
    heads[i].msg_hdr.msg_iovlen = 1;
  }

  std::size_t take_batch() {
    for (std::size_t i = 0; i < batch_max; ++i) {
      in[i].address_size = sizeof in[i].address;
      prepare(in, i, buffer_bytes);
    }
    const auto came = ::recvmmsg(descriptor, heads.data(), batch_max,
                                 MSG_DONTWAIT | MSG_TRUNC, nullptr);
    for (int i = 0; i < came; ++i) {
      auto& x = in[static_cast<std::size_t>(i)];
      const std::size_t size = heads[static_cast<std::size_t>(i)].msg_len;
      x.size = std::min(size, buffer_bytes);
      x.peer = from_socket_address(x.address);
    }
    return came < 0 ? 0 : static_cast<std::size_t>(came);
  }

  void put(const endpoint& to, std::string_view datagram) {
    if (waiting == batch_max)
      send_batch();
    auto& x = out[waiting];
    x.address_size = to_socket_address(to, is_v6, x.address);
    if (x.address_size == 0)
      return;
    std::copy(datagram.begin(), datagram.end(), x.bytes.begin());
    x.size = datagram.size();
    x.peer = to;
    ++waiting;
  }

  /// The end of those from `begin` on that go as one: for the same peer, of one
  /// length but for a shorter last one.
  std::size_t train_at(std::span<slot* const> all, std::size_t begin) const {
    const auto& first = *all[begin];
    auto bytes = first.size;
    auto end = begin + 1;
    while (trains && end < all.size() && all[end - 1]->size == first.size
           && all[end]->size <= first.size && all[end]->peer == first.peer
           && bytes + all[end]->size <= train_bytes_max)
      bytes += all[end++]->size;
    return end;
  }

  void prepare_train(std::span<slot* const> all, std::size_t begin,
                     std::size_t end, std::size_t head) {
    for (auto i = begin; i < end; ++i)
      parts[i] = {all[i]->bytes.data(), all[i]->size};
    auto& x = heads[head].msg_hdr;
    x = {};
    x.msg_name = &all[begin]->address;
    x.msg_namelen = all[begin]->address_size;
    x.msg_iov = &parts[begin];
    x.msg_iovlen = end - begin;
    if (end == begin + 1)
      return;
    x.msg_control = controls[head].bytes.data();
    x.msg_controllen = controls[head].bytes.size();
    auto* control = CMSG_FIRSTHDR(&x);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto bytes = static_cast<std::uint16_t>(all[begin]->size);
    std::memcpy(CMSG_DATA(control), &bytes, sizeof bytes);
  }

  void send_batch() {
    std::vector<slot*> all;
    for (std::size_t i = 0; i < waiting; ++i)
      all.push_back(&out[i]);
    waiting = 0;
    // Each peer's own stay in their order.
    std::ranges::stable_sort(all, {}, &slot::peer);
    for (std::span<slot* const> left{all}; !left.empty();)
      left = left.subspan(send_some(left));
  }

  /// @returns how many of them are sent, or lost.
  std::size_t send_some(std::span<slot* const> all) {
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < all.size();) {
      const auto end = train_at(all, i);
      prepare_train(all, i, end, ends.size());
      ends.push_back(end);
      i = end;
    }
    auto sent = ::sendmmsg(descriptor, heads.data(),
                           static_cast<unsigned>(ends.size()), MSG_DONTWAIT);
    if (sent < 0 && errno == ECONNREFUSED) // It came for an earlier one.
      sent = ::sendmmsg(descriptor, heads.data(),
                        static_cast<unsigned>(ends.size()), MSG_DONTWAIT);
    if (sent > 0) {
      const auto end = ends[static_cast<std::size_t>(sent) - 1];
      for (std::size_t i = 0; i < end; ++i)
        count(counters.out, all[i]->size, all[i]->peer);
      return end;
    }
    if (ends.front() > 1 && errno != EAGAIN) {
      // This kernel or this way takes no trains: one by one, from here on.
      trains = false;
      return 0;
    }
    // The first one cannot go: no route, or a full queue. It is lost.
    counters.refused += ends.front();
    return ends.front();
  }
};

result<std::unique_ptr<sealed_socket>>
sealed_socket::open(const sealed_socket_options& options) {
  auto made = std::make_unique<inside>();
  made->is_v6 = !options.bind.ip.is_v4();
  const auto where = to_string(options.bind) + "/udp";
  made->descriptor
    = ::socket(made->is_v6 ? AF_INET6 : AF_INET,
               SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
  if (made->descriptor < 0)
    return fail(ec::io_error,
                where + ": " + std::generic_category().message(errno));
  if (made->is_v6) {
    const int off = 0;
    (void) ::setsockopt(made->descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off,
                        sizeof off);
  }
  // More than the system allows is cut down to what it allows.
  const auto bytes = static_cast<int>(options.receive_buffer);
  for (const auto which : {SO_RCVBUF, SO_SNDBUF})
    (void) ::setsockopt(made->descriptor, SOL_SOCKET, which, &bytes,
                        sizeof bytes);
  sockaddr_storage address{};
  const auto size = to_socket_address(options.bind, made->is_v6, address);
  if (::bind(made->descriptor, reinterpret_cast<sockaddr*>(&address), size)
      != 0) {
    const auto why = errno;
    return fail(why == EADDRINUSE ? ec::in_use : ec::configuration,
                where
                  + " cannot be bound: " + std::generic_category().message(why)
                  + " (this server's address in queue.servers)");
  }
  socklen_t bound_size = sizeof address;
  if (::getsockname(made->descriptor, reinterpret_cast<sockaddr*>(&address),
                    &bound_size)
      != 0)
    return fail(ec::io_error, where + ": no name");
  made->bound = from_socket_address(address);
  auto known_as = options.advertised;
  if (known_as.port == 0)
    known_as.port = made->bound.port;
  std::array<char, 32> secret{};
  fill_randomly(secret);
  std::uint64_t boot = 0;
  std::array<std::uint8_t, 8> random{};
  fill_randomly(random);
  std::memcpy(&boot, random.data(), sizeof boot);
  made->seal = std::make_unique<wire::group_seal>(
    options.ring, wire::group_seal::identity{wire::sender_of(known_as),
                                             boot_id{boot},
                                             {secret.data(), secret.size()}});
  return std::unique_ptr<sealed_socket>{new sealed_socket{std::move(made)}};
}

sealed_socket::sealed_socket(std::unique_ptr<inside> made)
  : inside_{std::move(made)} {
  // nop
}

sealed_socket::~sealed_socket() = default;

int sealed_socket::descriptor() const {
  return inside_->descriptor;
}

const endpoint& sealed_socket::bound() const {
  return inside_->bound;
}

bool sealed_socket::receive(const taker& each) {
  auto& x = *inside_;
  for (std::size_t batch = 0; batch < batches_max; ++batch) {
    const auto came = x.take_batch();
    const auto at = now();
    for (std::size_t i = 0; i < came; ++i) {
      const auto& slot = x.in[i];
      const auto opened = x.seal->open(socket_kind::group, slot.peer,
                                       {slot.bytes.data(), slot.size}, at);
      if (!opened.reply.empty())
        x.put(opened.to, opened.reply);
      if (opened.outcome != wire::open_outcome::delivered) {
        ++x.counters.dropped;
        continue;
      }
      count(x.counters.in, slot.size, slot.peer);
      each(slot.peer, opened.body);
    }
    if (came < batch_max)
      return true;
  }
  return false;
}

void sealed_socket::send(const endpoint& to, std::string_view body) {
  auto& x = *inside_;
  if (body.empty() || body.size() > wire::body_bytes_max) {
    ++x.counters.too_large;
    return;
  }
  if (const auto datagram = x.seal->seal(socket_kind::group, to, body, now()))
    x.put(to, *datagram);
}

void sealed_socket::flush() {
  inside_->send_batch();
}

void sealed_socket::use(const wire::key_ring& ring) {
  inside_->seal->use(ring);
}

const sealed_socket_counters& sealed_socket::counters() const {
  return inside_->counters;
}

} // namespace dfs::net
