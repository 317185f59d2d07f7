#include "wire/seal_crypto.hpp"

#include "base/assert.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

namespace dfs::wire {

namespace {

constexpr std::size_t nonce_bytes = 12;

const std::uint8_t* bytes_of(std::string_view x) {
  return reinterpret_cast<const std::uint8_t*>(x.data());
}

std::string_view view_of(const hmac_sha256::digest& x) {
  return {reinterpret_cast<const char*>(x.data()), x.size()};
}

std::array<std::uint8_t, nonce_bytes> nonce_of(std::uint64_t counter) {
  std::array<std::uint8_t, nonce_bytes> nonce{};
  for (std::size_t i = 0; i < sizeof counter; ++i)
    nonce[i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

} // namespace

void openssl_deleter::operator()(evp_cipher_ctx_st* x) const {
  EVP_CIPHER_CTX_free(x);
}

void openssl_deleter::operator()(evp_cipher_st* x) const {
  EVP_CIPHER_free(x);
}

void openssl_deleter::operator()(evp_mac_ctx_st* x) const {
  EVP_MAC_CTX_free(x);
}

hmac_sha256::hmac_sha256(std::string_view key) {
  auto* algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  DFS_ASSERT(algorithm);
  context_.reset(EVP_MAC_CTX_new(algorithm));
  EVP_MAC_free(algorithm); // The context holds on to it.
  DFS_ASSERT(context_);
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[]
    = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
       OSSL_PARAM_construct_end()};
  DFS_ASSERT(EVP_MAC_init(context_.get(), bytes_of(key), key.size(), parameters)
             == 1);
}

hmac_sha256::digest hmac_sha256::operator()(std::string_view message) {
  digest out{};
  std::size_t size = 0;
  auto* context = context_.get();
  // Without a key: starts again with the one it has.
  DFS_ASSERT(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);
  DFS_ASSERT(EVP_MAC_update(context, bytes_of(message), message.size()) == 1);
  DFS_ASSERT(EVP_MAC_final(context, out.data(), &size, out.size()) == 1);
  return out;
}

key_deriver::key_deriver(const key_ring& ring) {
  hmac_sha256 extract{std::string(hmac_sha256::digest{}.size(), '\0')};
  expanders_.reserve(ring.keys().size());
  for (const auto& key : ring.keys()) {
    const auto seed = extract(
      {reinterpret_cast<const char*>(key.secret.data()), key.secret.size()});
    expanders_.push_back({key.generation, hmac_sha256{view_of(seed)}});
  }
}

bool key_deriver::derive(std::uint8_t generation, sender_id sender,
                         boot_id boot, datagram_key& key) {
  const auto it
    = std::find_if(expanders_.begin(), expanders_.end(),
                   [=](const auto& x) { return x.generation == generation; });
  if (it == expanders_.end())
    return false;
  constexpr std::string_view label = "dfsnode group seal 1";
  // One block of output is all we need: T(1) = HMAC(PRK, info ‖ 0x01).
  std::array<char, label.size() + 17> info{};
  auto* to = std::copy(label.begin(), label.end(), info.data());
  for (auto x : {sender.value(), boot.value()})
    for (int shift = 0; shift < 64; shift += 8)
      *to++ = static_cast<char>(x >> shift);
  *to = 1;
  key = it->expand({info.data(), info.size()});
  return true;
}

datagram_cipher::datagram_cipher()
  : algorithm_{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)},
    sealing_{EVP_CIPHER_CTX_new()},
    opening_{EVP_CIPHER_CTX_new()} {
  DFS_ASSERT(algorithm_ && sealing_ && opening_);
  DFS_ASSERT(EVP_EncryptInit_ex2(sealing_.get(), algorithm_.get(), nullptr,
                                 nullptr, nullptr)
             == 1);
  DFS_ASSERT(EVP_DecryptInit_ex2(opening_.get(), algorithm_.get(), nullptr,
                                 nullptr, nullptr)
             == 1);
}

void datagram_cipher::seal(const datagram_key& key,
                           const datagram_header& header, std::string_view body,
                           std::string& out) {
  DFS_ASSERT(!body.empty() && body.size() <= datagram_bytes_max - seal_bytes);
  const auto head = encode_header(header);
  const auto nonce = nonce_of(header.counter);
  out.resize(seal_bytes + body.size());
  std::copy(head.begin(), head.end(), out.begin());
  auto* sealed
    = reinterpret_cast<std::uint8_t*>(out.data()) + datagram_header_bytes;
  auto* context = sealing_.get();
  int written = 0;
  DFS_ASSERT(
    EVP_EncryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr)
    == 1);
  DFS_ASSERT(EVP_EncryptUpdate(context, nullptr, &written, head.data(),
                               static_cast<int>(head.size()))
             == 1);
  DFS_ASSERT(EVP_EncryptUpdate(context, sealed, &written, bytes_of(body),
                               static_cast<int>(body.size()))
             == 1);
  DFS_ASSERT(EVP_EncryptFinal_ex(context, sealed + body.size(), &written) == 1);
  DFS_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, seal_tag_bytes,
                                 sealed + body.size())
             == 1);
}

bool datagram_cipher::open(const datagram_key& key,
                           const datagram_header& header,
                           std::string_view datagram, std::string& body) {
  DFS_ASSERT(datagram.size() > seal_bytes);
  const auto nonce = nonce_of(header.counter);
  const auto sealed
    = datagram.substr(datagram_header_bytes, datagram.size() - seal_bytes);
  std::array<std::uint8_t, seal_tag_bytes> tag{};
  std::copy_n(bytes_of(datagram) + datagram.size() - seal_tag_bytes,
              seal_tag_bytes, tag.begin());
  body.resize(sealed.size());
  auto* opened = reinterpret_cast<std::uint8_t*>(body.data());
  auto* context = opening_.get();
  int written = 0;
  DFS_ASSERT(
    EVP_DecryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr)
    == 1);
  DFS_ASSERT(EVP_DecryptUpdate(context, nullptr, &written, bytes_of(datagram),
                               datagram_header_bytes)
             == 1);
  DFS_ASSERT(EVP_DecryptUpdate(context, opened, &written, bytes_of(sealed),
                               static_cast<int>(sealed.size()))
             == 1);
  DFS_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, seal_tag_bytes,
                                 tag.data())
             == 1);
  return EVP_DecryptFinal_ex(context, opened + sealed.size(), &written) == 1;
}

} // namespace dfs::wire
