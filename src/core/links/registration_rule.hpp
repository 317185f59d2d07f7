#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "messages/member.hpp"

#include <optional>
#include <string>

// Whose word about a store counts. Pure.

namespace dfs::core {

/// What a server says of itself when it registers a store at the master.
struct registration {
  store_id store;
  msg::member_id member;
  std::string name;
  endpoint data; ///< Advertised port of the bytes.
  msg::role role = msg::role::chunkserver;
};

/// What the master knows of the node behind a registration without its words.
struct registrant {
  std::string name;        ///< In the certificate of its connection.
  msg::role_set roles = 0; ///< Likewise.
  /// As the member list has it; none: the list lacks it.
  std::optional<msg::member_record> member;
  /// Name under which the store is registered; empty: it is not.
  std::string holder;
};

/// Name, role, store and address belong together:
///
///  R1  The name is that of the certificate.
///  R2  The certificate has the role.
///  R3  The data address is on the member's own host.
///  R4  The member list has that member with that name, role and store. Who is
///      not in it has registered the store under that name before: gossip is a
///      hint (docs/protocols/gate.md, C10).
///
/// @returns `ec::denied`, `ec::not_member`.
[[nodiscard]] result<nothing>
check_registration(const registrant& who, const registration& says);

} // namespace dfs::core
