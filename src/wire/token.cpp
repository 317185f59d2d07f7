#include "wire/token.hpp"

#include "base/assert.hpp"
#include "wire/codec.hpp"
#include "wire/frame.hpp"
#include "wire/seal_crypto.hpp"

#include <openssl/crypto.h>

#include <optional>

namespace dfs::wire {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t signature_size = 16;
constexpr std::size_t generation_at = 1;

/// To set up a key costs more than to sign a few words with it, so each thread
/// keeps the one that it used last.
hmac_sha256& signer_of(const key_ring::key& key) {
  struct keyed {
    explicit keyed(const key_ring::key& x)
      : secret{x.secret},
        sign{{reinterpret_cast<const char*>(x.secret.data()),
              x.secret.size()}} {
      // nop
    }

    decltype(key_ring::key::secret) secret;
    hmac_sha256 sign;
  };
  thread_local std::optional<keyed> last;
  if (!last || last->secret != key.secret)
    last.emplace(key);
  return last->sign;
}

std::string sign(std::string_view bytes, const key_ring::key& key) {
  const auto digest = signer_of(key)(bytes);
  return {reinterpret_cast<const char*>(digest.data()), signature_size};
}

/// What is signed, in the order of its bytes.
struct body {
  std::uint8_t format = version;
  std::uint8_t generation = 0;
  token content;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, body& x) {
  auto& y = x.content;
  return f(x.format, x.generation, y.right, y.operations, y.epoch, y.expiry,
           y.principal, y.scope);
}

error forged(std::string why) {
  return fail(ec::unauthenticated, std::move(why));
}

} // namespace

operation_set operations_of(rights x) {
  switch (x) {
    case rights::none:
      return 0;
    case rights::reader:
      return 1;
    case rights::writer:
      return 3;
    case rights::admin:
      return 7;
  }
  return 0;
}

std::string mint(const token& x, const key_ring& keys) {
  const auto& key = keys.active();
  auto bytes = encode(body{version, key.generation, x});
  bytes += sign(bytes, key);
  DFS_ASSERT(bytes.size() <= token_size_max);
  return bytes;
}

result<token> verify(std::string_view bytes, std::string_view principal,
                     const key_ring& keys, unix_ms now) {
  if (bytes.size() <= signature_size + generation_at)
    return forged("no token");
  const auto signed_bytes = bytes.substr(0, bytes.size() - signature_size);
  const auto* key
    = keys.find(static_cast<std::uint8_t>(signed_bytes[generation_at]));
  if (key == nullptr)
    return forged("a token of a key generation that is not in use");
  const auto expected = sign(signed_bytes, *key);
  if (CRYPTO_memcmp(expected.data(), bytes.data() + signed_bytes.size(),
                    signature_size)
      != 0)
    return forged("a token with a wrong signature");
  auto content = decode<body>(signed_bytes);
  if (!content || content->format != version)
    return forged("a token of another version");
  if (content->content.principal != principal)
    return forged("a token of another principal");
  if (now > content->content.expiry + token_skew)
    return fail(ec::token_expired, "the token is over");
  return std::move(content->content);
}

std::string sign_words(std::string_view words, const key_ring& keys) {
  const auto& key = keys.active();
  std::string proof(1, static_cast<char>(key.generation));
  // A domain of its own: no token is ever a proof of words.
  proof += sign("words" + std::string{words}, key);
  return proof;
}

result<nothing> check_words(std::string_view words, std::string_view proof,
                            const key_ring& keys) {
  if (proof.size() != 1 + signature_size)
    return forged("a proof of another size");
  const auto* key = keys.find(static_cast<std::uint8_t>(proof[0]));
  if (key == nullptr)
    return forged("signed with a key that is not in use");
  const auto expected = sign("words" + std::string{words}, *key);
  if (CRYPTO_memcmp(expected.data(), proof.data() + 1, expected.size()) != 0)
    return forged("a wrong signature");
  return done;
}

} // namespace dfs::wire
