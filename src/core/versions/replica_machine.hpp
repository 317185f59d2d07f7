#pragma once

#include "base/time.hpp"
#include "core/versions/content_index.hpp"
#include "core/versions/outcome_ages.hpp"
#include "core/versions/replica_effects.hpp"
#include "core/versions/replica_gathering.hpp"
#include "core/versions/replica_limits.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::core {

/// A file server's part in one group (docs/protocols/versioned_files.md): this
/// server's view. Pure; `coordinator` leads, this one promises, accepts, seals.
///
///  R1  Nothing is accepted with a ballot below a promise; nor in another epoch
///      than its own, nor sealed.
///  R2  A promise, an acceptance, a seal is answered when it is durable, and
///      after all that was issued before. What is shown is durable.
///  R3  The stamp of a file never falls, except by becoming a member of a set.
///  R4  Not active, sealed, in quarantine or in doubt: no read, promise or
///      acceptance is answered, and no seal in quarantine or in doubt.
///  R5  A manifest is accepted only with its newest content.
///  R6  What was forgotten does not come back with a late message.
///  R7  Outcomes that leave a manifest that is accepted here are kept for
///      `outcome_limits::life`, or the floor says that some may be gone.
class replica_machine {
public:
  /// @param rows As they were made durable. @param held Contents that are here.
  replica_machine(store_id self, group_id group, replica_rows rows,
                  const std::set<msg::put_id>& held,
                  replica_limits limits = {});

  /// Its store may have gone back to an older state, and with it what was
  /// promised and accepted: it is as in quarantine until nobody doubts it, or
  /// until it is ordered to be (R4).
  void doubt(bool on) {
    doubted_ = on;
  }
  [[nodiscard]] bool doubted() const {
    return doubted_;
  }
  /// Nothing below is accepted any more: who leads here with less is over.
  [[nodiscard]] group_ballot promised() const {
    return row_.promised;
  }

  // -- requests: answered once, later, or not at all --------------------------

  [[nodiscard]] replica_effects
  promise(version_asker asker, const msg::promise_ballot& x);
  /// @param from Who has the content.
  [[nodiscard]] replica_effects accept(version_asker asker, store_id from,
                                       const msg::accept_manifest& x,
                                       instant now);
  [[nodiscard]] replica_effects
  finish(version_asker asker, const msg::finish_write& x, instant now);
  [[nodiscard]] replica_effects commit(const msg::commit_manifest& x);
  [[nodiscard]] replica_effects
  read(version_asker asker, const msg::read_file_state& x) const;
  [[nodiscard]] replica_effects
  list(version_asker asker, const msg::list_files& x) const;
  [[nodiscard]] replica_effects
  forget(version_asker asker, const msg::forget_file& x);
  [[nodiscard]] replica_effects
  find(version_asker asker, const msg::find_outcome& x) const;
  [[nodiscard]] replica_effects
  fetch(version_asker asker, const msg::fetch_group& x) const;
  [[nodiscard]] replica_effects
  seal(version_asker asker, const msg::seal_group& x);
  [[nodiscard]] replica_effects
  install(version_asker asker, const msg::install_group& x, instant now);
  [[nodiscard]] replica_effects
  activate(version_asker asker, const msg::activate_group& x);
  [[nodiscard]] replica_effects
  rejoin(version_asker asker, const msg::rejoin_group& x, instant now);

  /// Fetches the contents of a set in force, which changes nothing else. No
  /// effect at a replica that is, or becomes, a member of that set or a later.
  [[nodiscard]] replica_effects fill(const msg::fill_group& x, instant now);
  /// Whether it is not, and does not become, a member of that set or a later
  /// one.
  [[nodiscard]] bool may_drop(const msg::drop_group& x) const;
  /// Wipes files and contents, if it may: what remains is what it has promised.
  [[nodiscard]] replica_effects drop(const msg::drop_group& x);

  // -- what was asked for -----------------------------------------------------

  /// @pre Tickets come in their order, each once.
  [[nodiscard]] replica_effects stored(std::uint64_t ticket, instant now);
  [[nodiscard]] replica_effects
  on_state(store_id from, const msg::file_state_read& x, instant now);
  [[nodiscard]] replica_effects
  on_fetched(store_id from, const msg::group_fetched& x, instant now);
  /// No page came: from somebody who is not asked again at once.
  void not_fetched(store_id from, bool sealed);
  /// It is here: on the disk, or on its way there ahead of the next rows.
  [[nodiscard]] replica_effects
  content_held(const msg::put_id& content, instant now);
  /// It is bad: fetch it again.
  [[nodiscard]] replica_effects
  content_lost(const msg::put_id& content, instant now);
  /// Asks again. To be called each `replica_patience`.
  [[nodiscard]] replica_effects tick(instant now);

  [[nodiscard]] const replica_rows& rows() const {
    return rows_;
  }
  [[nodiscard]] bool holds(const msg::put_id& content) const {
    return contents_.holds(content);
  }
  /// Bytes of contents that are here and belong to a file.
  [[nodiscard]] std::uint64_t bytes() const {
    return contents_.bytes();
  }
  [[nodiscard]] content_use use_of(const msg::put_id& content) const;
  /// It is gone from here. @pre There is no use of it.
  void forget_content(const msg::put_id& content);
  /// It is asked for, or waited for.
  [[nodiscard]] bool wants(const msg::put_id& content) const {
    return wanted_.contains(content) || held_up_.contains(content);
  }
  /// Of the manifests here, not held.
  [[nodiscard]] std::size_t missing() const {
    return fills() ? 0 : wanted_.size();
  }
  /// One of them is missing for longer than a copy takes under puts.
  [[nodiscard]] bool overdue(instant now) const;
  /// The epoch of the set whose contents it has fetched by a fill; zero: none.
  [[nodiscard]] group_epoch filled() const {
    return fills() && gathering_->filled ? gathering_->set.epoch
                                         : group_epoch{};
  }
  /// There is nothing here that the master could want to know of.
  [[nodiscard]] bool is_empty() const {
    return row_.role == replica_role::none
           && rows_.group.role == replica_role::none && rows_.files.empty()
           && !rows_.next && !gathering_;
  }
  /// Aborts if an invariant is broken.
  void check() const;

private:
  using answers = std::vector<answer_asker>;
  struct issue {
    std::uint64_t ticket = 0;
    row_changes changes;
    answers then;
    std::optional<inode_id> file; ///< Whose acceptance it is.
  };
  /// An acceptance that waits for its content.
  struct held_up {
    store_id from;
    msg::accept_manifest what;
    bool settled = false;
    std::set<version_asker> askers;
  };
  struct wanted {
    inode_id file;
    msg::file_version version;
    store_id from;
    instant asked{};
    instant since{};
  };

  [[nodiscard]] bool fills() const {
    return gathering_ && gathering_->what == replica_gathering::kind::fill;
  }
  void look_after_fill(instant now);
  void give_up_fill();
  [[nodiscard]] bool active_in(group_epoch epoch) const;
  [[nodiscard]] answer_asker refusal(version_asker asker, inode_id file) const;
  void adopt(replica_effects& out, version_asker asker, store_id from,
             const msg::accept_manifest& x, bool settled, instant now);
  void issue_rows(replica_effects& out, issue x);
  void want(replica_effects& out, inode_id file,
            const msg::file_version& version, store_id from, instant now);
  void want_all(replica_effects& out, inode_id file,
                const msg::file_manifest& x, store_id from, instant now);
  void name_all(inode_id file, const msg::file_manifest& x);
  void look_after_wanted(replica_effects& out, instant now);
  void drop_hopeless();
  void gather_on(replica_effects& out);
  void merge(replica_effects& out, store_id from, const msg::fetched_file& x,
             instant now);
  void give_up_the_rest();
  void store_part(replica_effects& out);
  [[nodiscard]] row_changes next_files();
  [[nodiscard]] row_changes refilled_files();
  void part_stored(replica_effects& out, std::uint64_t ticket);
  [[nodiscard]] bool has_come() const;
  void ask_sources(replica_effects& out, instant now);
  void ask_page(replica_effects& out, store_id from, bool sealed, instant now);
  void
  note_coming(replica_effects& out, const row_changes& changes, instant now);
  void replace(replica_effects& out, const row_changes& changes,
               std::optional<inode_id> accepted);
  void look_at_past();
  void add_past(row_changes& changes);
  void age_past(const row_changes& changes, instant now);
  void drop_past(replica_effects& out, instant now);
  void sweep(replica_effects& out);
  void
  unname(replica_effects& out, inode_id file, const msg::file_manifest& before);
  void drop_unnamed(replica_effects& out, inode_id file);
  [[nodiscard]] store_id another(store_id last) const;
  [[nodiscard]] bool named(inode_id file, const msg::put_id& content) const;

  store_id self_;
  group_id group_;
  replica_rows rows_; ///< Durable.
  group_row row_;     ///< With what is being stored.
  bool doubted_ = false;
  replica_limits limits_;
  content_index contents_;
  std::uint64_t tickets_ = 0;
  std::deque<issue> issued_;
  std::map<inode_id, msg::version_stamp> issuing_;
  std::map<msg::put_id, std::map<inode_id, held_up>> held_up_;
  std::map<msg::put_id, wanted> wanted_;
  msg::put_id looked_to_; ///< Of `wanted_`.
  /// Files whose place others have taken all at once, to be looked at in turn.
  std::deque<std::map<inode_id, msg::file_state>> former_;
  group_ballot next_ballot_;   ///< The highest of what is installed.
  group_ballot coming_ballot_; ///< Of what gets installed.
  /// Contents that a manifest named before the present one.
  std::map<inode_id, std::set<msg::put_id>> unnamed_;
  std::map<inode_id, std::set<version_asker>> finishers_;
  std::optional<replica_gathering> gathering_;
  outcome_ages past_ages_;
  bool past_aged_ = false;    ///< Those that were there at the start, too.
  put_writer past_floor_;     ///< With what is being stored, or is to be.
  bool past_unsaved_ = false; ///< The latter.
};

} // namespace dfs::core
