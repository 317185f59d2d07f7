#include "chain.hpp"

#include "base/crc32c.hpp"
#include "net/descriptor.hpp"
#include "support/bench_figures.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dfs::bench {

namespace {

using net::descriptor;

constexpr std::size_t round_trip_bytes = 64;

struct listener {
  descriptor socket;
  std::uint16_t port = 0;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons(port);
  return where;
}

listener listen_on_loopback() {
  listener made{descriptor{::socket(AF_INET, SOCK_STREAM, 0)}};
  auto where = loopback(0);
  socklen_t size = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  if (::bind(made.socket.get(), address, size) != 0
      || ::listen(made.socket.get(), 8) != 0
      || ::getsockname(made.socket.get(), address, &size) != 0)
    fail("listen");
  made.port = ntohs(where.sin_port);
  return made;
}

descriptor connect_to(std::uint16_t port) {
  descriptor made{::socket(AF_INET, SOCK_STREAM, 0)};
  const auto where = loopback(port);
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&where),
                sizeof where)
      != 0)
    fail("connect");
  return made;
}

void send_at_once(const descriptor& socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void write_all(const descriptor& to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(to.get(), bytes.data(), bytes.size());
    if (done <= 0)
      fail("write");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

/// A whole piece, less only at the end of the stream.
std::string_view read_piece(const descriptor& from, std::vector<char>& room) {
  std::size_t filled = 0;
  while (filled < room.size()) {
    const auto got
      = ::read(from.get(), room.data() + filled, room.size() - filled);
    if (got < 0)
      fail("read");
    if (got == 0)
      break;
    filled += static_cast<std::size_t>(got);
  }
  return {room.data(), filled};
}

// The result is looked at, or the compiler would leave the work out.
volatile std::uint32_t last_checksum = 0;

void check(const chain& what, std::string_view piece) {
  if (what.checksum)
    last_checksum = crc32c(piece);
}

void wait_for_answer(const descriptor& socket) {
  char answer = 0;
  ::shutdown(socket.get(), SHUT_WR);
  if (::read(socket.get(), &answer, 1) != 1)
    fail("a hop has ended without an answer");
}

std::string file_of(const chain& what, std::size_t hop) {
  return fmt::format("{}/hop-{}", what.dir, hop);
}

constexpr std::size_t file_slice = 64 * 1024;

/// The child of one hop.
[[noreturn]] void receive(const chain& what, std::size_t hop, listener own,
                          std::optional<std::uint16_t> next) {
  const descriptor from{::accept(own.socket.get(), nullptr, nullptr)};
  const descriptor onwards{next ? connect_to(*next) : descriptor{}};
  descriptor file;
  if (what.kept != keeping::discard)
    file = descriptor{::open(file_of(what, hop).c_str(),
                             O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)};
  std::vector<char> room(what.piece);
  for (;;) {
    const auto piece = read_piece(from, room);
    if (piece.empty())
      break;
    check(what, piece);
    if (next)
      write_all(onwards, piece);
    // In slices as our own servers: larger ones cost more on virtual machines.
    if (what.kept != keeping::discard)
      for (std::size_t at = 0; at < piece.size(); at += file_slice)
        write_all(file, piece.substr(at, file_slice));
  }
  if (next)
    wait_for_answer(onwards);
  if (what.kept == keeping::disk && ::fdatasync(file.get()) != 0)
    fail("fdatasync");
  write_all(from, "k");
  ::_exit(0);
}

std::vector<char> some_bytes(std::size_t size) {
  std::vector<char> made(size);
  for (std::size_t i = 0; i < size; ++i)
    made[i] = static_cast<char>(i * 131 + (i >> 9));
  return made;
}

/// A file of `what.bytes` in the page cache that has no name.
descriptor source_file(const chain& what, std::string_view piece) {
  const auto place = what.dir + "/source";
  descriptor made{
    ::open(place.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600)};
  ::unlink(place.c_str());
  for (std::uint64_t sent = 0; sent < what.bytes; sent += what.piece)
    write_all(made, piece);
  ::lseek(made.get(), 0, SEEK_SET);
  return made;
}

void send_file(const chain& what, const descriptor& to,
               const descriptor& source) {
  for (auto left = what.bytes; left > 0;) {
    const auto done = ::sendfile(to.get(), source.get(), nullptr, what.piece);
    if (done <= 0)
      fail("sendfile");
    left -= static_cast<std::uint64_t>(done);
  }
}

void send_pieces(const chain& what, const descriptor& to,
                 std::string_view piece) {
  for (std::uint64_t sent = 0; sent < what.bytes; sent += what.piece) {
    check(what, piece);
    write_all(to, piece);
  }
}

/// Starts the hops; returns the port of the first.
std::uint16_t start_hops(const chain& what) {
  std::vector<listener> listeners;
  for (std::size_t i = 0; i < what.hops; ++i)
    listeners.push_back(listen_on_loopback());
  const auto first = listeners.front().port;
  for (std::size_t i = 0; i < what.hops; ++i) {
    const auto child = ::fork();
    if (child < 0)
      fail("fork");
    if (child == 0)
      receive(what, i, std::move(listeners[i]),
              i + 1 < what.hops ? std::optional{listeners[i + 1].port}
                                : std::nullopt);
  }
  return first;
}

/// The child that sends back what it is sent.
[[noreturn]] void echo(const listener& own) {
  const descriptor from{::accept(own.socket.get(), nullptr, nullptr)};
  send_at_once(from);
  std::vector<char> room(round_trip_bytes);
  for (;;) {
    const auto piece = read_piece(from, room);
    if (piece.empty())
      ::_exit(0);
    write_all(from, piece);
  }
}

void wait_for_children(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    int status = 0;
    if (::wait(&status) < 0 || status != 0)
      fail("a hop has failed", 0);
  }
}

} // namespace

chain_figures run(const chain& what) {
  const auto bytes = some_bytes(what.piece);
  const std::string_view piece{bytes.data(), bytes.size()};
  const descriptor source{what.from_file ? source_file(what, piece)
                                         : descriptor{}};
  const auto cpu = cpu_seconds();
  const auto to = connect_to(start_hops(what));
  const auto began = bench_clock::now();
  if (what.from_file)
    send_file(what, to, source);
  else
    send_pieces(what, to, piece);
  wait_for_answer(to);
  const auto took = seconds_since(began);
  wait_for_children(what.hops);
  const auto used = cpu_seconds() - cpu;
  for (std::size_t i = 0; i < what.hops; ++i)
    ::unlink(file_of(what, i).c_str());
  const auto mib = static_cast<double>(what.bytes) / (1 << 20);
  return {mib / took, used / (mib / 1024)};
}

round_trip_figures run_round_trips(std::size_t count) {
  const auto cpu = cpu_seconds();
  double took = 0;
  {
    const auto own = listen_on_loopback();
    const auto child = ::fork();
    if (child < 0)
      fail("fork");
    if (child == 0)
      echo(own);
    const auto to = connect_to(own.port);
    send_at_once(to);
    std::vector<char> room(round_trip_bytes);
    const auto began = bench_clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      write_all(to, {room.data(), room.size()});
      if (read_piece(to, room).size() != room.size())
        fail("the other end has gone", 0);
    }
    took = seconds_since(began);
  }
  wait_for_children(1); // Closed connections end them.
  const auto all = static_cast<double>(count);
  return {all / took, (cpu_seconds() - cpu) / all * 1e6};
}

} // namespace dfs::bench
