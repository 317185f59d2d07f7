#include "base/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace dfs {

namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0,    0,
                                              0, 0, 0, 0, 0xff, 0xff};

result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  auto [next, failed] = std::from_chars(text.data(), end, port);
  if (text.empty() || failed != std::errc{} || next != end)
    return fail(ec::invalid_argument,
                "'" + std::string{text} + "' is no port (0 to 65535)");
  return port;
}

} // namespace

result<ip_address> ip_address::parse(std::string_view text) {
  const std::string name{text};
  ip_address x;
  if (inet_pton(AF_INET6, name.c_str(), x.bytes.data()) == 1)
    return x;
  std::copy(mapped.begin(), mapped.end(), x.bytes.begin());
  if (inet_pton(AF_INET, name.c_str(), x.bytes.data() + mapped.size()) == 1)
    return x;
  return fail(ec::invalid_argument, "'" + name + "' is no IP address");
}

bool ip_address::is_v4() const {
  return std::equal(mapped.begin(), mapped.end(), bytes.begin());
}

bool ip_address::is_loopback() const {
  if (is_v4())
    return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1,
                     [](auto byte) { return byte == 0; })
         && bytes.back() == 1;
}

bool ip_address::is_unspecified() const {
  const auto first = is_v4() ? bytes.begin() + mapped.size() : bytes.begin();
  return std::all_of(first, bytes.end(), [](auto byte) { return byte == 0; });
}

std::string to_string(const ip_address& x) {
  char text[INET6_ADDRSTRLEN];
  if (x.is_v4())
    inet_ntop(AF_INET, x.bytes.data() + mapped.size(), text, sizeof text);
  else
    inet_ntop(AF_INET6, x.bytes.data(), text, sizeof text);
  return text;
}

result<endpoint> endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(ec::invalid_argument,
                "'" + std::string{text} + "' has no port (ADDRESS:PORT)");
  auto host = text.substr(0, colon);
  const bool bracketed
    = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos))
    return fail(ec::invalid_argument,
                "'" + std::string{text}
                  + "' is neither A.B.C.D:PORT nor [IPV6]:PORT");
  auto ip = ip_address::parse(host);
  if (!ip)
    return ip.error();
  auto port = parse_port(text.substr(colon + 1));
  if (!port)
    return port.error();
  return endpoint{*ip, *port};
}

std::string to_string(const endpoint& x) {
  const auto host = to_string(x.ip);
  return (x.ip.is_v4() ? host : "[" + host + "]") + ":"
         + std::to_string(x.port);
}

std::ostream& operator<<(std::ostream& out, const ip_address& x) {
  return out << to_string(x);
}

std::ostream& operator<<(std::ostream& out, const endpoint& x) {
  return out << to_string(x);
}

} // namespace dfs
