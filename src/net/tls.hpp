#pragma once

#include "base/result.hpp"
#include "base/rights.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

// Who speaks, proved by certificates: TLS 1.3, mutual, one private CA for each
// cluster. Control and stream plane share this.
//
// Subject of a certificate: O = cluster id, CN = name of the node or user,
// OU = "server:ROLES" or "client:RIGHTS", exactly one of each. A certificate
// serves both sides of a connection: no extended key usage, or both of them.
// Host names are not looked at; whoever connects names the CN it expects.

namespace dfs::net {

/// Paths of PEM files.
struct tls_files {
  std::string ca;          ///< The cluster's authority, alone.
  std::string certificate; ///< Ours, signed by `ca`.
  std::string key;         ///< Ours; no access for group and others.
};

/// Subject of a certificate. A field that is absent, doubled or holds a NUL is
/// empty, and so never equal to anything that counts.
struct identity {
  std::string name;    ///< CN.
  std::string cluster; ///< O.
  std::string unit;    ///< OU; see `parse_unit`.

  bool operator==(const identity&) const = default;
};

using tls_context = std::shared_ptr<boost::asio::ssl::context>;

/// For both sides of a connection: TLS 1.3 only, the peer must have a
/// certificate of that CA, no tickets. Reads the files; may be repeated.
/// @returns `ec::configuration`, naming the file and how to mend it: missing,
///          unreadable, a key that others may read or that belongs to another
///          certificate, not signed by the CA, expired.
[[nodiscard]] result<tls_context> make_tls_context(const tls_files& files);

/// The peer's, after the handshake; all empty when it has no certificate.
[[nodiscard]] identity identity_of(SSL* connection);

/// Our own, as a context presents it.
[[nodiscard]] identity own_identity(const tls_context& context);

/// A context that can be replaced while in use: handshakes that start later use
/// the new one, connections that stand keep theirs. Any thread.
class tls_source {
public:
  explicit tls_source(tls_context context);

  [[nodiscard]] tls_context get() const;
  void replace(tls_context context);

private:
  mutable std::mutex mutex_;
  tls_context context_;
};

/// OU of a certificate, taken apart.
struct unit {
  bool server = false;            ///< Otherwise a client.
  std::vector<std::string> roles; ///< Of a server, at least one, as written.
  rights right = rights::none;    ///< Of a client.
};

/// Takes "server:introducer,master" and "client:writer".
/// @returns `ec::invalid_argument`.
[[nodiscard]] result<unit> parse_unit(std::string_view text);

/// May this peer come in at the gate? It must be a server of our cluster.
/// @param expected CN that must answer; empty admits every name.
/// @returns `ec::unauthenticated` with the reason, for the log.
[[nodiscard]] result<nothing> check_server(const identity& peer,
                                           std::string_view cluster,
                                           std::string_view expected = {});

/// May this peer come in at the stream plane? Servers and clients of our
/// cluster may. @returns its unit, or `ec::unauthenticated`.
[[nodiscard]] result<unit>
check_member_or_client(const identity& peer, std::string_view cluster);

/// Names are 1 to 32 of [a-z0-9-].
[[nodiscard]] bool is_name(std::string_view text);

} // namespace dfs::net
