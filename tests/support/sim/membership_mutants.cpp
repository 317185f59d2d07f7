#include "support/sim/membership_mutants.hpp"

#include "wire/codec.hpp"

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

// The node that hears nothing, and the one whose news are forged.
constexpr node_index deaf_node = 1;

bool carries_news(const msg::gossip_packet& x) {
  return std::holds_alternative<msg::gossip_news>(x.body)
         || std::holds_alternative<msg::gossip_page>(x.body)
         || std::holds_alternative<msg::gossip_digests>(x.body);
}

template <class Change>
void rewrite(datagram& packet, Change change) {
  auto x = wire::decode<msg::gossip_packet>(packet.body);
  if (!x)
    return;
  change(*x);
  packet.body = wire::encode(*x);
}

// Without news, and without the digest that would tell it of their lack.
bool deafen(datagram& packet) {
  if (node_at(packet.to.ip) != deaf_node)
    return true;
  auto x = wire::decode<msg::gossip_packet>(packet.body);
  if (!x)
    return true;
  if (carries_news(*x)) {
    const auto* news = std::get_if<msg::gossip_news>(&x->body);
    return news != nullptr && !news->items.empty()
           && news->items.front().change == msg::member_change::joined;
  }
  rewrite(packet, [](msg::gossip_packet& p) {
    if (auto* ping = std::get_if<msg::gossip_ping>(&p.body))
      ping->news.clear();
    if (auto* ack = std::get_if<msg::gossip_ack>(&p.body))
      ack->news.clear();
  });
  return true;
}

bool haunt(datagram& packet) {
  rewrite(packet, [](msg::gossip_packet& p) {
    if (auto* page = std::get_if<msg::gossip_page>(&p.body))
      if (!page->records.empty())
        page->records.front().id.start_ms += 1;
    if (auto* news = std::get_if<msg::gossip_news>(&p.body))
      for (auto& item : news->items)
        if (item.change == msg::member_change::joined)
          item.member.id.start_ms += 1;
  });
  return true;
}

bool spare(datagram& packet) {
  rewrite(packet, [](msg::gossip_packet& p) {
    auto* x = std::get_if<msg::gossip_introduction>(&p.body);
    if (x != nullptr && x->kind == msg::introduction_kind::welcome)
      x->over_ms = 0;
  });
  return true;
}

bool belittle(datagram& packet) {
  rewrite(packet, [](msg::gossip_packet& p) {
    if (auto* x = std::get_if<msg::gossip_introduction>(&p.body))
      x->members = x->members > 2 ? 1 : 9;
  });
  return true;
}

bool vouch(datagram& packet) {
  rewrite(packet, [](msg::gossip_packet& p) {
    if (auto* news = std::get_if<msg::gossip_news>(&p.body))
      p.body = msg::gossip_ack{0, 0, 0, news->items};
    else if (auto* x = std::get_if<msg::gossip_introduction>(&p.body))
      if (x->kind == msg::introduction_kind::hello)
        x->kind = msg::introduction_kind::welcome;
  });
  return true;
}

bool strip_terms(datagram& packet) {
  rewrite(packet, [](msg::gossip_packet& p) {
    if (auto* x = std::get_if<msg::gossip_introduction>(&p.body))
      x->record.term = {};
    if (auto* page = std::get_if<msg::gossip_page>(&p.body))
      for (auto& record : page->records)
        record.term = {};
    if (auto* news = std::get_if<msg::gossip_news>(&p.body))
      for (auto& item : news->items)
        item.member.term = {};
  });
  return true;
}

} // namespace

bool has_mutant(const membership_options& options, std::string_view name) {
  return options.world.mutants.contains(name);
}

void plant_in_config(membership_options& options) {
  auto& config = options.config;
  if (has_mutant(options, "hasty")) {
    // One lost ping is enough.
    config.escalate_after = 1s;
    config.suspect_after = 10ms;
    config.verdict_alone = config.verdict_agreed = 0ms;
    config.verdict_second = 0ms;
  }
  if (has_mutant(options, "sluggish")) {
    config.verdict_alone = config.verdict_agreed = 9s;
    config.verdict_second = 9s;
  }
  if (has_mutant(options, "amnesty"))
    config.stall_max = 0ms;
  if (has_mutant(options, "chatty"))
    config.probe_period = 100ms;
}

void plant_in_packets(world& w) {
  if (w.mutant("deaf"))
    w.net().add_filter(deafen);
  if (w.mutant("meek"))
    w.net().add_filter(spare);
  if (w.mutant("modest"))
    w.net().add_filter(belittle);
  if (w.mutant("credulous"))
    w.net().add_filter(vouch);
  if (w.mutant("ageless"))
    w.net().add_filter(strip_terms);
  if (w.mutant("ghost"))
    w.net().add_filter(haunt);
}

} // namespace dfs::sim
