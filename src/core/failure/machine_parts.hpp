#pragma once

#include "core/failure/failure_machine.hpp"
#include "core/failure/group_state.hpp"
#include "core/failure/introductions.hpp"
#include "core/failure/list_sync.hpp"
#include "core/failure/probe_schedule.hpp"
#include "core/failure/rumours.hpp"

#include <optional>
#include <vector>

namespace dfs::core {

enum class phase {
  fresh,   ///< Made, not told to join.
  joining, ///< Asking introducers.
  member,
  leaving, ///< Says goodbye; still answers pings, lest it be declared failed.
  silent,  ///< For ever.
};

/// The composition: which part hears what, and what a change of the list sets
/// in motion. `machine_parts.cpp` holds what this node does by itself,
/// `machine_packets.cpp` what it does when it is spoken to.
struct failure_machine::parts {
  parts(const failure_config& config, msg::member_record self, rng random,
        instant started)
    : group{config, std::move(self), std::move(random)},
      now{started} {
    // nop
  }

  /// Time passes; an own stall is noticed.
  void begin_call(instant at);

  /// Fills pings and acks with news. @returns what is to be done.
  effects end_call();

  void join(std::vector<endpoint> introducers, bool may_found);
  void leave();
  void tick();
  void on_packet(const msg::gossip_packet& packet, const endpoint& from);
  [[nodiscard]] std::optional<instant> next_deadline() const;
  void check() const;

  // By itself.
  void become_member();
  void declare(const probe_schedule::decision& decided);
  void probe_somebody();
  void say_goodbye();
  void finish_leave();

  // What a change of the list sets in motion.
  member_table::join_outcome take_in(const msg::member_record& record,
                                     const msg::news_item& news,
                                     bool originate);
  void settle_masters(const msg::member_record& other);
  void live_again(const msg::news_item& verdict, const endpoint& teller);

  // When spoken to.
  void on_packet_joining(const msg::gossip_packet& packet);
  void
  on_packet_leaving(const msg::gossip_packet& packet, const endpoint& from);
  void on_packet_member(const msg::gossip_packet& packet, const endpoint& from);
  void on_packet_known(const msg::gossip_packet& packet);
  void on_ping(const msg::member_id& from, const endpoint& source,
               const msg::gossip_ping& ping);
  void on_introduction(const msg::gossip_introduction& x);
  [[nodiscard]] bool refuses(const msg::gossip_introduction& x);
  void
  on_news(const msg::member_id& from, const std::vector<msg::news_item>& items);
  void on_news_item(const msg::member_id& from, const msg::news_item& news);
  void on_over(const msg::news_item& news, const endpoint& teller);
  void on_page(const msg::member_id& from, const msg::gossip_page& page);
  void introduce(const endpoint& to, msg::introduction_kind kind);
  void tell_retired(const msg::member_id& id);

  group_state group;
  probe_schedule probes;
  rumours news;
  list_sync sync;
  introductions strangers;
  phase is = phase::fresh;
  instant now; ///< Of the latest call.
  instant next_random{};
  instant leaving_since{};
};

} // namespace dfs::core
