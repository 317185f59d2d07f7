#pragma once

#include "core/groups/version_directory.hpp"
#include "core/versions/replica_effects.hpp"
#include "support/sim/versions_disk.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::sim {

class version_cluster;

/// Sees all disks and all orders over true time, and reports what no history
/// shows: promises of docs/protocols/versioned_files.md, "Invariants", and
/// those of `core::version_directory`.
class version_witness {
public:
  explicit version_witness(version_cluster& cluster) : cluster_{cluster} {
    // nop
  }

  // -- at a server ------------------------------------------------------------

  /// These rows are durable.
  void stored(store_id store, group_id group, const core::row_changes& changes);
  /// It gives this answer.
  void replied(store_id store, const core::replica_answer& x);
  /// The primary said that this put is done: is it, on W disks?
  void
  answered(const msg::group_set& set, inode_id file, const msg::put_done& x);

  // -- at the master ----------------------------------------------------------

  /// A life of the master begins.
  void begins(master_term x);
  void ordered(store_id to, const msg::group_orders& x);
  /// This set is durable.
  void logged(const msg::group_set& x);
  /// This row is about to be written; of what the machine believes.
  /// @returns the groups that the server does not count in any more.
  [[nodiscard]] std::vector<std::pair<group_id, group_epoch>>
  declares(const core::fileserver_row& x,
           const std::map<group_id, core::group_entry>& groups);
  /// That row is durable.
  void declared(const core::fileserver_row& x,
                const std::vector<std::pair<group_id, group_epoch>>& groups);
  /// The master has lost its rows: what it had declared does not bind it.
  void forgets();

  /// The latest set that was logged; no servers: none.
  [[nodiscard]] msg::group_set in_force(group_id x) const;

private:
  void report(const std::string& what);
  void
  see(store_id store, group_id group, inode_id file, const msg::file_state& x);
  void leads(store_id to, master_term term, const msg::lead_group& x);
  void drops(store_id to, const msg::drop_group& x);

  struct of_group {
    std::map<group_epoch, msg::group_set> logged;
    std::map<std::pair<inode_id, msg::version_stamp>, msg::file_manifest>
      manifests;
    /// By whom, what; the least of the epochs that are to follow.
    std::map<std::pair<master_term, group_epoch>, group_ballot> sealing;
  };

  version_cluster& cluster_;
  master_term term_; ///< The last one.
  std::map<group_id, of_group> groups_;
  std::map<group_ballot, std::pair<group_id, store_id>> ballots_;
  std::set<store_id> failed_; ///< Declared so, durably.
  /// Where such a server must not count before it was refilled, or taken back.
  std::map<std::pair<store_id, group_id>, group_epoch> owed_;
};

} // namespace dfs::sim
