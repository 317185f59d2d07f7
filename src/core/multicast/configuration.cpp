#include "core/multicast/configuration.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::core {

server_id owner_of(const msg::group_configuration& x, std::uint64_t k) {
  DFS_ASSERT(!x.members.empty());
  return x.members[k % x.members.size()].server;
}

std::optional<std::size_t>
index_of(const msg::group_configuration& x, server_id server) {
  for (std::size_t i = 0; i < x.members.size(); ++i)
    if (x.members[i].server == server)
      return i;
  return std::nullopt;
}

std::optional<std::size_t>
index_of(const msg::group_configuration& x, server_id server, life_id life) {
  const auto i = index_of(x, server);
  return i && x.members[*i].life == life ? i : std::nullopt;
}

bool acts_in(const msg::group_configuration& x, const msg::group_member& who) {
  return std::find(x.members.begin(), x.members.end(), who) != x.members.end();
}

bool votes_in(const msg::group_configuration& x, const msg::group_member& who) {
  const auto i = index_of(x, who.server);
  return i && x.members[*i].store == who.store;
}

namespace {

bool votes_before(const msg::group_member& x, const msg::group_member& y) {
  return std::pair{x.server, x.store} < std::pair{y.server, y.store};
}

} // namespace

bool is_same(const msg::group_configuration& x,
             const msg::group_configuration& y) {
  const auto votes_as = [](const auto& a, const auto& b) {
    return !votes_before(a, b) && !votes_before(b, a);
  };
  return x.id == y.id
         && (x.members.empty() || y.members.empty()
             || std::ranges::equal(x.members, y.members, votes_as));
}

bool is_later(const msg::group_configuration& x,
              const msg::group_configuration& y) {
  if (x.id != y.id || is_same(x, y))
    return x.id > y.id;
  if (x.first != y.first)
    return x.first > y.first;
  return std::ranges::lexicographical_compare(y.members, x.members,
                                              votes_before);
}

std::string to_text(const msg::configuration_id& x) {
  return fmt::format("{}.{}", x.epoch, x.leader.value());
}

std::string to_text(const msg::group_configuration& x) {
  auto text = to_text(x.id) + ":";
  for (const auto& m : x.members)
    text += fmt::format(" {}", m.server.value());
  return text;
}

group_rules rules_of(const multicast_config& config) {
  return {config.rule, config.min_quorum, config.servers};
}

std::string to_text(const group_rules& x) {
  const auto* rule = x.rule == primary_rule::highest_id ? "highest-id"
                     : x.rule == primary_rule::highest_id_literal
                       ? "highest-id-literal"
                       : "majority";
  auto text = fmt::format("{}, min_quorum {}, servers", rule, x.min_quorum);
  for (const auto server : x.servers)
    text += fmt::format(" {}", server.value());
  return text;
}

std::uint64_t fingerprint_of(const multicast_config& config) {
  std::uint64_t hash = 14'695'981'039'346'656'037u; // FNV-1a, 64 bits.
  const auto mix = [&hash](std::uint64_t x) {
    for (int i = 0; i < 8; ++i)
      hash = (hash ^ (x >> (8 * i) & 0xff)) * 1'099'511'628'211u;
  };
  for (const auto server : config.servers)
    mix(server.value());
  mix(static_cast<std::uint64_t>(config.rule));
  mix(config.min_quorum);
  mix(config.durable ? 1 : 0);
  return hash;
}

} // namespace dfs::core
