#include "net/socket_address.hpp"

#include <netinet/in.h>

#include <cstring>

namespace dfs::net {

endpoint from_socket_address(const sockaddr_storage& x) {
  endpoint made;
  if (x.ss_family == AF_INET6) {
    sockaddr_in6 from{};
    std::memcpy(&from, &x, sizeof from);
    std::memcpy(made.ip.bytes.data(), &from.sin6_addr, 16);
    made.port = ntohs(from.sin6_port);
    return made;
  }
  sockaddr_in from{};
  std::memcpy(&from, &x, sizeof from);
  made.ip.bytes[10] = made.ip.bytes[11] = 0xff;
  std::memcpy(made.ip.bytes.data() + 12, &from.sin_addr, 4);
  made.port = ntohs(from.sin_port);
  return made;
}

socklen_t
to_socket_address(const endpoint& x, bool is_v6, sockaddr_storage& out) {
  if (is_v6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(x.port);
    std::memcpy(&to.sin6_addr, x.ip.bytes.data(), 16);
    std::memcpy(&out, &to, sizeof to);
    return sizeof to;
  }
  if (!x.ip.is_v4())
    return 0;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(x.port);
  std::memcpy(&to.sin_addr, x.ip.bytes.data() + 12, 4);
  std::memcpy(&out, &to, sizeof to);
  return sizeof to;
}

} // namespace dfs::net
