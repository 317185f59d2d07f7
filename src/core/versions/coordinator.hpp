#pragma once

#include "base/time.hpp"
#include "core/versions/coordinator_config.hpp"
#include "core/versions/coordinator_effects.hpp"
#include "core/versions/coordinator_work.hpp"
#include "core/versions/takeover.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// The primary of a group, for one ballot (docs/protocols/versioned_files.md):
/// its own view. Pure. Made for `lead_group`, gone after `resign`.
///
///  C1  Nothing is proposed before N - W + 1 promised, nor on a file before its
///      state is known from so many of them.
///  C2  A stamp is proposed once; the next one on a file when it is settled.
///  C3  An answer of a put follows its settling: W accepted that stamp.
///  C4  What is not known to be settled is settled before anything is built on
///      it.
///  C5  Who is told "not done" by `settle_put` is barred in a settled manifest,
///      or cannot be done for ever.
///  C6  `tell_told` follows a note of every settled file of a lower ballot,
///      those aside that were told before (`told_below`).
///  C7  Of a settled file that a server lacks for long nothing is kept but its
///      number: this server's own replica has the rest, and is asked for it.
class coordinator {
public:
  /// @pre `self` is of the set.
  coordinator(coordinator_config config, msg::group_set set,
              group_ballot ballot, store_id self);

  /// Asks for promises. First of all, once.
  [[nodiscard]] coordinator_effects begin(const version_time& t);

  // -- asked by clients -------------------------------------------------------
  // @param own What this server's replica has of the file; null: nothing.
  // @param until When the asker wants to be told that it is not known.

  [[nodiscard]] coordinator_effects
  put(version_asker asker, const msg::put_file& x, const msg::file_state* own,
      instant until, const version_time& t);
  [[nodiscard]] coordinator_effects
  settle(version_asker asker, const msg::settle_put& x,
         const msg::file_state* own, instant until, const version_time& t);
  [[nodiscard]] coordinator_effects
  settle(version_asker asker, const msg::settle_file& x,
         const msg::file_state* own, instant until, const version_time& t);

  /// A deleted or closed file of this server's replica: is it time to close, or
  /// to forget it? To be called for all of them now and then.
  [[nodiscard]] coordinator_effects
  consider(inode_id file, const msg::file_state& own, const version_time& t);

  /// The file was purged: closes it, or notes it again if its newest version is
  /// above what was seen (zero: closes it, whatever is in it). Repeatable.
  [[nodiscard]] coordinator_effects purge(const msg::purge_file& x,
                                          const msg::file_state* own,
                                          const version_time& t);

  // -- what the master's names show -------------------------------------------

  /// As `ask_told` was answered: files of lower ballots are told already.
  void told_below(group_ballot x);
  /// The master has lost what it had receipted: everything is told again.
  void tell_again();
  /// Notes of what was settled before this ballot: a few files more, until all
  /// are through. To be called often. @param own All files of this server's
  ///   replica. @param most So many are looked at.
  [[nodiscard]] coordinator_effects
  recall(const std::map<inode_id, msg::file_state>& own, std::size_t most);

  // -- answers of replicas ----------------------------------------------------

  [[nodiscard]] coordinator_effects on_promised(store_id from,
                                                const msg::ballot_promised& x,
                                                const version_time& t);
  [[nodiscard]] coordinator_effects
  on_state(store_id from, const msg::file_state_read& x, const version_time& t);
  [[nodiscard]] coordinator_effects on_accepted(store_id from,
                                                const msg::manifest_accepted& x,
                                                const version_time& t);
  [[nodiscard]] coordinator_effects
  on_listed(store_id from, const msg::files_listed& x, const version_time& t);
  [[nodiscard]] coordinator_effects
  on_forgotten(store_id from, const msg::file_forgotten& x);
  [[nodiscard]] coordinator_effects
  on_found(store_id from, const msg::outcome_found& x);
  [[nodiscard]] coordinator_effects
  on_refused(store_id from, const msg::group_refused& x);
  [[nodiscard]] coordinator_effects
  on_unlinked(const msg::file_unlinked& x, const version_time& t);

  /// To be called each `again`.
  [[nodiscard]] coordinator_effects tick(const version_time& t);
  /// Of the files that were set aside because some server lacks them, those
  /// whose turn it is: it may be back. To be called often. @param own All files
  ///   of this server's replica.
  [[nodiscard]] coordinator_effects
  take_up(const std::map<inode_id, msg::file_state>& own,
          const version_time& t);

  /// Ends it from outside: another ballot is to begin here, or the server goes.
  [[nodiscard]] coordinator_effects stop(const std::string& why);

  [[nodiscard]] bool leads() const {
    return !over_ && takeover_.leads();
  }
  [[nodiscard]] bool over() const {
    return over_;
  }
  /// Nothing is uneven that it knows of.
  [[nodiscard]] bool settled() const {
    return leads() && takeover_.surveyed() && files_.empty() && lagging_.empty()
           && !takeover_.has_uneven();
  }
  [[nodiscard]] const msg::group_set& set() const {
    return set_;
  }
  [[nodiscard]] group_ballot ballot() const {
    return ballot_;
  }
  /// Files in work: under way, or not on all servers and not set aside.
  [[nodiscard]] std::vector<inode_id> in_work() const;
  /// Something that is under way names it.
  [[nodiscard]] bool uses(const msg::put_id& content) const;
  /// Aborts if an invariant is broken.
  void check() const;

private:
  using request = coordinator_request;
  using proposal = coordinator_proposal;
  using file_work = coordinator_file;
  using search_work = coordinator_search;

  [[nodiscard]] bool member(store_id x) const;
  void send_all(coordinator_effects& out, const replica_request& x) const;
  file_work& work_on(inode_id file, const msg::file_state* own);
  void add(coordinator_effects& out, inode_id file, request x,
           const msg::file_state* own, const version_time& t);
  void advance(coordinator_effects& out, inode_id file, file_work& work,
               const version_time& t);
  void read_file(coordinator_effects& out, inode_id file, file_work& work,
                 instant now) const;
  bool learn(file_work& work) const;
  void decide(coordinator_effects& out, inode_id file, file_work& work,
              request x, const version_time& t);
  void decide_put(coordinator_effects& out, inode_id file, file_work& work,
                  request x, const version_time& t);
  void decide_settle(coordinator_effects& out, inode_id file, file_work& work,
                     request x, const version_time& t);
  void search(coordinator_effects& out, inode_id file, request x,
              const version_time& t);
  void search_again(coordinator_effects& out, instant now);
  /// @returns false: more have to be heard.
  [[nodiscard]] bool answer_found(coordinator_effects& out, const request& x,
                                  const search_work& place) const;
  [[nodiscard]] std::optional<error>
  objection(const file_work& work, const msg::put_file& x) const;
  void propose(coordinator_effects& out, inode_id file, file_work& work,
               msg::file_manifest manifest, std::vector<request> asked,
               const version_time& t);
  void send_proposal(coordinator_effects& out, inode_id file,
                     const file_work& work) const;
  void settled_now(coordinator_effects& out, inode_id file, file_work& work);
  void all_have_it(coordinator_effects& out, inode_id file, file_work& work,
                   const version_time& t);
  void answer(coordinator_effects& out, inode_id file, const file_work& work,
              const request& x) const;
  static void refuse(coordinator_effects& out, const request& x, error why);
  void note(coordinator_effects& out, inode_id file, file_work& work) const;
  [[nodiscard]] bool may_recall() const;
  [[nodiscard]] bool noted_all() const;
  void tell(coordinator_effects& out, instant now);
  void survey(coordinator_effects& out, const version_time& t);
  void expire(coordinator_effects& out, file_work& work, instant now) const;
  void send_again(coordinator_effects& out, inode_id file, file_work& work,
                  instant now);
  [[nodiscard]] static bool is_closed(const file_work& work);
  [[nodiscard]] static bool is_ending(const file_work& work);
  [[nodiscard]] bool is_idle(inode_id file, const file_work& work) const;
  [[nodiscard]] bool lags(const file_work& work) const;
  void set_aside();
  [[nodiscard]] error too_few(const file_work& work) const;
  [[nodiscard]] std::uint64_t forgotten() const;

  coordinator_config config_;
  msg::group_set set_;
  group_ballot ballot_;
  store_id self_;
  takeover takeover_;
  std::uint64_t forgotten_ = 0;
  /// The highest of files that were forgotten while it leads: nothing tells
  /// any more how far they came, and a late request may begin them anew.
  std::uint64_t forgotten_serial_ = 0;
  bool over_ = false;
  std::map<inode_id, file_work> files_;
  std::set<inode_id> lagging_; ///< C7
  inode_id taken_up_;          ///< In turn.
  std::map<std::pair<inode_id, put_writer>, search_work> searches_;
  instant asked_{}; ///< For promises and lists.
  instant retaken_{};
  std::optional<group_ballot> told_below_; ///< Nothing: not known yet.
  instant asked_told_{};
  inode_id recalled_to_;
  bool recalled_ = false;   ///< All files have been looked at.
  bool told_again_ = false; ///< Since then nothing counts that it had noted.
  bool told_ = false;       ///< C6: said.
};

} // namespace dfs::core
