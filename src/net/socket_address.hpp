#pragma once

#include "base/endpoint.hpp"

#include <sys/socket.h>

// Our addresses and those of system calls, for UDP sockets without Asio.

namespace dfs::net {

[[nodiscard]] endpoint from_socket_address(const sockaddr_storage& x);

/// @param is_v6 Of the socket. @returns the length; 0 for an IPv6 address on an
///   IPv4 socket.
[[nodiscard]] socklen_t
to_socket_address(const endpoint& x, bool is_v6, sockaddr_storage& out);

} // namespace dfs::net
