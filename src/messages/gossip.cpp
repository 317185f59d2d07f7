#include "messages/gossip.hpp"

#include "base/error.hpp"

#include <array>

namespace dfs::msg {

namespace {

constexpr role_set all_roles = 15;

// Terms of a cluster's metadata are smaller (`metadata_store::next_term`).
constexpr master_term terms_end{std::uint64_t{1} << 24};

// Bytes that are not strings: id 17 + 2 + 7, roles 1, store 10, ports 8, term 1
// or, of a master, 4, and a length byte per string.
constexpr std::size_t id_bytes_max = 26;
constexpr std::size_t record_fixed_bytes_max
  = id_bytes_max + 1 + 10 + 8 + 1 + 3;

bool plausible(const member_id& x) {
  return !x.ip.is_unspecified() && x.group_port != 0 && x.start_ms != 0
         && x.start_ms <= start_ms_max;
}

bool plausible(const news_item& x) {
  switch (x.change) {
    case member_change::joined:
      return x.reason == news_reason::admitted && bool{validate(x.member)}
             && plausible(x.by);
    case member_change::left:
      return x.reason == news_reason::goodbye && plausible(x.member.id)
             && plausible(x.by);
    case member_change::failed:
      return x.reason >= news_reason::silent_for_one
             && x.reason <= news_reason::retired && plausible(x.member.id)
             && plausible(x.by);
  }
  return false;
}

bool plausible(const std::vector<news_item>& xs) {
  for (const auto& x : xs)
    if (!plausible(x))
      return false;
  return true;
}

// One per kind: whether the fields besides the sender are plausible.
struct body_check {
  const member_id& from;

  bool operator()(const std::monostate&) const {
    return false;
  }
  bool operator()(const gossip_ping& x) const {
    return plausible(x.news);
  }
  bool operator()(const gossip_ack& x) const {
    return plausible(x.news);
  }
  bool operator()(const gossip_ping_request& x) const {
    return plausible(x.target) && x.target != from;
  }
  bool operator()(const gossip_relayed_ack& x) const {
    return plausible(x.target) && x.target != from;
  }
  bool operator()(const gossip_suspicion& x) const {
    return plausible(x.about) && x.about != from
           && x.age_ms <= suspicion_age_ms_max;
  }
  bool operator()(const gossip_alive& x) const {
    return plausible(x.about);
  }
  bool operator()(const gossip_watch_request&) const {
    return true;
  }
  bool operator()(const gossip_introduction& x) const {
    return x.kind >= introduction_kind::join
           && x.kind <= introduction_kind::welcome && bool{validate(x.record)}
           && x.record.id == from && x.oldest_ms <= start_ms_max
           && x.over_ms <= start_ms_max;
  }
  bool operator()(const gossip_refusal& x) const {
    return plausible(x.whom) && x.code != 0
           && x.text.size() <= refusal_text_bytes_max;
  }
  bool operator()(const gossip_news& x) const {
    return !x.items.empty() && plausible(x.items);
  }
  bool operator()(const gossip_news_ack& x) const {
    return x.number != 0;
  }
  bool operator()(const gossip_digests&) const {
    return true;
  }
  bool operator()(const gossip_page& x) const {
    if (x.first > x.last)
      return false;
    for (const auto& record : x.records) {
      if (!validate(record))
        return false;
      const auto hash = stable_hash(record.id);
      if (hash < x.first || hash > x.last)
        return false;
    }
    return true;
  }
};

// The mixing step of SplitMix64: every bit of the input moves every bit.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

} // namespace

std::uint8_t kind_of(const gossip_packet& x) {
  return static_cast<std::uint8_t>(x.body.index());
}

std::string_view gossip_kind_name(std::uint8_t kind) {
  static constexpr std::array<std::string_view, gossip_kind_count> names{
    "unknown",   "ping",     "ack",           "ping-request", "relayed-ack",
    "suspicion", "alive",    "watch-request", "introduction", "refusal",
    "news",      "news-ack", "digests",       "page"};
  return names[kind < names.size() ? kind : 0];
}

socket_kind socket_of(const gossip_packet& x) {
  const auto& body = x.body;
  return std::holds_alternative<gossip_ping>(body)
             || std::holds_alternative<gossip_ack>(body)
             || std::holds_alternative<gossip_ping_request>(body)
             || std::holds_alternative<gossip_relayed_ack>(body)
           ? socket_kind::ping
           : socket_kind::group;
}

result<nothing> validate(const gossip_packet& x) {
  if (!plausible(x.from))
    return fail(ec::malformed, "the sender's id cannot be");
  if (!std::visit(body_check{x.from}, x.body))
    return fail(ec::malformed, "a field is out of its range");
  return done;
}

result<nothing> validate(const member_record& x) {
  if (!plausible(x.id))
    return fail(ec::malformed, "the member's id cannot be");
  if (x.name.empty() || x.name.size() > record_name_bytes_max
      || x.zone.size() > record_zone_bytes_max
      || x.version.size() > record_version_bytes_max)
    return fail(ec::malformed, "a string of the record is out of its range");
  if (x.roles == 0 || (x.roles & ~all_roles) != 0)
    return fail(ec::malformed, "the roles are none");
  if (x.ping_port == 0 || x.ping_port == x.id.group_port)
    return fail(ec::malformed, "the ping port cannot be");
  if (x.term >= terms_end
      || (x.term != master_term{} && !has(x.roles, role::master)))
    return fail(ec::malformed, "the term cannot be");
  return done;
}

std::size_t encoded_bytes_max(const member_record& x) {
  return record_fixed_bytes_max + (x.term == master_term{} ? 0 : 3)
         + x.name.size() + x.zone.size() + x.version.size();
}

std::size_t encoded_bytes_max(const news_item& x) {
  const auto member = x.change == member_change::joined
                        ? encoded_bytes_max(x.member)
                        : id_bytes_max;
  return 2 + member + id_bytes_max;
}

std::uint64_t stable_hash(const member_id& x) {
  std::uint64_t hash = 0;
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i)
      word |= std::uint64_t{x.ip.bytes[8 * half + i]} << (8 * i);
    hash = mix(hash ^ word);
  }
  return mix(mix(hash ^ x.group_port) ^ x.start_ms);
}

std::uint32_t id_tag(const member_id& x) {
  const auto tag = static_cast<std::uint32_t>(stable_hash(x));
  return tag == 0 ? 1 : tag;
}

namespace detail {

std::uint8_t flags_of(const gossip_body& x) {
  std::uint8_t flags = 0;
  const auto note = [&](bool suspicion, bool news) {
    flags = static_cast<std::uint8_t>((suspicion ? has_suspicion : 0)
                                      | (news ? has_news : 0));
  };
  if (const auto* ping = std::get_if<gossip_ping>(&x))
    note(ping->suspected.has_value(), !ping->news.empty());
  else if (const auto* ack = std::get_if<gossip_ack>(&x))
    note(false, !ack->news.empty());
  else if (const auto* request = std::get_if<gossip_ping_request>(&x))
    note(request->suspected.has_value(), false);
  return flags;
}

} // namespace detail

} // namespace dfs::msg
