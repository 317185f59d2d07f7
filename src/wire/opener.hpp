#pragma once

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "wire/replay_window.hpp"
#include "wire/seal_crypto.hpp"
#include "wire/source_limiter.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dfs::wire {

/// What became of a datagram. Only the first three have any effect.
enum class open_outcome : std::uint8_t {
  delivered,    ///< Authentic and new.
  unproven,     ///< Authentic, of an unknown boot: send the challenge.
  challenged,   ///< Authentic: somebody wants something said once more.
  malformed,    ///< No datagram of ours, by its header or size.
  reflected,    ///< One that bears our own name.
  unknown_key,  ///< Sealed with a generation that we do not have.
  forged,       ///< Sealed by no holder of the key, or changed since.
  replayed,     ///< Seen before, too old to tell, or an answer to another life.
  limited,      ///< Its source sends too much of what costs us.
  sessions_full ///< Proven new, and no room for its sender.
};

struct opener_config {
  std::size_t sessions_max = 4'096; ///< (sender, boot) pairs remembered.
  /// How long one cookie is made; it is good for one slot more.
  std::chrono::seconds cookie_slot{4};
};

/// Opens what others sealed: the receiver's half of docs/protocols/seal.md
/// (I2 to I7), for one process. Pure; one thread at a time.
class opener {
public:
  struct opened {
    open_outcome outcome = open_outcome::malformed;
    std::string_view body; ///< If delivered; valid until the next call.
    /// If unproven: to be sent. If challenged: what was received.
    challenge asked;
    /// Delivered in answer to a challenge, for the statistics.
    bool answered = false;
  };

  /// @param secret Random, 32 bytes, another one in each process: makes
  /// cookies.
  opener(const key_ring& ring, sender_id self, std::string_view secret,
         opener_config config = {});

  /// @param from Where it came from, for the rate limit only.
  /// @pre `now` never goes back.
  [[nodiscard]] opened
  open(std::string_view datagram, const endpoint& from, instant now);

  /// From now on with the keys of `ring` and no other; sessions stay.
  void use(const key_ring& ring);

  [[nodiscard]] std::size_t session_count() const {
    return sessions_.size();
  }

private:
  struct name {
    sender_id sender;
    boot_id boot;
    bool operator==(const name&) const = default;
  };

  struct name_hash {
    std::size_t operator()(const name& x) const noexcept {
      return static_cast<std::size_t>(x.sender.value() ^ x.boot.value());
    }
  };

  struct session {
    std::uint8_t generation = 0;
    datagram_key key{};
    replay_window window;
    std::uint64_t opened_at = 0; ///< The counter of the first answer.
    instant used;
  };

  opened open_known(session& known, const datagram_header& header,
                    std::string_view datagram, const endpoint& from,
                    instant now);
  opened open_stranger(const datagram_header& header, std::string_view datagram,
                       const endpoint& from, instant now);
  open_outcome derive_and_open(const datagram_header& header,
                               std::string_view datagram, const endpoint& from,
                               instant now, datagram_key& key);
  opened answer_of_stranger(const datagram_header& header,
                            const answer_prefix& prefix,
                            const datagram_key& key, instant now);
  opened interpret_known(session& known, const datagram_header& header);
  opened delivered_answer() const;
  [[nodiscard]] bool make_room(instant now);
  [[nodiscard]] std::int64_t slot_of(instant now) const;
  [[nodiscard]] cookie cookie_for(const name& whom, std::int64_t slot);

  opener_config config_;
  sender_id self_;
  key_deriver deriver_;
  datagram_cipher cipher_;
  hmac_sha256 cookies_;
  source_limiter limiter_;
  std::unordered_map<name, session, name_hash> sessions_;
  std::string body_; ///< Of the datagram opened last.
};

} // namespace dfs::wire
