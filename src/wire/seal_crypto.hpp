#pragma once

#include "wire/datagram.hpp"
#include "wire/key_ring.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The cryptography of sealed datagrams, all of it OpenSSL's. Algorithms are
// fetched and contexts are made once; nothing here allocates per datagram.
// Objects may be moved, and used by one thread at a time.

struct evp_cipher_ctx_st; // EVP_CIPHER_CTX
struct evp_cipher_st;     // EVP_CIPHER
struct evp_mac_ctx_st;    // EVP_MAC_CTX

namespace dfs::wire {

struct openssl_deleter {
  void operator()(evp_cipher_ctx_st* x) const;
  void operator()(evp_cipher_st* x) const;
  void operator()(evp_mac_ctx_st* x) const;
};

class hmac_sha256 {
public:
  using digest = std::array<std::uint8_t, 32>;

  explicit hmac_sha256(std::string_view key);

  [[nodiscard]] digest operator()(std::string_view message);

private:
  std::unique_ptr<evp_mac_ctx_st, openssl_deleter> context_;
};

/// Of one sender in one boot.
using datagram_key = std::array<std::uint8_t, 32>;

/// Makes senders' keys out of the cluster's: HKDF-SHA256 (RFC 5869) without
/// salt, whose first half is the same for all of them.
class key_deriver {
public:
  explicit key_deriver(const key_ring& ring);

  [[nodiscard]] std::uint8_t active_generation() const {
    return expanders_.front().generation;
  }

  /// @returns false for a generation that the ring does not have.
  [[nodiscard]] bool derive(std::uint8_t generation, sender_id sender,
                            boot_id boot, datagram_key& key);

private:
  struct expander {
    std::uint8_t generation;
    hmac_sha256 expand;
  };

  std::vector<expander> expanders_; ///< The active one first.
};

class datagram_cipher {
public:
  datagram_cipher();

  /// Makes `out` the whole datagram.
  void seal(const datagram_key& key, const datagram_header& header,
            std::string_view body, std::string& out);

  /// Makes `body` what was sealed. @pre `header` is the datagram's own.
  /// @returns false if it was sealed by no holder of `key`, or changed since.
  [[nodiscard]] bool open(const datagram_key& key,
                          const datagram_header& header,
                          std::string_view datagram, std::string& body);

private:
  std::unique_ptr<evp_cipher_st, openssl_deleter> algorithm_;
  std::unique_ptr<evp_cipher_ctx_st, openssl_deleter> sealing_;
  std::unique_ptr<evp_cipher_ctx_st, openssl_deleter> opening_;
};

} // namespace dfs::wire
