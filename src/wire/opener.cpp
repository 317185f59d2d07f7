#include "wire/opener.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::wire {

namespace {

std::uint64_t limiter_key(hmac_sha256& mac) {
  const auto digest = mac("rate limit");
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < 8; ++i)
    x = (x << 8) | digest[i];
  return x;
}

std::uint8_t protocol_of(std::string_view body) {
  return static_cast<std::uint8_t>(body.front());
}

/// The counter of what an answer says again: less than 65,536 before its own.
std::uint64_t
original_of(const datagram_header& header, const answer_prefix& prefix) {
  const auto distance = static_cast<std::uint16_t>(
    static_cast<std::uint16_t>(header.counter) - prefix.counter);
  return header.counter - std::min<std::uint64_t>(header.counter, distance);
}

} // namespace

opener::opener(const key_ring& ring, sender_id self, std::string_view secret,
               opener_config config)
  : config_{config},
    self_{self},
    deriver_{ring},
    cookies_{secret},
    limiter_{limiter_key(cookies_)} {
  DFS_ASSERT(secret.size() >= 32);
  DFS_ASSERT(config_.cookie_slot > std::chrono::seconds{0});
  body_.reserve(datagram_bytes_max);
}

opener::opened
opener::open(std::string_view datagram, const endpoint& from, instant now) {
  const auto header = decode_header(datagram);
  if (!header)
    return {open_outcome::malformed, {}, {}};
  if (header->sender == self_)
    return {open_outcome::reflected, {}, {}};
  const auto it = sessions_.find({header->sender, header->boot});
  if (it == sessions_.end())
    return open_stranger(*header, datagram, from, now);
  return open_known(it->second, *header, datagram, from, now);
}

void opener::use(const key_ring& ring) {
  deriver_ = key_deriver{ring};
  // No datagram has generation 0: the next one of each sender is opened with a
  // key of this ring, or not at all.
  for (auto& [whom, known] : sessions_)
    known.generation = 0;
}

opener::opened opener::open_known(session& known, const datagram_header& header,
                                  std::string_view datagram,
                                  const endpoint& from, instant now) {
  if (!known.window.is_fresh(header.counter))
    return {open_outcome::replayed, {}, {}};
  if (header.generation == known.generation) {
    if (!cipher_.open(known.key, header, datagram, body_))
      return {open_outcome::forged, {}, {}};
  } else {
    datagram_key key;
    const auto outcome = derive_and_open(header, datagram, from, now, key);
    if (outcome != open_outcome::delivered)
      return {outcome, {}, {}};
    known.generation = header.generation;
    known.key = key;
  }
  known.window.mark(header.counter); // I3
  known.used = now;
  return interpret_known(known, header);
}

opener::opened
opener::interpret_known(session& known, const datagram_header& header) {
  if (protocol_of(body_) == challenge_protocol) {
    const auto asked = decode_challenge(body_);
    return asked ? opened{open_outcome::challenged, {}, *asked} : opened{};
  }
  if (protocol_of(body_) != answer_protocol)
    return {open_outcome::delivered, body_, {}};
  const auto prefix = decode_answer(body_);
  if (!prefix)
    return {};
  // The answer's counter proves that it is new, but not that the original was
  // not heard since: it may have been late, or replayed, past the first answer.
  const auto original = original_of(header, *prefix);
  if (original > known.opened_at) {
    if (!known.window.is_fresh(original))
      return {open_outcome::replayed, {}, {}};
    known.window.mark(original);
  }
  return delivered_answer();
}

opener::opened opener::open_stranger(const datagram_header& header,
                                     std::string_view datagram,
                                     const endpoint& from, instant now) {
  datagram_key key;
  const auto outcome = derive_and_open(header, datagram, from, now, key);
  if (outcome != open_outcome::delivered)
    return {outcome, {}, {}};
  if (protocol_of(body_) == challenge_protocol) {
    const auto asked = decode_challenge(body_);
    return asked ? opened{open_outcome::challenged, {}, *asked} : opened{};
  }
  if (protocol_of(body_) == answer_protocol) {
    const auto prefix = decode_answer(body_);
    return prefix ? answer_of_stranger(header, *prefix, key, now) : opened{};
  }
  if (body_.size() < challenge_body_bytes)
    return {open_outcome::malformed, {}, {}}; // I5: ours would be larger.
  return {open_outcome::unproven,
          {},
          {static_cast<std::uint32_t>(header.boot.value()),
           static_cast<std::uint16_t>(header.counter),
           cookie_for({header.sender, header.boot}, slot_of(now))}};
}

/// `delivered`: `body_` and `key` are good.
open_outcome opener::derive_and_open(const datagram_header& header,
                                     std::string_view datagram,
                                     const endpoint& from, instant now,
                                     datagram_key& key) {
  if (!limiter_.admit(from, now))
    return open_outcome::limited;
  if (!deriver_.derive(header.generation, header.sender, header.boot, key))
    return open_outcome::unknown_key;
  return cipher_.open(key, header, datagram, body_) ? open_outcome::delivered
                                                    : open_outcome::forged;
}

opener::opened opener::answer_of_stranger(const datagram_header& header,
                                          const answer_prefix& prefix,
                                          const datagram_key& key,
                                          instant now) {
  const name whom{header.sender, header.boot};
  const auto slot = slot_of(now);
  // No need for constant time: who can seal an answer need not guess.
  if (prefix.proof != cookie_for(whom, slot)
      && prefix.proof != cookie_for(whom, slot - 1))
    return {open_outcome::replayed, {}, {}};
  if (!make_room(now))
    return {open_outcome::sessions_full, {}, {}};
  // Counters below this one were heard without a session, if at all: nobody
  // knows which of their bodies were delivered by answers (I3).
  sessions_.emplace(whom, session{header.generation, key,
                                  replay_window{header.counter}, header.counter,
                                  now});
  return delivered_answer();
}

opener::opened opener::delivered_answer() const {
  return {open_outcome::delivered,
          std::string_view{body_}.substr(answer_prefix_bytes),
          {},
          true};
}

/// I4.
bool opener::make_room(instant now) {
  if (sessions_.size() < config_.sessions_max)
    return true;
  const auto oldest = std::min_element(
    sessions_.begin(), sessions_.end(),
    [](const auto& x, const auto& y) { return x.second.used < y.second.used; });
  if (oldest == sessions_.end()
      || now - oldest->second.used < 2 * config_.cookie_slot)
    return false;
  sessions_.erase(oldest);
  return true;
}

std::int64_t opener::slot_of(instant now) const {
  return now.time_since_epoch() / config_.cookie_slot;
}

cookie opener::cookie_for(const name& whom, std::int64_t slot) {
  std::array<char, 24> input{};
  auto* to = input.data();
  for (auto x : {whom.sender.value(), whom.boot.value(),
                 static_cast<std::uint64_t>(slot)})
    for (int shift = 0; shift < 64; shift += 8)
      *to++ = static_cast<char>(x >> shift);
  const auto digest = cookies_({input.data(), input.size()});
  cookie proof{};
  std::copy_n(digest.begin(), proof.size(), proof.begin());
  return proof;
}

} // namespace dfs::wire
