#include "core/failure/machine_parts.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

/// Of those who learn of a failure, how many tell the failed one: if it lives
/// beyond a split that has just healed, it must find out; if it is dead, a
/// thousand datagrams to it are a waste.
constexpr std::size_t tellers = 4;

bool is_goodbye(const msg::member_id& from, const msg::gossip_news& told) {
  return std::all_of(told.items.begin(), told.items.end(), [&](const auto& x) {
    return x.change == msg::member_change::left && x.member.id == from;
  });
}

} // namespace

void failure_machine::parts::on_packet(const msg::gossip_packet& packet,
                                       const endpoint& from) {
  // An older life of this node, or an echo.
  if (packet.from.address() == group.self.id.address())
    return;
  switch (is) {
    case phase::fresh:
    case phase::silent:
      return;
    case phase::joining:
      on_packet_joining(packet);
      return;
    case phase::leaving:
      on_packet_leaving(packet, from);
      return;
    case phase::member:
      on_packet_member(packet, from);
      return;
  }
}

void failure_machine::parts::on_packet_joining(
  const msg::gossip_packet& packet) {
  if (const auto* x = std::get_if<msg::gossip_introduction>(&packet.body)) {
    if (x->over_ms >= group.self.id.start_ms)
      begin_again({x->over_ms, "known to be over"}, packet.from);
    else if (x->kind == msg::introduction_kind::hello)
      strangers.ask(group, packet.from.address());
    else if (x->kind == msg::introduction_kind::welcome)
      on_welcome(*x);
  } else if (const auto* no = std::get_if<msg::gossip_refusal>(&packet.body)) {
    on_refusal(packet.from, *no);
  } else if (const auto* told = std::get_if<msg::gossip_news>(&packet.body)) {
    for (const auto& item : told->items)
      if (is_own_end(item))
        begin_again({item.member.id.start_ms, cause_of(item)}, packet.from);
  } else if (std::holds_alternative<msg::gossip_ping>(packet.body)) {
    // A member that takes this node for its older life.
    strangers.ask(group, packet.from.address());
  }
}

void failure_machine::parts::on_welcome(const msg::gossip_introduction& x) {
  become_member();
  sync.begin_catch_up(now);
  take_in(x.record,
          {msg::member_change::joined, msg::news_reason::admitted, x.record,
           x.record.id},
          false);
  sync.observe(group, x.record.id, x.digest, now);
  if (!sync.caught_up())
    sync.start(group, x.record.id, now);
}

void failure_machine::parts::on_packet_leaving(const msg::gossip_packet& packet,
                                               const endpoint& from) {
  if (const auto* ack = std::get_if<msg::gossip_news_ack>(&packet.body)) {
    news.on_ack(packet.from, ack->number);
    finish_leave();
  } else if (const auto* ping = std::get_if<msg::gossip_ping>(&packet.body)) {
    if (ping->target == msg::id_tag(group.self.id))
      probes.on_ping(group, packet.from, from, *ping, now);
  }
}

void failure_machine::parts::on_packet_member(const msg::gossip_packet& packet,
                                              const endpoint& from) {
  if (const auto* x = std::get_if<msg::gossip_introduction>(&packet.body)) {
    on_introduction(*x);
    return;
  }
  const bool known = group.table.find(packet.from) != nullptr;
  if (const auto* told = std::get_if<msg::gossip_news>(&packet.body);
      told != nullptr && (known || is_goodbye(packet.from, *told))) {
    on_news(packet.from, told->items);
    if (told->number != 0 && is == phase::member)
      group.send_to(packet.from.address(), msg::gossip_news_ack{told->number});
    return;
  }
  if (group.table.is_retired(packet.from)) {
    tell_retired(packet.from);
    return;
  }
  if (!known)
    group.introduce(packet.from.address(), msg::introduction_kind::hello);
  if (const auto* ping = std::get_if<msg::gossip_ping>(&packet.body))
    on_ping(packet.from, from, *ping, known);
  else if (known)
    on_packet_known(packet);
}

void failure_machine::parts::on_packet_known(const msg::gossip_packet& packet) {
  const auto& from = packet.from;
  if (const auto* ack = std::get_if<msg::gossip_ack>(&packet.body)) {
    hear_answer(from);
    probes.on_ack(group, from, *ack, now);
    on_news(from, ack->news, true);
    if (is == phase::member)
      sync.observe(group, from, ack->digest, now);
  } else if (const auto* request
             = std::get_if<msg::gossip_ping_request>(&packet.body)) {
    probes.on_ping_request(group, from, *request, now);
  } else if (const auto* relayed
             = std::get_if<msg::gossip_relayed_ack>(&packet.body)) {
    hear_answer(relayed->target);
    probes.on_relayed_ack(group, *relayed, now);
  } else if (const auto* said
             = std::get_if<msg::gossip_suspicion>(&packet.body)) {
    if (group.table.is_retired(said->about))
      group.send(from, msg::gossip_news{0, {group.retirement_of(said->about)}});
    else
      probes.on_suspicion(group, from, *said, now);
  } else if (const auto* alive = std::get_if<msg::gossip_alive>(&packet.body)) {
    probes.on_alive(group, *alive, now);
  } else if (std::holds_alternative<msg::gossip_watch_request>(packet.body)) {
    probes.watch(from, group, now);
  } else if (const auto* confirmed
             = std::get_if<msg::gossip_news_ack>(&packet.body)) {
    news.on_ack(from, confirmed->number);
    hear_answer(from);
  } else if (const auto* digests
             = std::get_if<msg::gossip_digests>(&packet.body)) {
    sync.on_digests(group, from, *digests, now);
  } else if (const auto* page = std::get_if<msg::gossip_page>(&packet.body)) {
    hear_answer(from);
    on_page(from, *page);
  } else if (const auto* no = std::get_if<msg::gossip_refusal>(&packet.body)) {
    on_refusal(from, *no);
  }
}

void failure_machine::parts::on_ping(const msg::member_id& from,
                                     const endpoint& source,
                                     const msg::gossip_ping& ping, bool known) {
  if (ping.target == msg::id_tag(group.self.id))
    probes.on_ping(group, from, source, ping, now);
  else // Meant for an older life: show the present one.
    group.introduce(from.address(), msg::introduction_kind::hello);
  if (!known)
    return;
  on_news(from, ping.news);
  if (is == phase::member && group.table.find(from) != nullptr)
    sync.observe(group, from, ping.digest, now);
}

void failure_machine::parts::on_introduction(
  const msg::gossip_introduction& x) {
  if (x.kind == msg::introduction_kind::join) {
    on_join(x);
    return;
  }
  const auto& id = x.record.id;
  const bool over_here = group.table.is_retired(id);
  const bool over_there = x.over_ms >= group.self.id.start_ms;
  const bool answers = x.kind == msg::introduction_kind::welcome;
  if (over_there
      && (group.is_weaker_than(x) || (!over_here && group.believes(id)))) {
    if (answers)
      begin_again({x.over_ms, "known to be over, says " + to_string(id)}, id);
    else
      ask_of_own_end(id);
    return;
  }
  if (over_there && !over_here) // It came to the weaker side after the split.
    group.introduce(id.address(), msg::introduction_kind::welcome, id.start_ms);
  else if (!over_here)
    meet(x);
  else if (x.kind == msg::introduction_kind::hello)
    group.introduce(id.address(), msg::introduction_kind::welcome);
}

void failure_machine::parts::on_join(const msg::gossip_introduction& x) {
  const auto& id = x.record.id;
  if (group.table.is_retired(id)) {
    tell_retired(id);
    return;
  }
  if (const auto* later = group.table.find_at(id.address());
      later != nullptr && later->id.start_ms > id.start_ms) {
    // Two processes have no port in common: that life has ended, and the clock
    // was set back since.
    group.introduce(id.address(), msg::introduction_kind::hello,
                    later->id.start_ms);
    return;
  }
  if (refuses(x))
    return;
  // A joiner has nothing to compare and asks by itself.
  if (admit(x))
    group.introduce(id.address(), msg::introduction_kind::welcome);
}

void failure_machine::parts::meet(const msg::gossip_introduction& x) {
  const auto& id = x.record.id;
  const bool answers = x.kind == msg::introduction_kind::welcome;
  if (answers)
    probes.hear_answer(group, now);
  else
    group.introduce(id.address(), msg::introduction_kind::welcome);
  // Whom nobody answers knows nobody before somebody does.
  if (!answers && (group.others() == 0 || probes.unanswered(group, now)))
    return;
  if (!admit(x))
    return;
  settle_masters(x);
  if (is != phase::member)
    return;
  sync.observe(group, id, x.digest, now);
  if (x.digest != group.table.digest())
    sync.start(group, id, now);
}

bool failure_machine::parts::admit(const msg::gossip_introduction& x) {
  const auto outcome
    = take_in(x.record,
              {msg::member_change::joined, msg::news_reason::admitted, x.record,
               group.self.id},
              true);
  return outcome == member_table::join_outcome::added
         || outcome == member_table::join_outcome::known;
}

bool failure_machine::parts::refuses(const msg::gossip_introduction& x) {
  if (group.table.size() >= member_table::members_max
      && group.table.find_at(x.record.id.address()) == nullptr) {
    refuse(x.record.id, ec::busy, "the group is full", true);
    return true;
  }
  return msg::has(x.record.roles, msg::role::master)
         && refuses_master(x.record);
}

void failure_machine::parts::on_news(const msg::member_id& from,
                                     const std::vector<msg::news_item>& items,
                                     bool answers) {
  for (const auto& item : items)
    if (is == phase::member)
      on_news_item(from, item, answers);
}

void failure_machine::parts::hear_answer(const msg::member_id& from) {
  probes.hear_answer(group, now);
  on_news(from, unproved.proved(from), true);
}

void failure_machine::parts::ask_of_own_end(const msg::member_id& from) {
  group.introduce(from.address(), msg::introduction_kind::hello);
}

void failure_machine::parts::on_news_item(const msg::member_id& from,
                                          const msg::news_item& item,
                                          bool answers) {
  const auto address = item.member.id.address();
  if (address == group.self.id.address()) {
    if (!is_own_end(item) || !group.believes(from))
      return;
    if (answers)
      begin_again({item.member.id.start_ms, cause_of(item)}, from);
    else
      ask_of_own_end(from);
    return;
  }
  if (item.change == msg::member_change::joined) {
    const auto outcome = take_in(item.member, item, false);
    if (outcome == member_table::join_outcome::retired
        && group.table.is_retired(item.member.id))
      group.send_to(from.address(),
                    msg::gossip_news{0, {group.retirement_of(item.member.id)}});
    return;
  }
  const bool is_live = group.table.find(item.member.id) != nullptr;
  const bool proved
    = answers || !is_live || item.change == msg::member_change::left;
  if (!is_fact(from, item)
      || (!proved && !unproved.add(group, from, item, now))) {
    if (is_live)
      probes.watch(item.member.id, group, now);
    return;
  }
  if (!proved)
    return; // Its answer is awaited.
  if (!group.retire(item, now))
    return;
  news.add(group, item, false, now);
  if (item.change == msg::member_change::failed
      && group.random.one_in(group.table.size() / tellers + 1))
    group.send_to(address, msg::gossip_news{0, {item}});
}

bool failure_machine::parts::is_own_end(const msg::news_item& item) const {
  return item.change != msg::member_change::joined
         && item.member.id.address() == group.self.id.address()
         && item.member.id.start_ms >= group.self.id.start_ms;
}

bool failure_machine::parts::is_fact(const msg::member_id& from,
                                     const msg::news_item& end) const {
  if (end.member.id == from)
    return true; // Its goodbye.
  return group.believes(from)
         && (end.by == end.member.id || !group.table.is_retired(end.by));
}

void failure_machine::parts::on_page(const msg::member_id& from,
                                     const msg::gossip_page& page) {
  for (const auto& record : page.records) {
    if (is != phase::member)
      return;
    if (record.id.address() != group.self.id.address())
      take_in(
        record,
        {msg::member_change::joined, msg::news_reason::admitted, record, from},
        false);
  }
  if (is == phase::member)
    sync.answer(group, from, page, now);
}

void failure_machine::parts::tell_retired(const msg::member_id& id) {
  group.send_to(id.address(), msg::gossip_news{0, {group.retirement_of(id)}});
  group.introduce(id.address(), msg::introduction_kind::hello);
}

} // namespace dfs::core
