#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <stdlib.h>
#include <sys/stat.h>

// A certificate authority for tests: EC P-256, some 2 ms a certificate.
//
//   test::temporary_directory dir;
//   test::test_pki pki{dir.path()};
//   auto node = pki.server("master-1", "introducer,master"); // .ca
//   .certificate .key auto user = pki.client("alice", "admin"); auto alien =
//   test::test_pki{dir.path() / "other"}.server("master-1", "master");

namespace dfs::test {

/// Removed with everything in it.
class temporary_directory {
public:
  temporary_directory() {
    std::string name{std::filesystem::temp_directory_path()
                     / "dfs-test-XXXXXX"};
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"mkdtemp"};
    path_ = name;
  }

  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const {
    return path_;
  }

private:
  std::filesystem::path path_;
};

/// Paths of a credential's PEM files; converts to any aggregate of these three
/// (`net::tls_files{x.ca, x.certificate, x.key}`).
struct credential_files {
  std::string ca;
  std::string certificate;
  std::string key;
};

/// What a certificate says; the defaults are what a node needs.
struct certificate_request {
  std::string name;              ///< CN; none when empty.
  std::string unit;              ///< OU; none when empty.
  std::string cluster;           ///< O; none when empty.
  std::string second_name = "";  ///< Another CN, for forgeries.
  long valid_from_seconds = -60; ///< From now.
  long valid_for_seconds = 3600; ///< From now; negative makes an expired one.
};

class test_pki {
  template <class T, void (*Free)(T*)>
  struct deleter {
    void operator()(T* x) const {
      Free(x);
    }
  };
  using key_ptr = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY, EVP_PKEY_free>>;
  using cert_ptr = std::unique_ptr<X509, deleter<X509, X509_free>>;

public:
  static constexpr auto default_cluster = "0123456789abcdef";

  /// Makes `dir` and writes `ca.crt` there.
  explicit test_pki(std::filesystem::path dir,
                    std::string cluster = default_cluster)
    : dir_{std::move(dir)},
      cluster_{std::move(cluster)},
      key_{make_key()} {
    std::filesystem::create_directories(dir_);
    ca_ = make_certificate(
      {.name = "test authority", .unit = "", .cluster = cluster_}, key_.get(),
      nullptr);
    write_certificate(ca_path(), ca_.get());
  }

  [[nodiscard]] std::string ca_path() const {
    return dir_ / "ca.crt";
  }

  [[nodiscard]] const std::string& cluster() const {
    return cluster_;
  }

  /// @param roles As in "introducer,master".
  credential_files server(const std::string& name, const std::string& roles) {
    return issue(
      {.name = name, .unit = "server:" + roles, .cluster = cluster_});
  }

  /// @param rights "reader", "writer" or "admin".
  credential_files client(const std::string& name, const std::string& rights) {
    return issue(
      {.name = name, .unit = "client:" + rights, .cluster = cluster_});
  }

  /// Anything this authority could sign, also what it should not.
  credential_files issue(const certificate_request& request) {
    const auto key = make_key();
    const auto certificate = make_certificate(request, key.get(), ca_.get());
    const auto stem = (dir_ / std::to_string(issued_++)).string();
    write_certificate(stem + ".crt", certificate.get());
    write_key(stem + ".key", key.get());
    return {ca_path(), stem + ".crt", stem + ".key"};
  }

private:
  static void must(bool ok, const char* what) {
    if (!ok)
      throw std::runtime_error{what};
  }

  static key_ptr make_key() {
    key_ptr key{EVP_EC_gen("P-256")};
    must(key != nullptr, "EVP_EC_gen");
    return key;
  }

  static void
  add_field(X509_NAME* name, const char* field, const std::string& value) {
    if (value.empty())
      return;
    must(X509_NAME_add_entry_by_txt(
           name, field, MBSTRING_UTF8,
           reinterpret_cast<const unsigned char*>(value.data()),
           static_cast<int>(value.size()), -1, 0)
           == 1,
         "X509_NAME_add_entry_by_txt");
  }

  static void add_extension(X509* certificate, int kind, const char* value) {
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value), X509_EXTENSION_free};
    must(extension && X509_add_ext(certificate, extension.get(), -1) == 1,
         "X509_add_ext");
  }

  cert_ptr make_certificate(const certificate_request& request, EVP_PKEY* key,
                            const X509* issuer) {
    cert_ptr certificate{X509_new()};
    auto* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), request.valid_from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(x), request.valid_for_seconds);
    auto* subject = X509_get_subject_name(x);
    add_field(subject, "O", request.cluster);
    add_field(subject, "OU", request.unit);
    add_field(subject, "CN", request.name);
    add_field(subject, "CN", request.second_name);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(x, key);
    add_extension(x, NID_basic_constraints,
                  issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    must(X509_sign(x, key_.get(), EVP_sha256()) > 0, "X509_sign");
    return certificate;
  }

  static void write_certificate(const std::string& path, X509* certificate) {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
      std::fopen(path.c_str(), "w"), std::fclose};
    must(file && PEM_write_X509(file.get(), certificate) == 1, path.c_str());
  }

  static void write_key(const std::string& path, EVP_PKEY* key) {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
      std::fopen(path.c_str(), "w"), std::fclose};
    must(file && ::chmod(path.c_str(), 0600) == 0
           && PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0,
                                   nullptr, nullptr)
                == 1,
         path.c_str());
  }

  std::filesystem::path dir_;
  std::string cluster_;
  key_ptr key_;
  cert_ptr ca_;
  std::uint64_t serial_ = 0;
  int issued_ = 0;
};

} // namespace dfs::test
