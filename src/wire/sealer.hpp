#pragma once

#include "wire/seal_crypto.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::wire {

/// Seals what this process says, in one boot (docs/protocols/seal.md, I1). One
/// per process: two sealers with the same boot would repeat nonces.
class sealer {
public:
  /// @param boot  Random, never used before.
  /// @param first The counter to begin with; for tests.
  sealer(const key_ring& ring, sender_id self, boot_id boot,
         std::uint64_t first = 1);

  /// Makes `datagram` what may be sent. @pre 1 to 1,358 bytes of `body`.
  /// @returns the datagram's counter; nothing when they are used up, which at
  ///          a million datagrams a second takes nine years.
  std::optional<std::uint64_t>
  seal(std::string_view body, std::string& datagram);

  /// From now on with the active key of `ring`; the counter goes on.
  void use(const key_ring& ring);

private:
  datagram_header next_;
  datagram_key key_{};
  datagram_cipher cipher_;
};

} // namespace dfs::wire
