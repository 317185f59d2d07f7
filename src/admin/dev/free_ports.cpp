#include "admin/dev/free_ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dfs::admin {

namespace {

constexpr std::uint32_t port_first = 20'000;
constexpr std::uint32_t port_count = 12'000;

/// Spreads neighbouring seeds; prime, so that every port is a start.
constexpr std::uint32_t stride = 7'919;

bool is_free(std::uint16_t port, int kind) {
  const int tried = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
  if (tried < 0)
    return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound
    = bind(tried, reinterpret_cast<const sockaddr*>(&address), sizeof address)
      == 0;
  close(tried);
  return bound;
}

} // namespace

result<std::vector<std::uint16_t>>
free_ports(std::size_t count, std::uint32_t seed) {
  std::vector<std::uint16_t> found;
  const auto start = std::uint64_t{seed} * stride;
  for (std::uint32_t i = 0; i < port_count && found.size() < count; ++i) {
    const auto port
      = static_cast<std::uint16_t>(port_first + (start + i) % port_count);
    if (is_free(port, SOCK_STREAM) && is_free(port, SOCK_DGRAM))
      found.push_back(port);
  }
  if (found.size() < count)
    return fail(ec::in_use, "no " + std::to_string(count)
                              + " free ports between 20000 and 32000");
  return found;
}

} // namespace dfs::admin
