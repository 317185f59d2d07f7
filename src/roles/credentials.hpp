#pragma once

#include "base/result.hpp"
#include "messages/member.hpp"
#include "net/tls.hpp"
#include "settings/bundle.hpp"
#include "wire/key_ring.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace dfs::roles {

/// What a node proves itself with: certificate, cluster key and token key, out
/// of its bundle. `reload` takes up files that were replaced meanwhile, so that
/// certificates and keys rotate without downtime (SPEC O4): what is new is used
/// from the next handshake, datagram and login on.
class credentials {
public:
  /// @param name Of the node; empty for whatever the certificate says.
  /// @returns `ec::configuration`: one line with the file and how to mend.
  [[nodiscard]] static result<std::unique_ptr<credentials>>
  load(const std::string& bundle, const std::string& name, msg::role_set roles);

  /// All of it or, with an error, nothing. Thread-safe, as is everything here.
  [[nodiscard]] result<nothing> reload();

  [[nodiscard]] const std::string& name() const {
    return name_;
  }

  [[nodiscard]] const std::string& cluster() const {
    return cluster_;
  }

  /// Shared with the gate and the frame server.
  [[nodiscard]] const std::shared_ptr<net::tls_source>& tls() const {
    return tls_;
  }

  [[nodiscard]] std::shared_ptr<const wire::key_ring> cluster_key() const;
  [[nodiscard]] std::shared_ptr<const wire::key_ring> token_key() const;

private:
  credentials(std::string bundle, msg::role_set roles);

  std::string bundle_;
  msg::role_set roles_;
  std::string name_;
  std::string cluster_;
  std::shared_ptr<net::tls_source> tls_;
  mutable std::mutex guard_; ///< For the two rings.
  std::shared_ptr<const wire::key_ring> cluster_key_;
  std::shared_ptr<const wire::key_ring> token_key_;
};

} // namespace dfs::roles
