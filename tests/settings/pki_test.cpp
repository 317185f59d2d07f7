#include "settings/pki.hpp"

#include "net/tls.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <set>

namespace dfs::settings {
namespace {

constexpr auto year = std::chrono::days{365};

struct Pki : testing::Test {
  unix_seconds now = std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
  key_ptr authority_key = make_key();
  certificate_ptr authority = make_authority(
    authority_key.get(), {"home", "00112233445566ff", ""}, {now, 10 * year});
  key_ptr leaf_key = make_key();
  certificate_ptr leaf
    = make_leaf(leaf_key.get(), {"node-1", "00112233445566ff", "server:master"},
                {now, year}, authority.get(), authority_key.get());
};

TEST_F(Pki, OnlyTheAuthoritySigns) {
  EXPECT_EQ(X509_check_ca(authority.get()), 1);
  EXPECT_EQ(X509_get_pathlen(authority.get()), 0);
  EXPECT_EQ(X509_get_key_usage(authority.get()), unsigned{KU_KEY_CERT_SIGN});
  EXPECT_EQ(X509_check_ca(leaf.get()), 0);
  EXPECT_EQ(X509_get_extension_flags(leaf.get()) & EXFLAG_CA, 0u);
  EXPECT_EQ(X509_get_key_usage(leaf.get()), unsigned{KU_DIGITAL_SIGNATURE});
  EXPECT_EQ(X509_get_extended_key_usage(leaf.get()),
            unsigned{XKU_SSL_SERVER | XKU_SSL_CLIENT});
  EXPECT_EQ(X509_verify(leaf.get(), authority_key.get()), 1);
}

// SPEC O4: who holds a node's key makes nobody else a node.
TEST_F(Pki, ANodeCannotMakeAnotherOne) {
  const auto forged_key = make_key();
  const auto forged
    = make_leaf(forged_key.get(), {"evil", "00112233445566ff", "server:master"},
                {now, year}, leaf.get(), leaf_key.get());
  test::temp_dir place;
  const auto ca = place.write("ca.crt", to_pem(authority.get()));
  const auto good = place.write("good.crt", to_pem(leaf.get()));
  const auto good_key = place.write("good.key", to_pem(leaf_key.get()));
  const auto chain
    = place.write("evil.crt", to_pem(forged.get()) + to_pem(leaf.get()));
  const auto evil_key = place.write("evil.key", to_pem(forged_key.get()));
  for (const auto& key : {good_key, evil_key})
    std::filesystem::permissions(key, std::filesystem::perms{0600});
  EXPECT_TRUE(net::make_tls_context({ca, good, good_key}));
  EXPECT_FALSE(net::make_tls_context({ca, chain, evil_key}));
}

TEST_F(Pki, KeysAreP256AndSerialsNeverTheSame) {
  EXPECT_TRUE(EVP_PKEY_is_a(leaf_key.get(), "EC"));
  EXPECT_EQ(EVP_PKEY_get_bits(leaf_key.get()), 256);
  EXPECT_NE(to_pem(leaf_key.get()), to_pem(authority_key.get()));
  std::set<std::string> serials;
  for (int i = 0; i < 20; ++i) {
    const auto x = make_leaf(leaf_key.get(), {"n", "c", "u"}, {now, year},
                             authority.get(), authority_key.get());
    const auto* serial = X509_get0_serialNumber(x.get());
    EXPECT_GT(ASN1_STRING_length(serial), 8);
    EXPECT_EQ(ASN1_STRING_type(serial), V_ASN1_INTEGER); // Not negative.
    serials.insert(
      {reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
       static_cast<std::size_t>(ASN1_STRING_length(serial))});
  }
  EXPECT_EQ(serials.size(), 20u);
}

TEST_F(Pki, ReadsWhatItWrites) {
  const auto read = parse_certificate(to_pem(leaf.get()));
  ASSERT_TRUE(read);
  EXPECT_EQ(X509_cmp(read->get(), leaf.get()), 0);
  const auto whose = subject_of(read->get());
  EXPECT_EQ(whose.name, "node-1");
  EXPECT_EQ(whose.cluster, "00112233445566ff");
  EXPECT_EQ(whose.unit, "server:master");
  EXPECT_EQ(end_of(read->get()), now + year);
  const auto key = parse_key(to_pem(leaf_key.get()));
  ASSERT_TRUE(key);
  EXPECT_EQ(EVP_PKEY_eq(key->get(), leaf_key.get()), 1);
  for (const char* text : {"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
    EXPECT_FALSE(parse_certificate(text));
    EXPECT_FALSE(parse_key(text));
  }
}

} // namespace
} // namespace dfs::settings
