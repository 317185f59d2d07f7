#pragma once

#include "chunkserver/data_service.hpp"
#include "net/data_server.hpp"

#include <string>
#include <string_view>

namespace dfs::chunkserver {

/// Scope of the tokens that servers make for each other. The front door, which
/// makes those of everybody else, never sets one.
inline constexpr std::string_view server_scope = "server";

/// An encoded `msg::data_hello` with a fresh token of our own.
[[nodiscard]] std::string server_hello(const data_service_options& options);

/// Who says hello, and may it come in?
/// @returns `ec::unsupported` (another protocol), `ec::unauthenticated`
///   (another cluster, no proper token, a token and a certificate of two
///   people), `ec::token_expired`.
[[nodiscard]] result<net::data_greeting>
greet(const net::data_stranger& stranger, std::string_view hello,
      const data_service_options& options);

} // namespace dfs::chunkserver
