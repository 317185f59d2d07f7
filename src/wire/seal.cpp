#include "wire/seal.hpp"

#include "base/assert.hpp"

#include <utility>

namespace dfs::wire {

group_seal::group_seal(const key_ring& ring, const identity& who,
                       opener_config config)
  : boot_{who.boot},
    sealer_{ring, who.self, who.boot, who.first},
    opener_{ring, who.self, who.secret, config} {
  datagram_.reserve(datagram_bytes_max);
}

std::optional<std::string_view>
group_seal::seal(socket_kind via, const endpoint& to, std::string_view body,
                 instant now) {
  DFS_ASSERT(!body.empty() && body.size() <= body_bytes_max);
  const auto protocol = static_cast<std::uint8_t>(body.front());
  DFS_ASSERT(protocol != challenge_protocol && protocol != answer_protocol);
  const auto counter = sealer_.seal(body, datagram_);
  if (!counter)
    return std::nullopt;
  auto& kept = said_[*counter % said_max];
  kept.counter = *counter;
  kept.via = via;
  kept.to = to;
  kept.when = now;
  kept.body.assign(body);
  return datagram_;
}

group_seal::received group_seal::open(socket_kind via, const endpoint& from,
                                      std::string_view datagram, instant now) {
  const auto opened = opener_.open(datagram, from, now);
  received outcome{opened.outcome, opened.body, opened.answered, {}, via, from};
  if (opened.outcome == open_outcome::unproven) {
    if (sealer_.seal(encode_challenge(opened.asked), datagram_))
      outcome.reply = datagram_;
  } else if (opened.outcome == open_outcome::challenged) {
    answer(opened.asked, now, outcome);
  }
  return outcome;
}

// I5: once per original, and to its receiver, whoever asks.
void group_seal::answer(const challenge& asked, instant now,
                        received& outcome) {
  if (asked.boot != static_cast<std::uint32_t>(boot_.value()))
    return;
  // All that are kept fit in the two bytes that name the counter.
  static_assert(said_max < 0x1'0000 && 0x1'0000 % said_max == 0);
  auto& kept = said_[asked.counter % said_max];
  if (kept.counter == 0 || now - kept.when > said_for
      || static_cast<std::uint16_t>(kept.counter) != asked.counter)
    return;
  encode_answer({asked.proof, asked.counter}, kept.body, scratch_);
  kept.counter = 0;
  if (!sealer_.seal(scratch_, datagram_))
    return;
  outcome.reply = datagram_;
  outcome.via = kept.via;
  outcome.to = kept.to;
}

void group_seal::use(const key_ring& ring) {
  sealer_.use(ring);
  opener_.use(ring);
}

} // namespace dfs::wire
