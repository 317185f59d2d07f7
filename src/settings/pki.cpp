#include "settings/pki.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace dfs::settings {

namespace {

using bio_ptr = std::unique_ptr<BIO, decltype(&BIO_free)>;

// Clocks of a cluster differ: a new certificate must be good on all of them.
constexpr auto backdated = std::chrono::hours{1};

bio_ptr memory() {
  bio_ptr bio{BIO_new(BIO_s_mem()), BIO_free};
  DFS_ASSERT(bio);
  return bio;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// Encrypted keys would ask for their pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

void add_entry(X509_NAME* name, const char* field, const std::string& text) {
  if (text.empty())
    return;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  DFS_ASSERT(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes,
                                        static_cast<int>(text.size()), -1, 0)
             == 1);
}

void add_extension(X509* to, X509* issuer, int kind, const char* text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, text);
  DFS_ASSERT(extension != nullptr);
  DFS_ASSERT(X509_add_ext(to, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void set_serial(X509* certificate) {
  auto bytes = random_bytes(16);
  bytes[0] = static_cast<char>(bytes[0] & 0x7f); // Positive.
  BIGNUM* number
    = BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                static_cast<int>(bytes.size()), nullptr);
  DFS_ASSERT(number != nullptr);
  DFS_ASSERT(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))
             != nullptr);
  BN_free(number);
}

void set_time(ASN1_TIME* to, unix_seconds when) {
  const auto seconds = when.time_since_epoch().count();
  DFS_ASSERT(ASN1_TIME_set(to, static_cast<std::time_t>(seconds)) != nullptr);
}

certificate_ptr
draft(EVP_PKEY* key, const subject& whose, const validity& when) {
  certificate_ptr x{X509_new(), X509_free};
  DFS_ASSERT(x);
  X509_set_version(x.get(), X509_VERSION_3);
  set_serial(x.get());
  set_time(X509_getm_notBefore(x.get()), when.from - backdated);
  set_time(X509_getm_notAfter(x.get()), when.from + when.lasts);
  auto* name = X509_get_subject_name(x.get());
  add_entry(name, "O", whose.cluster);
  add_entry(name, "OU", whose.unit);
  add_entry(name, "CN", whose.name);
  DFS_ASSERT(X509_set_pubkey(x.get(), key) == 1);
  return x;
}

std::string field(X509_NAME* name, int kind) {
  const int at = X509_NAME_get_index_by_NID(name, kind, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(name, kind, at) >= 0)
    return {};
  const auto* data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  const std::string text{
    reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
    static_cast<std::size_t>(ASN1_STRING_length(data))};
  return text.find('\0') == std::string::npos ? text : std::string{};
}

} // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  DFS_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                        static_cast<int>(count))
             == 1);
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

key_ptr make_key() {
  key_ptr key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  DFS_ASSERT(key);
  return key;
}

certificate_ptr
make_authority(EVP_PKEY* key, const subject& whose, const validity& when) {
  auto x = draft(key, whose, when);
  X509_set_issuer_name(x.get(), X509_get_subject_name(x.get()));
  add_extension(x.get(), x.get(), NID_basic_constraints,
                "critical,CA:TRUE,pathlen:0");
  add_extension(x.get(), x.get(), NID_key_usage, "critical,keyCertSign");
  add_extension(x.get(), x.get(), NID_subject_key_identifier, "hash");
  DFS_ASSERT(X509_sign(x.get(), key, EVP_sha256()) > 0);
  return x;
}

certificate_ptr make_leaf(EVP_PKEY* key, const subject& whose,
                          const validity& when, X509* authority,
                          EVP_PKEY* authority_key) {
  auto x = draft(key, whose, when);
  X509_set_issuer_name(x.get(), X509_get_subject_name(authority));
  add_extension(x.get(), authority, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(x.get(), authority, NID_key_usage, "critical,digitalSignature");
  add_extension(x.get(), authority, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(x.get(), authority, NID_subject_key_identifier, "hash");
  add_extension(x.get(), authority, NID_authority_key_identifier,
                "keyid:always");
  DFS_ASSERT(X509_sign(x.get(), authority_key, EVP_sha256()) > 0);
  return x;
}

std::string to_pem(EVP_PKEY* key) {
  const auto bio = memory();
  DFS_ASSERT(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                      nullptr, nullptr)
             == 1);
  return contents(bio.get());
}

std::string to_pem(X509* certificate) {
  const auto bio = memory();
  DFS_ASSERT(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return contents(bio.get());
}

result<key_ptr> parse_key(const std::string& pem) {
  const bio_ptr bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                    BIO_free};
  key_ptr key{
    PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr),
    EVP_PKEY_free};
  ERR_clear_error();
  if (!key)
    return fail(ec::malformed, "holds no private key in PEM form");
  return key;
}

result<certificate_ptr> parse_certificate(const std::string& pem) {
  const bio_ptr bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                    BIO_free};
  certificate_ptr x{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                    X509_free};
  ERR_clear_error();
  if (!x)
    return fail(ec::malformed, "holds no certificate in PEM form");
  return x;
}

subject subject_of(X509* certificate) {
  auto* name = X509_get_subject_name(certificate);
  return {field(name, NID_commonName), field(name, NID_organizationName),
          field(name, NID_organizationalUnitName)};
}

unix_seconds end_of(X509* certificate) {
  std::tm when{};
  DFS_ASSERT(ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1);
  return unix_seconds{std::chrono::seconds{timegm(&when)}};
}

} // namespace dfs::settings
