#pragma once

#include "base/socket_kind.hpp"
#include "wire/opener.hpp"
#include "wire/sealer.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::wire {

/// Both halves of the group plane's seal for one process, and the memory of
/// what was said last, so that it can be said again (docs/protocols/seal.md).
/// Pure: makes and judges datagrams, and says where to send them. One thread at
/// a time.
class group_seal {
public:
  /// What was said last; a challenge comes one round trip later. At 18 packets
  /// a second that is 14 s, and a burst of twelve full list pages fits, too.
  static constexpr std::size_t said_max = 256;

  /// For how long it is said again. A round trip is shorter; and a recording
  /// that makes a restarted receiver ask brings back nothing older than this,
  /// which any network could have delayed as long.
  static constexpr std::chrono::seconds said_for{2};

  struct identity {
    sender_id self;
    boot_id boot;            ///< Random, never used before.
    std::string_view secret; ///< Random, 32 bytes.
    std::uint64_t first = 1; ///< The counter to begin with; for tests.
  };

  struct received {
    open_outcome outcome = open_outcome::malformed;
    std::string_view body; ///< If delivered; valid until the next call.
    bool answered = false; ///< Delivered in answer to our challenge.
    /// To be sent, if not empty: a challenge or an answer, by the outcome.
    /// Valid until the next call.
    std::string_view reply;
    socket_kind via = socket_kind::ping;
    endpoint to;
  };

  group_seal(const key_ring& ring, const identity& who,
             opener_config config = {});

  /// The datagram that says `body` to `to`, valid until the next call.
  /// @pre 1 to `body_bytes_max` bytes; the first is no protocol of the seal.
  ///      `now` never goes back, here and in `open`.
  /// @returns nothing when the counters of this boot are used up.
  [[nodiscard]] std::optional<std::string_view>
  seal(socket_kind via, const endpoint& to, std::string_view body, instant now);

  [[nodiscard]] received open(socket_kind via, const endpoint& from,
                              std::string_view datagram, instant now);

  /// Takes up another ring: seals with its active key, opens with any of it.
  void use(const key_ring& ring);

  [[nodiscard]] std::size_t session_count() const {
    return opener_.session_count();
  }

private:
  struct said {
    std::uint64_t counter = 0; ///< 0: nothing, or said again already.
    socket_kind via = socket_kind::ping;
    endpoint to;
    instant when{};
    std::string body;
  };

  void answer(const challenge& asked, instant now, received& outcome);

  boot_id boot_;
  sealer sealer_;
  opener opener_;
  std::array<said, said_max> said_; ///< By counter % said_max.
  std::string datagram_;
  std::string scratch_;
};

} // namespace dfs::wire
