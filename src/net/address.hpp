#pragma once

#include "base/endpoint.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/ip/basic_endpoint.hpp>

// Our addresses and Asio's. IPv4 is an IPv4 socket there and a mapped address
// here, so that equal addresses compare equal wherever they come from.

namespace dfs::net {

[[nodiscard]] inline boost::asio::ip::address to_asio(const ip_address& x) {
  const boost::asio::ip::address_v6 v6{x.bytes};
  if (v6.is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
  return v6;
}

[[nodiscard]] inline ip_address from_asio(const boost::asio::ip::address& x) {
  const auto v6 = x.is_v4() ? boost::asio::ip::make_address_v6(
                    boost::asio::ip::v4_mapped, x.to_v4())
                            : x.to_v6();
  return {v6.to_bytes()};
}

/// @param Protocol `boost::asio::ip::tcp` or `udp`.
template <class Protocol>
[[nodiscard]] typename Protocol::endpoint to_asio(const endpoint& x) {
  return {to_asio(x.ip), x.port};
}

template <class Protocol>
[[nodiscard]] endpoint
from_asio(const boost::asio::ip::basic_endpoint<Protocol>& x) {
  return {from_asio(x.address()), x.port()};
}

} // namespace dfs::net
