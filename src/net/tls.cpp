#include "net/tls.hpp"

#include <boost/asio/ssl/context_base.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace ssl = boost::asio::ssl;

namespace dfs::net {

namespace {

constexpr std::size_t name_bytes_max = 32;

error unusable(const std::string& path, const std::string& what,
               const std::string& mend) {
  ERR_clear_error(); // What OpenSSL queued belongs to this failure.
  return fail(ec::configuration, path + ": " + what + "; " + mend);
}

std::string reason_of(unsigned long code) {
  const auto* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "unknown reason";
}

result<nothing> check_readable(const std::string& path, bool secret) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), R_OK) != 0)
    return unusable(path, std::strerror(errno),
                    "check the path, or make a bundle with `dfsnode cluster "
                    "bundle`");
  if (!S_ISREG(info.st_mode))
    return unusable(path, "not a regular file", "name a PEM file");
  if (secret && (info.st_mode & 077) != 0)
    return unusable(path, "a private key that others may read or change",
                    "chmod 600 " + path);
  return done;
}

result<nothing> check_times(const std::string& path, const X509* certificate) {
  // Zero means that the field cannot be read; it counts as out of time.
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
    return unusable(path, "the certificate is not valid yet",
                    "set this machine's clock");
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
    return unusable(path, "the certificate has expired",
                    "make a new one with `dfsnode cluster bundle`");
  return done;
}

// Would a peer with the same CA accept us?
result<nothing> check_chain(const tls_files& files, SSL_CTX* context) {
  std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check{
    X509_STORE_CTX_new(), X509_STORE_CTX_free};
  STACK_OF(X509)* between = nullptr;
  SSL_CTX_get0_chain_certs(context, &between);
  auto* own = SSL_CTX_get0_certificate(context);
  if (!check
      || X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context), own,
                             between)
           != 1
      || X509_verify_cert(check.get()) != 1) {
    const auto why = check ? X509_STORE_CTX_get_error(check.get()) : 0;
    if (why == X509_V_ERR_CERT_HAS_EXPIRED)
      return unusable(files.ca, "the authority's certificate has expired",
                      "renew the authority");
    return unusable(files.certificate,
                    "not signed by the authority in " + files.ca + " ("
                      + X509_verify_cert_error_string(why) + ")",
                    "use files of one and the same bundle");
  }
  return done;
}

result<nothing> load(ssl::context& context, const tls_files& files) {
  boost::system::error_code failed;
  context.load_verify_file(files.ca, failed);
  if (failed)
    return unusable(files.ca, "no certificate in it (" + failed.message() + ")",
                    "it must hold the authority's certificate in PEM");
  context.use_certificate_chain_file(files.certificate, failed);
  if (failed)
    return unusable(files.certificate,
                    "no certificate in it (" + failed.message() + ")",
                    "it must hold this node's certificate in PEM");
  auto* native = context.native_handle();
  if (SSL_CTX_use_PrivateKey_file(native, files.key.c_str(), SSL_FILETYPE_PEM)
      != 1) {
    const auto code = ERR_peek_last_error();
    if (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH
        || ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH)
      return unusable(files.key,
                      "not the key of the certificate in " + files.certificate,
                      "use files of one and the same bundle");
    return unusable(files.key, "no private key in it (" + reason_of(code) + ")",
                    "it must hold a key in PEM, without a pass phrase");
  }
  if (SSL_CTX_check_private_key(native) != 1)
    return unusable(files.key,
                    "not the key of the certificate in " + files.certificate,
                    "use files of one and the same bundle");
  if (auto times
      = check_times(files.certificate, SSL_CTX_get0_certificate(native));
      !times)
    return times;
  return check_chain(files, native);
}

std::string field_of(const X509* certificate, int kind) {
  auto* subject = X509_get_subject_name(certificate);
  const auto at = X509_NAME_get_index_by_NID(subject, kind, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, kind, at) >= 0)
    return {};
  unsigned char* utf8 = nullptr;
  const auto size = ASN1_STRING_to_UTF8(
    &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0)
    return {};
  std::string text{reinterpret_cast<char*>(utf8),
                   static_cast<std::size_t>(size)};
  OPENSSL_free(utf8);
  return text.find('\0') == std::string::npos ? text : std::string{};
}

identity identity_in(const X509* certificate) {
  if (certificate == nullptr)
    return {};
  return {field_of(certificate, NID_commonName),
          field_of(certificate, NID_organizationName),
          field_of(certificate, NID_organizationalUnitName)};
}

error refused(std::string why) {
  return fail(ec::unauthenticated, std::move(why));
}

// What both planes ask. Values of a stranger are not repeated in full: they go
// to the log.
result<unit> check_cluster(const identity& peer, std::string_view cluster) {
  if (cluster.empty() || peer.cluster != cluster)
    return refused("a certificate of another cluster");
  if (!is_name(peer.name))
    return refused("a certificate without a proper name");
  auto parsed = parse_unit(peer.unit);
  if (!parsed)
    return refused("a certificate that says neither server nor client");
  return parsed;
}

} // namespace

result<tls_context> make_tls_context(const tls_files& files) {
  for (const auto* path : {&files.ca, &files.certificate, &files.key}) {
    if (auto readable = check_readable(*path, path == &files.key); !readable)
      return readable.error();
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  // 32 KiB less for each connection that is idle.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  // Wrong pass phrases fail instead of asking on the terminal.
  SSL_CTX_set_default_passwd_cb(native,
                                [](char*, int, int, void*) { return 0; });
  boost::system::error_code failed;
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert,
                           failed);
  if (failed)
    return fail(ec::configuration, "TLS: " + failed.message());
  if (auto loaded = load(*context, files); !loaded)
    return loaded.error();
  return context;
}

identity identity_of(SSL* connection) {
  std::unique_ptr<X509, decltype(&X509_free)> certificate{
    SSL_get1_peer_certificate(connection), X509_free};
  return identity_in(certificate.get());
}

identity own_identity(const tls_context& context) {
  return identity_in(SSL_CTX_get0_certificate(context->native_handle()));
}

tls_source::tls_source(tls_context context) : context_{std::move(context)} {
  // nop
}

tls_context tls_source::get() const {
  const std::lock_guard guard{mutex_};
  return context_;
}

void tls_source::replace(tls_context context) {
  const std::lock_guard guard{mutex_};
  context_.swap(context);
}

result<unit> parse_unit(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ec::invalid_argument, "no colon in the unit");
  const auto kind = text.substr(0, colon);
  auto left = text.substr(colon + 1);
  unit parsed;
  parsed.server = kind == "server";
  if (kind == "client") {
    const auto right = parse_rights(left);
    if (!right)
      return right.error();
    parsed.right = *right;
    return parsed;
  }
  if (!parsed.server)
    return fail(ec::invalid_argument, "neither server nor client");
  for (;;) {
    const auto comma = std::min(left.find(','), left.size());
    if (!is_name(left.substr(0, comma)))
      return fail(ec::invalid_argument, "no proper role in the unit");
    parsed.roles.emplace_back(left.substr(0, comma));
    if (comma == left.size())
      return parsed;
    left.remove_prefix(comma + 1);
  }
}

result<nothing> check_server(const identity& peer, std::string_view cluster,
                             std::string_view expected) {
  auto parsed = check_cluster(peer, cluster);
  if (!parsed)
    return parsed.error();
  if (!parsed->server)
    return refused("the certificate of client " + peer.name);
  if (!expected.empty() && peer.name != expected)
    return refused("the certificate of node " + peer.name + ", not of "
                   + std::string{expected});
  return done;
}

result<unit>
check_member_or_client(const identity& peer, std::string_view cluster) {
  return check_cluster(peer, cluster);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max
         && std::all_of(text.begin(), text.end(), [](char x) {
              return (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9')
                     || x == '-';
            });
}

} // namespace dfs::net
