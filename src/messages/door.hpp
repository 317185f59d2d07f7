#pragma once

#include "base/rights.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

// What clients ask the front door itself, and what the door must know of every
// request that it takes. See docs/protocols/front_door.md.

namespace dfs::msg {

/// Whether a lost answer matters: a request that only reads is asked again at
/// the next server, a change becomes `ec::outcome_unknown`.
enum class effect : std::uint8_t { reads, changes };

/// What the front door and its clients know of a request. Specialised for each
/// request in messages/methods.hpp:
///
///   template <>
///   struct method<list_members> {
///     using reply = member_list;
///     using event = member_changed; // of subscriptions only
///     static constexpr std::uint16_t number = 3; // append only
///     static constexpr auto needs = rights::reader;
///     static constexpr auto kind = effect::reads;
///     static constexpr std::string_view name = "list_members";
///   };
template <class Request>
struct method;

/// A request whose answers go on: first the reply, then events, until one side
/// ends it.
template <class Request>
concept subscribes = requires {
  typename method<Request>::event;
};

/// Who am I, and a token to prove it for a while. Needs no token: the
/// connection's certificate is the proof. Safe to repeat.
/// Errors: `ec::unauthenticated`.
struct login {
  std::string program; ///< Name and version of the client; for logs.

  bool operator==(const login&) const = default;
};

struct logged_in {
  std::string principal; ///< CN of the certificate.
  rights right = rights::none;
  std::string token;                 ///< As `wire::mint` makes it.
  std::chrono::milliseconds life{0}; ///< Log in again before that.
  std::string node;                  ///< Name of the server.
  bool data_tls = true; ///< Whether data ports of this cluster speak TLS.

  bool operator==(const logged_in&) const = default;
};

/// Gives back what it takes: for measurements and "is it there?".
struct echo {
  std::string text;

  bool operator==(const echo&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, login& x) {
  return f(caf::meta::type_name("login"), x.program);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, logged_in& x) {
  return f(caf::meta::type_name("logged_in"), x.principal, x.right, x.token,
           x.life, x.node, x.data_tls);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, echo& x) {
  return f(caf::meta::type_name("echo"), x.text);
}

} // namespace dfs::msg
