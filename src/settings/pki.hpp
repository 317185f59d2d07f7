#pragma once

#include "base/result.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>

// Keys and certificates: EC P-256, signed by the one authority of a cluster.
// What a subject holds: net/tls.hpp. Nothing here touches files.

namespace dfs::settings {

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

/// Seconds since 1970, UTC: certificates know no finer time.
using unix_seconds = std::chrono::sys_seconds;

struct subject {
  std::string name;    ///< CN.
  std::string cluster; ///< O: 16 hex digits.
  std::string unit;    ///< OU; empty for the authority.
};

struct validity {
  unix_seconds from;
  std::chrono::days lasts{};
};

/// The systems' random source failing is a broken machine: aborts.
[[nodiscard]] std::string random_bytes(std::size_t count);

[[nodiscard]] std::string to_hex(std::string_view bytes);

[[nodiscard]] key_ptr make_key();

/// An authority's certificate, signed by itself; signs leaves only.
[[nodiscard]] certificate_ptr
make_authority(EVP_PKEY* key, const subject& whose, const validity& when);

/// For both sides of TLS connections.
[[nodiscard]] certificate_ptr make_leaf(EVP_PKEY* key, const subject& whose,
                                        const validity& when, X509* authority,
                                        EVP_PKEY* authority_key);

[[nodiscard]] std::string to_pem(EVP_PKEY* key);
[[nodiscard]] std::string to_pem(X509* certificate);

/// @returns `ec::malformed`; takes one object without a pass phrase.
[[nodiscard]] result<key_ptr> parse_key(const std::string& pem);
[[nodiscard]] result<certificate_ptr> parse_certificate(const std::string& pem);

/// As in the certificate; a field that is absent, doubled, or no plain text
/// is empty.
[[nodiscard]] subject subject_of(X509* certificate);

/// The end of its validity.
[[nodiscard]] unix_seconds end_of(X509* certificate);

} // namespace dfs::settings
