#pragma once

#include "core/failure/failure_machine.hpp"
#include "core/failure/group_state.hpp"
#include "core/failure/hearsay.hpp"
#include "core/failure/introductions.hpp"
#include "core/failure/list_sync.hpp"
#include "core/failure/probe_schedule.hpp"
#include "core/failure/rumours.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
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

  void join(std::vector<endpoint> introducers, bool may_found,
            std::vector<known_address> known);
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

  // One master: machine_masters.cpp.
  [[nodiscard]] bool is_rival(const msg::member_record& other) const;
  /// Only its own word ends this node: what others say may be about a dead one.
  void greet_rival(const msg::member_record& other);
  void greet_rivals();
  void settle_masters(const msg::gossip_introduction& x);
  void on_refusal(const msg::member_id& from, const msg::gossip_refusal& no);
  [[nodiscard]] bool refuses_master(const msg::member_record& newcomer);
  void give_way(std::string why);
  void
  refuse(const msg::member_id& whom, ec code, std::string text, bool passes);

  /// What this node is told of its own life.
  struct end_of_life {
    std::uint64_t start_ms = 0; ///< The last one that is over.
    std::string cause;
  };

  /// Takes a new life, which knows of nobody's end and believes the teller.
  void begin_again(const end_of_life& told, const msg::member_id& teller);
  void space_lives();

  // When spoken to.
  void on_packet_joining(const msg::gossip_packet& packet);
  void
  on_packet_leaving(const msg::gossip_packet& packet, const endpoint& from);
  void on_packet_member(const msg::gossip_packet& packet, const endpoint& from);
  void on_packet_known(const msg::gossip_packet& packet);
  void on_ping(const msg::member_id& from, const endpoint& source,
               const msg::gossip_ping& ping, bool known);
  void on_welcome(const msg::gossip_introduction& x);
  void on_introduction(const msg::gossip_introduction& x);
  void on_join(const msg::gossip_introduction& x);
  void meet(const msg::gossip_introduction& x);
  [[nodiscard]] bool admit(const msg::gossip_introduction& x);
  [[nodiscard]] bool refuses(const msg::gossip_introduction& x);
  /// @param answers Whether this comes with an answer to this node.
  void on_news(const msg::member_id& from,
               const std::vector<msg::news_item>& items, bool answers = false);
  void on_news_item(const msg::member_id& from, const msg::news_item& news,
                    bool answers);
  /// This node is over there, says a member, which perhaps does not hear it: it
  /// gives no acks to whom it holds for dead, but answers a hello.
  void ask_of_own_end(const msg::member_id& from);
  /// That member has answered this node.
  void hear_answer(const msg::member_id& from);
  [[nodiscard]] bool is_own_end(const msg::news_item& item) const;
  /// Whether the end of a member counts, or is but a hint.
  [[nodiscard]] bool
  is_fact(const msg::member_id& from, const msg::news_item& end) const;
  void on_page(const msg::member_id& from, const msg::gossip_page& page);
  void tell_retired(const msg::member_id& id);

  group_state group;
  probe_schedule probes;
  rumours news;
  hearsay unproved; ///< What is said of ends.
  list_sync sync;
  introductions strangers;
  phase is = phase::fresh;
  instant now; ///< Of the latest call.
  instant next_random{};
  instant leaving_since{};
  endpoint guide; ///< Of this life: who told of the former one's end.
  std::optional<msg::member_id> dismissed; ///< The rival told last to go.
  bool accompanied = false; ///< Others were members with this life.
  instant next_life{};
  std::chrono::milliseconds life_pause{0};
};

} // namespace dfs::core
