#pragma once

#include "base/result.hpp"
#include "base/rights.hpp"
#include "messages/member.hpp"
#include "net/tls.hpp"
#include "settings/key_file.hpp"
#include "settings/pki.hpp"

#include <chrono>
#include <string>

// Directories of credentials (SPEC O4). Three kinds, all 0700 with files 0600:
//
//   cluster  ca.crt ca.key cluster.key token.key             the operator's
//   node     ca.crt node.crt node.key cluster.key token.key  a server's
//   user     ca.crt user.crt user.key                        no cluster's key
//
// A directory appears whole or not at all: it is written beside its place and
// renamed. One that holds anything is never written to.

namespace dfs::settings {

inline constexpr auto authority_life = std::chrono::days{3653}; ///< 10 years.
inline constexpr auto leaf_life = std::chrono::days{365};

/// @param name For people, in the authority's certificate: [a-z0-9-]{1,32}.
/// @returns the new cluster id, 16 hex digits; or `ec::exists` (something is
///          in `directory`), `ec::invalid_argument`, `ec::denied`,
///          `ec::not_found` (no parent directory), `ec::io_error`.
[[nodiscard]] result<std::string> init_cluster(const std::string& directory,
                                               const std::string& name,
                                               unix_seconds now);

struct credential_request {
  std::string cluster;                ///< Directory made by `init_cluster`.
  std::string name;                   ///< Of the node or user.
  std::string out;                    ///< The new directory.
  std::chrono::days lasts{leaf_life}; ///< 1 to the authority's own end.
};

/// What a server with these roles needs.
/// @returns as `init_cluster`; `ec::configuration` if the cluster's directory
///          is not what it should be.
[[nodiscard]] result<nothing> make_node_bundle(const credential_request& x,
                                               msg::role_set roles,
                                               unix_seconds now);

/// What a client with these rights needs. Errors as above.
[[nodiscard]] result<nothing>
make_user_bundle(const credential_request& x, rights right, unix_seconds now);

enum class key_kind : std::uint8_t { cluster, token };

/// One step of replacing a key, on the operator's directory; the key file is
/// to be copied to each node's bundle afterwards.
/// @returns the keys now in the file.
[[nodiscard]] result<std::vector<generation>>
rotate_key(const std::string& cluster, key_kind which, rotation step);

/// A bundle that was looked at.
struct bundle_info {
  std::string name;
  std::string cluster;
  msg::role_set roles = 0;     ///< Of a node.
  rights right = rights::none; ///< Of a user.
  unix_seconds ends;
  net::tls_files files;
  std::string cluster_key; ///< Paths; of a node only.
  std::string token_key;
};

struct node_expectation {
  std::string name; ///< Empty: whatever the certificate says.
  msg::role_set roles = 0;
};

/// Whether a server with this name and these roles can start with it: all files
/// there, for nobody else's eyes, made for one another, not expired.
/// @returns `ec::configuration`, naming the file and how to mend.
[[nodiscard]] result<bundle_info>
read_node_bundle(const std::string& directory, const node_expectation& expected,
                 unix_seconds now);

/// The same for a user's.
[[nodiscard]] result<bundle_info>
read_user_bundle(const std::string& directory, unix_seconds now);

} // namespace dfs::settings
