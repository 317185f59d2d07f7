#include "chunkserver/server_token.hpp"

#include "messages/chunk_data.hpp"
#include "wire/codec.hpp"

#include <chrono>

namespace dfs::chunkserver {

namespace {

/// Longer than a connection waits with renewing it.
constexpr std::chrono::minutes token_life{10};

constexpr std::uint16_t protocol = 1;

} // namespace

server_identity identity_of(const data_service_options& options) {
  return {
    .cluster = options.cluster,
    .name = options.name,
    .store = options.store,
    .boot = options.boot,
    .keys = options.keys,
    .window_bytes = static_cast<std::uint32_t>(options.limits.window_bytes),
    .now = options.clock(),
  };
}

std::string server_hello(const server_identity& self) {
  const auto token
    = wire::mint({.principal = self.name,
                  .right = rights::admin,
                  .operations = wire::operations_of(rights::admin),
                  .scope = std::string{server_scope},
                  .expiry = self.now + token_life},
                 *self.keys);
  return wire::encode(msg::data_hello{.protocol = protocol,
                                      .cluster = self.cluster,
                                      .principal = self.name,
                                      .token = token});
}

result<net::data_greeting> greet(const net::data_stranger& stranger,
                                 std::string_view hello,
                                 const server_identity& self) {
  const auto message = wire::decode<msg::data_hello>(hello);
  if (!message)
    return fail(ec::unauthenticated, "a greeting that cannot be read");
  if (message->protocol != protocol)
    return fail(ec::unsupported, "this server speaks protocol 1 only");
  if (message->cluster != self.cluster)
    return fail(ec::unauthenticated, "this is another cluster");
  if (stranger.proved && stranger.certificate.name != message->principal)
    return fail(ec::unauthenticated, "the certificate names somebody else");
  const auto token
    = wire::verify(message->token, message->principal, *self.keys, self.now);
  if (!token)
    return token.error();
  net::data_greeting greeting;
  greeting.peer = {.name = message->principal,
                   .operations = token->operations,
                   .server = stranger.server || token->scope == server_scope,
                   .expiry = token->expiry,
                   .address = {}};
  greeting.welcome = wire::encode(msg::data_welcome{
    .store = self.store, .boot = self.boot, .window_bytes = self.window_bytes});
  return greeting;
}

} // namespace dfs::chunkserver
