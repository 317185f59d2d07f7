#pragma once

#include "base/result.hpp"
#include "base/rights.hpp"
#include "wire/key_ring.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Tokens: what a server that trusts the token key needs to know of a principal,
// signed. The bytes are drawn in docs/formats/frame.md.

namespace dfs::wire {

/// Unix time, as tokens carry it. Read by shells, an argument everywhere else.
using unix_ms = std::chrono::milliseconds;

/// What a token allows, as a sum of bits. The bits travel: append only.
enum class operation : std::uint32_t {
  read = 1,
  write = 2,
  administer = 4,
};

using operation_set = std::uint32_t;

/// All that a principal with these rights may do.
[[nodiscard]] operation_set operations_of(rights x);

struct token {
  std::string principal; ///< CN of the certificate it was minted for.
  rights right = rights::none;
  operation_set operations = 0;
  std::string scope;       ///< Empty: everything.
  std::uint64_t epoch = 0; ///< Fence of the scope; 0 in a login token.
  unix_ms expiry{0};

  [[nodiscard]] bool allows(operation which) const {
    return (operations & static_cast<operation_set>(which)) != 0;
  }

  bool operator==(const token&) const = default;
};

/// Clocks of servers may differ by this much.
inline constexpr std::chrono::seconds token_skew{5};

/// Signs with the ring's active key.
/// @pre Principal and scope leave the token at most `token_size_max` bytes.
[[nodiscard]] std::string mint(const token& x, const key_ring& keys);

/// The token in `bytes`, if its signature is right, it was minted for
/// `principal`, and it is not over at `now` (`token_skew` tolerated).
/// @returns `ec::unauthenticated` (forged, another principal's, a key that is
///          not in the ring) or `ec::token_expired`.
[[nodiscard]] result<token> verify(std::string_view bytes,
                                   std::string_view principal,
                                   const key_ring& keys, unix_ms now);

/// A proof that somebody with the ring's active key said `words`: 17 bytes.
[[nodiscard]] std::string sign_words(std::string_view words,
                                     const key_ring& keys);

/// @returns `ec::unauthenticated` (forged, or a key that is not in the ring).
[[nodiscard]] result<nothing> check_words(std::string_view words,
                                          std::string_view proof,
                                          const key_ring& keys);

} // namespace dfs::wire
