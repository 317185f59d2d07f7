#pragma once

#include "core/groups/directory_words.hpp"
#include "core/groups/order_book.hpp"
#include "core/lineage/master_lineage.hpp"
#include "core/versions/group_placement.hpp"
#include "messages/version_admin.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// The version directory (docs/protocols/versioned_files.md, "The version
/// directory"): which file servers live, what set each group has, who leads
/// it, what must be repaired. One per master and term: the cluster's view.
/// Pure; effects are taken after each call and performed in order.
///
///  D1  While a change of a group's set is under way nobody is appointed, and
///      who is appointed afterwards has a ballot above its epoch.
///  D2  Ballots, epochs and writers are never given twice: they begin with the
///      term.
///  D3  What `in_force` names is durable, or what a quorum of it has testified.
///  D4  Nobody is told to drop a group before all of its set, which is in
///      force, have all of it.
///  D5  Another name or address takes a store over when its holder's link is
///      gone and it was silent for `silent_after`; from another host as failed.
///
/// @pre `now` never goes back; the rules of the configuration have class 0.
class version_directory {
public:
  struct options {
    version_directory_config config;
    master_term term;         ///< Below 2^24.
    master_lineage lineage{}; ///< As the metadata store says.
  };

  version_directory(const options& how, instant now);

  // -- at the start, before anything else -------------------------------------

  void load(const msg::group_set& in_force);
  void load(const fileserver_row& row);
  void load(const store_age& row);
  /// Takes up what a former master has left.
  void begin(instant now);

  // -- whether it may ---------------------------------------------------------

  /// The metadata have come so far, durably: servers are to remember that.
  void reached(std::uint64_t durable) {
    durable_ = durable;
  }
  /// Its metadata are not the newest (a server says so): it orders, appoints
  /// and answers nothing any more. For good.
  void stop(const std::string& why);
  /// Empty: it works.
  [[nodiscard]] const std::string& stopped() const {
    return stopped_;
  }

  // -- file servers. Errors: messages/version_master.hpp ----------------------

  [[nodiscard]] result<msg::fileserver_registered>
  register_server(const msg::register_fileserver& x, instant now);
  [[nodiscard]] result<msg::fileserver_beat_ack>
  beat(const msg::fileserver_beat& x, instant now);
  /// @returns what of `unlink` is for the namespace: who leads says it.
  std::vector<msg::unlink_file> news(const msg::group_news& x, instant now);
  /// Its keeper's handle went down: a hint.
  void link_lost(store_id store, boot_id boot, instant now);
  /// Answer of `probe_fileserver`.
  void probed(store_id store, boot_id boot, bool refused, instant now);
  /// The name is gone, durably: tells who asked for that.
  void unlinked(store_id store, const msg::file_unlinked& x);
  /// The same, by a purge: tells the primaries. Repeat until they are unlinked.
  void purge(const msg::purge_versions& x);

  // -- clients and the namespace. Errors: messages/version_file.hpp -----------

  [[nodiscard]] result<msg::group_location>
  locate(const msg::locate_group& x, instant now);
  [[nodiscard]] result<msg::file_located>
  locate(msg::file_located x, instant now) const;
  [[nodiscard]] result<msg::writer_numbered> number_writer();

  // -- operators --------------------------------------------------------------

  [[nodiscard]] result<msg::group_forced>
  force(const msg::force_group& x, instant now);
  [[nodiscard]] result<msg::fileserver_forgotten>
  forget(const msg::forget_fileserver& x, instant now);
  /// Answered by `answer_rebuild`. @param asker Chosen by the shell.
  void rebuild(std::uint64_t asker, instant now);

  // -- answers of effects -----------------------------------------------------

  void logged(std::uint64_t token, instant now);

  /// To be called every 100 ms or so.
  void tick(instant now);

  [[nodiscard]] version_directory_effects take_effects();

  // -- for reports and tests --------------------------------------------------

  [[nodiscard]] const version_directory_config& config() const {
    return config_;
  }
  [[nodiscard]] const std::map<group_id, group_entry>& groups() const {
    return groups_;
  }
  [[nodiscard]] const std::map<store_id, fileserver>& servers() const {
    return servers_;
  }
  [[nodiscard]] const std::map<store_id, group_repair>& repairs() const {
    return repairs_;
  }
  [[nodiscard]] const store_claims& claims() const {
    return claims_;
  }
  /// Of a set that this group gets from now on.
  [[nodiscard]] const msg::quorum_rule& rule_of(group_id group) const;
  /// Heard of lately, not proven dead.
  [[nodiscard]] bool alive(store_id x, instant now) const;
  /// Alive, and there is a way to it.
  [[nodiscard]] bool usable(store_id x, instant now) const;
  /// Active in the set in force, when last heard.
  [[nodiscard]] bool fit(const group_entry& group, store_id x) const;
  /// All of the set are in service and have all contents, when last heard.
  [[nodiscard]] bool whole(const group_entry& group) const;
  /// The same, and all of them are there now.
  [[nodiscard]] bool whole(const group_entry& group, instant now) const;
  /// All of the set are there and in service; what they lack may be on its way.
  [[nodiscard]] bool settled(const group_entry& group, instant now) const;
  /// It has, and had for a while, room for contents.
  [[nodiscard]] bool has_room(store_id x, instant now) const;
  [[nodiscard]] const msg::group_standing*
  standing(store_id x, group_id group) const;
  /// With the addresses that are known.
  [[nodiscard]] msg::group_location place(const group_entry& group) const;
  [[nodiscard]] std::string name_of(store_id x) const;
  /// Aborts if an invariant is broken.
  void check() const;

private:
  using note = version_note_line::kind;

  void say(note what, group_id group, store_id store, std::string text = {});
  [[nodiscard]] result<nothing> may_take_over(const fileserver& old,
                                              const msg::register_fileserver& x,
                                              instant now);
  void judge_age(fileserver& x, std::uint64_t rows, instant now);
  void note_age(fileserver& x, std::uint64_t rows, instant now);
  [[nodiscard]] result<nothing> may_work() const;
  [[nodiscard]] std::uint64_t next_number() {
    return term_.value() << 40 | ++numbers_;
  }

  // Servers.
  void reborn(store_id x, bool back, instant now);
  void declare_failed(fileserver& x, const std::string& why, instant now);
  void judge_servers(instant now);
  void finish_rejoin(fileserver& x, instant now);
  static void note_room(fileserver& x, bool full, instant now);
  void news_of_change(fileserver& from, const msg::group_news& x, instant now);
  void stood(fileserver& x, const msg::group_standing& y, instant now);
  void drop_leavings(instant now);
  [[nodiscard]] error too_few(group_id group, instant now) const;

  // Sets.
  void perform(group_id group, epoch_effects effects, instant now);
  void begin_change(group_id group, std::vector<store_id> servers,
                    const std::string& why, instant now);
  void begin_changes(instant now);
  [[nodiscard]] bool may_found(group_id group, instant now) const;
  [[nodiscard]] std::optional<set_intent>
  needed_change(group_id group, const group_entry& entry, instant now) const;
  [[nodiscard]] std::vector<store_id>
  next_servers(group_id group, const group_entry& entry, instant now) const;
  [[nodiscard]] std::size_t
  complete_copies(const group_entry& entry, instant now) const;
  void came_in_force(group_id group, group_entry& entry, instant now);
  void look_after_repairs(instant now);

  // For balance.
  [[nodiscard]] bool may_join(store_id x, instant now) const;
  [[nodiscard]] bool may_move(const group_entry& entry, instant now) const;
  [[nodiscard]] std::vector<store_id>
  better_place(group_id group, const group_entry& entry, instant now) const;
  void begin_move(instant now);
  void look_after_fill(instant now);
  void give_up_fill(store_id newcomer, std::string_view why);
  void end_move(instant now);
  [[nodiscard]] bool fills(group_id group, store_id x) const;

  // Who leads.
  void appoint(group_id group, group_entry& entry, instant now);
  void appoint(group_id group, group_entry& entry, store_id who, instant now);
  [[nodiscard]] bool adopt(group_id group, group_entry& entry, instant now);
  void
  led(group_entry& entry, store_id from, const msg::group_led& x, instant now);
  void resigned(group_entry& entry, store_id from, const msg::group_resigned& x,
                instant now);
  void unseat(group_entry& entry);
  void leave_full(group_id group, group_entry& entry, instant now);
  void look_at_primary(group_id group, group_entry& entry, instant now);
  [[nodiscard]] std::map<store_id, std::size_t> leads() const;
  void spread_leads(instant now);
  void look_after_rejoins(group_id group, group_entry& entry, instant now);
  void rejoined(group_entry& entry, fileserver& from,
                const msg::group_rejoined& x, instant now);

  // Rebuilding.
  void ask_testimonies(instant now);
  void end_rebuild(instant now);
  [[nodiscard]] std::string
  rebuild_group(group_id group,
                const std::map<store_id, msg::group_testimony>& said,
                instant now);

  version_directory_config config_;
  master_term term_;
  master_lineage lineage_;
  std::uint64_t durable_ = 0; ///< Sequence of the metadata.
  std::string stopped_;
  instant started_;
  std::uint64_t numbers_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t revision_ = 0; ///< Of addresses.
  std::map<store_id, fileserver> servers_;
  store_claims claims_;
  std::map<group_id, group_entry> groups_;
  std::map<store_id, group_repair> repairs_;
  std::map<std::uint64_t, msg::group_set> logging_;
  std::optional<directory_rebuilding> rebuilding_;
  std::optional<group_fill> fill_; ///< One at a time.
  order_book orders_;
  version_directory_effects out_;
  instant arrived_{};   ///< Somebody new came last.
  instant unsettled_{}; ///< Something was not healthy last.
  instant moved_{};     ///< A lead or a set, for balance.
};

} // namespace dfs::core
