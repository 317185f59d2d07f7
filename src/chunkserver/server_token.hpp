#pragma once

#include "chunkserver/data_service.hpp"
#include "net/data_server.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dfs::chunkserver {

/// Scope of the tokens that servers make for each other. The front door, which
/// makes those of everybody else, never sets one.
inline constexpr std::string_view server_scope = "server";

/// Who a server is on its data ports.
struct server_identity {
  std::string cluster; ///< 16 hex digits.
  std::string name;    ///< Of this node, as in its certificate.
  store_id store;      ///< Of its data directory.
  boot_id boot;
  std::shared_ptr<const wire::key_ring> keys; ///< Of tokens.
  std::uint32_t window_bytes = 0; ///< May be unanswered on a connection.
  wire::unix_ms now{};
};

[[nodiscard]] server_identity identity_of(const data_service_options& options);

/// An encoded `msg::data_hello` with a fresh token of our own.
[[nodiscard]] std::string server_hello(const server_identity& self);

/// Who says hello, and may it come in?
/// @returns `ec::unsupported` (another protocol), `ec::unauthenticated`
///   (another cluster, no proper token, a token and a certificate of two
///   people), `ec::token_expired`.
[[nodiscard]] result<net::data_greeting>
greet(const net::data_stranger& stranger, std::string_view hello,
      const server_identity& self);

} // namespace dfs::chunkserver
