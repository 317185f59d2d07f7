#pragma once

#include "core/multicast/log_watch.hpp"
#include "core/multicast/multicast_parts.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::core {

/// One server's part in the ordered multicast: docs/protocols/multicast.md has
/// messages, invariants (M1 …) and failures. This server's view. Pure: each
/// input returns what is to be done, in order; equal inputs, equal outputs.
class multicast_machine {
public:
  /// @param self `life` is higher than in any former start. In memory mode
  ///             `store` is new at each start.
  /// @param stored What was durable; nothing at the very first start, when the
  ///               store is new, or in memory mode.
  /// @pre the servers in `config` are 1 to 16, ascending, `self` among them.
  multicast_machine(multicast_config config, msg::group_member self,
                    std::optional<stored_group> stored, instant now);

  multicast_machine(const multicast_machine&) = delete;
  multicast_machine& operator=(const multicast_machine&) = delete;

  // -- inputs -----------------------------------------------------------------

  /// Once, before all others: delivers what is final of what was stored.
  [[nodiscard]] multicast_effects start(instant now);
  /// @pre the seal has proved that it is from a server of the group.
  [[nodiscard]] multicast_effects
  on_packet(const msg::multicast_packet& packet, instant now);
  [[nodiscard]] multicast_effects tick(instant now);
  [[nodiscard]] std::optional<instant> next_deadline() const;

  /// To be delivered everywhere, in one order, that of the submits among them.
  /// Ends at any time with one `deliver_payload` or one `submit_ended`.
  [[nodiscard]] multicast_effects
  submit(submit_token token, std::string payload, instant now);
  /// Everything up to this token is durable. @pre memory mode is off.
  [[nodiscard]] multicast_effects stored(std::uint64_t token, instant now);
  /// @param state As at the effect `take_snapshot`.
  [[nodiscard]] multicast_effects
  snapshot_taken(std::uint64_t ticket, std::string state, instant now);
  /// Somebody knows that this life of that server is over. May be wrong.
  [[nodiscard]] multicast_effects
  suspect(server_id server, life_id life, instant now);
  /// An operator gives up what others may have: the servers that this one hears
  /// go on without the quorum, within 10 s or not at all. Without effect in the
  /// primary, and at a server without state unless it shall go on `blank`.
  [[nodiscard]] multicast_effects force_primary(instant now, bool blank);

  /// Until `end_batch` inputs return nothing: what comes of them all together
  /// takes fewer datagrams.
  void begin_batch() {
    batching_ = true;
  }
  [[nodiscard]] multicast_effects end_batch(instant now);

  // -- what it knows ----------------------------------------------------------

  /// The configuration it acts in; null between two.
  [[nodiscard]] const msg::group_configuration* configuration() const {
    return operating_ ? &current_ : nullptr;
  }
  /// Does it take part in the primary, as far as it knows?
  [[nodiscard]] bool serving() const {
    return serving_;
  }
  [[nodiscard]] const group_record& record() const {
    return record_;
  }
  /// After all deliveries so far: goes with a state that the service stores.
  [[nodiscard]] const order_position& position() const {
    return position_;
  }
  [[nodiscard]] multicast_status status() const;
  /// Aborts if an invariant is broken.
  void check() const;

private:
  // multicast_machine.cpp: inputs and outputs
  void begin(instant now);
  [[nodiscard]] bool passed(instant since, instant::duration wait = {}) const;
  [[nodiscard]] multicast_effects finish();
  void on_header(const msg::multicast_packet& packet);
  void dispatch(const msg::multicast_packet& packet, bool member);
  void send(server_id to, msg::multicast_part part);
  void send_all(msg::multicast_part part);
  [[nodiscard]] msg::multicast_packet blank_packet() const;
  void flush_all();
  void duty();
  [[nodiscard]] bool busy() const;

  // multicast_store.cpp: what is durable
  std::uint64_t issue();
  std::uint64_t store(std::uint64_t keep);
  void append_news();
  [[nodiscard]] bool is_stored(std::uint64_t token) const;
  void refresh_durable();
  void tell_itself();
  void watch_log();

  // multicast_ordering.cpp: the order in a configuration
  void on(const msg::multicast_data& x);
  void on(const msg::multicast_order& x);
  void on(server_id from, const msg::multicast_nack& x);
  void on(const msg::multicast_resend& x);
  void on(server_id from, const msg::multicast_nudge& x);
  void progress();
  [[nodiscard]] std::uint64_t held_by_all() const;
  bool give_order();
  void send_own();
  void deliver();
  [[nodiscard]] instant::duration hurried(instant::duration wait) const;
  void ask_for_missing();
  [[nodiscard]] server_id whom_to_ask(std::uint64_t k, unsigned tries) const;
  void nudge_owner();
  void watch_members();
  void forget_old();

  // multicast_reach.cpp: who is there
  void on(server_id from, const msg::group_beacon& x);
  void on(server_id from, const msg::server_version& x);
  void tell_version(server_id to, bool answer);
  [[nodiscard]] bool hears(server_id server) const;
  [[nodiscard]] bool knows(server_id server) const; ///< Has its beacon, too.
  [[nodiscard]] msg::member_standing standing() const;
  [[nodiscard]] msg::member_standing standing_of(const group_peer& peer) const;
  [[nodiscard]] msg::configuration_id reference() const;
  [[nodiscard]] std::uint64_t best_final() const;
  [[nodiscard]] bool holds_cut() const;
  [[nodiscard]] msg::group_beacon beacon(bool answer) const;
  void send_beacons();
  void evaluate();
  void tell_service();
  void learn();
  [[nodiscard]] bool votes_count() const;
  [[nodiscard]] bool promised_more(const msg::member_standing& told) const;
  void forget_votes();

  // multicast_change.cpp: from one configuration to the next
  void consider_attempt();
  [[nodiscard]] bool wants_change() const;
  void start_attempt();
  void on(server_id from, const msg::gather_members& x);
  void on(server_id from, const msg::members_gathered& x);
  void on(server_id from, const msg::commit_members& x);
  void on(server_id from, const msg::member_ready& x);
  void on(const msg::install_members& x);
  void commit();
  void tell_commit(bool forgetful);
  [[nodiscard]] bool all_forgetful_recorded() const;
  void advance_attempt();
  void watch_attempts();
  void abandon_attempt();
  [[nodiscard]] bool can_install(const msg::group_configuration& x) const;
  void install(const msg::group_configuration& next);
  void operate(const msg::group_configuration& next);
  void announce();
  void leave_configuration();
  void part_from(const std::set<server_id>& others);
  void settle_rules();

  // multicast_join.cpp: those who are behind
  [[nodiscard]] bool behind() const;
  void catch_up();
  void drop_fetch();
  void ask_items(server_id from, const msg::configuration_id& ballot);
  void on(server_id from, const msg::fetch_items& x);
  void on(const msg::items_fetched& x);
  void on(server_id from, const msg::snapshot_offered& x);
  void on(server_id from, const msg::fetch_pages& x);
  void on(const msg::page_fetched& x);
  void offer_snapshot(server_id to);
  void settle_own();
  void align_sender();
  void take_over(const msg::snapshot_offered& offer, const std::string& bytes);

  multicast_config config_;
  msg::group_member self_;
  rules_in_force rules_;
  instant now_; ///< Of the present input.

  // Durable, or on its way there.
  group_record record_;
  life_promises promises_;
  order_log log_;
  std::uint64_t final_ = 0; ///< Places up to here never change any more.
  order_position position_; ///< After what has been delivered.

  std::uint64_t tokens_ = 0; ///< Issued.
  std::uint64_t stored_ = 0; ///< Done.
  std::deque<appended_run> appended_;
  std::uint64_t appended_to_ = 0;
  std::uint64_t durable_ = 0; ///< Places up to here are durable here.
  log_watch log_watch_;
  multicast_sender sender_;
  group_peers peers_;

  bool batching_ = false;
  bool operating_ = false;
  bool serving_ = false;
  msg::group_configuration current_; ///< The last it has operated in.
  std::size_t index_ = 0;            ///< In `current_`.
  /// Its beginning has not been delivered here yet.
  std::optional<msg::group_configuration> unannounced_;
  std::uint64_t installed_token_ = 0; ///< Durable: it is the last one known.
  stability stability_;
  std::vector<member_progress> progress_;
  instant installed_at_{};
  instant changing_since_;       ///< While not operating, or unannounced.
  instant grown_at_{};           ///< The log has, or something came loose.
  std::uint64_t known_last_ = 0; ///< Some member knows of this place.
  std::map<std::uint64_t, nack_state> nacks_;
  instant lossy_until_{}; ///< Something was lost a short while ago.

  std::optional<member_attempt> attempt_;
  std::optional<leader_attempt> lead_;
  bool led_ = false; ///< It has given a ballot in this life.
  instant lead_not_before_{};
  instant listens_until_{}; ///< Who has just started may not know yet.
  unsigned lead_failures_ = 0;
  operator_force force_;

  reach_component component_;
  instant component_since_{};
  std::optional<primary_lost> told_;
  bool reach_changed_ = true;
  instant evaluated_{};
  bool beacon_soon_ = true;
  instant beacon_at_{};

  state_giver giver_;
  state_learner learner_;

  instant duty_at_{};
  instant all_at_{}; ///< When all members were last told something.
  bool ack_due_ = false;
  order_counts counts_;
  std::vector<msg::multicast_part> to_all_;
  std::map<server_id, std::vector<msg::multicast_part>> to_one_;
  multicast_effects out_;
};

} // namespace dfs::core
