#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// cluster.key and token.key: one key a line, `GENERATION HEX64`, '#' comments.
// The first key seals or signs; all of them open or verify. Servers read these
// files by `wire::key_ring`; here they are made and changed.
//
// Replacing a key while the cluster runs takes three roll-outs, because a node
// must be able to open what another one already seals with the new key:
//   add     the new key stands last: every node learns to open it
//   use     the new key stands first: nodes begin to seal with it
//   retire  the old keys go

namespace dfs::settings {

struct generation {
  std::uint8_t number = 0; ///< 1 to 255.
  std::string hex;         ///< 32 bytes, lower case.

  bool operator==(const generation&) const = default;
};

/// At least one, no number twice.
/// @returns `ec::malformed`; the context says the line.
[[nodiscard]] result<std::vector<generation>>
parse_key_file(std::string_view text);

[[nodiscard]] std::string to_text(const std::vector<generation>& keys);

/// A fresh file: generation 1.
[[nodiscard]] std::vector<generation> make_keys();

enum class rotation : std::uint8_t { add, use, retire };

/// The next content of the file.
/// @returns `ec::invalid_argument` if the step does not fit: `add` while an
/// added key is not in use, `use` or `retire` without a second key.
[[nodiscard]] result<std::vector<generation>>
rotate(std::vector<generation> keys, rotation step);

} // namespace dfs::settings
