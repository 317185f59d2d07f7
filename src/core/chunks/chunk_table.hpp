#pragma once

#include "core/chunks/chunk_entry.hpp"
#include "core/chunks/chunk_pages.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/chunks/restored_branch.hpp"
#include "core/chunks/server_table.hpp"
#include "messages/chunk.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace dfs::core {

/// Chunks, where their replicas are, and which of those are good. The master's
/// view; pure.
///
///  T1  A holder has every change that was acknowledged: it reported a version
///      from the one in force up to an intent that is open, and at least the
///      serial that was known to be committed then.
///  T2  A server is a holder of a chunk or its odd replica, never both.
///  T3  Counts of classes add up to the chunks of files.
///  T4  A server that may come to have a fresh chunk is its holder; from the
///      first change on only servers that reported the chunk in their present
///      life are.
///  T5  A version from before a restore counts only of chunks that nobody was
///      granted since, and only with the changes that it must have.
class chunk_table {
public:
  explicit chunk_table(const restored_branch& branch) : branch_{branch} {
    // nop
  }

  // -- rows -------------------------------------------------------------------

  /// At the start: the namespace's row.
  void load_file_row(const chunk_row& row);
  /// At the start: the directory's row. Either kind may come first.
  void load_version_row(const chunk_row& row);
  /// What this master's row of it says now. @param set Ignored where an intent
  /// is open and others than holders may have been told to make the chunk.
  [[nodiscard]] chunk_row
  row(chunk_id id, const std::vector<store_id>& set) const;

  // -- chunks -----------------------------------------------------------------

  /// A new chunk, empty. @param holders Who may come to have it.
  chunk_entry& add(chunk_id id, chunk_version version, std::uint8_t replication,
                   const std::vector<server_index>& holders);
  [[nodiscard]] const chunk_entry* find(chunk_id id) const {
    return chunks_.find(id);
  }
  /// Version, bits other than class, holders: only through members.
  [[nodiscard]] chunk_entry* find(chunk_id id) {
    return chunks_.find(id);
  }
  /// Makes it part of a file.
  void keep(chunk_id id, inode_id file, const msg::chunk_extent& extent,
            std::uint8_t replication);
  /// @returns those who had a replica of any kind.
  std::vector<server_index> erase(chunk_id id);
  [[nodiscard]] std::size_t size() const {
    return chunks_.size();
  }
  template <class F>
  void each_from(chunk_id from, F each) {
    chunks_.each_from(from, each);
  }
  template <class F>
  void each_from(chunk_id from, F each) const {
    chunks_.each_from(from, each);
  }

  // -- versions ---------------------------------------------------------------

  /// The highest version that somebody may have been told of.
  [[nodiscard]] chunk_version newest(chunk_id id) const;
  /// That the next grant is to have: above `newest`, and above all that was
  /// given by metadata that a restore gave up.
  [[nodiscard]] chunk_version next_version(chunk_id id) const;
  /// A server that has not told yet may have it in a newer version than is
  /// known, and rightly (T5).
  [[nodiscard]] bool may_lag(chunk_id id) const;
  [[nodiscard]] std::optional<chunk_version> intent(chunk_id id) const;
  /// @pre Above `newest`.
  void intend(chunk_id id, chunk_version version);
  /// Before the first intent of a fresh chunk: these alone may have it.
  void bind(chunk_id id, const std::vector<store_id>& stores,
            std::vector<server_index> servers);
  /// The intent is done: these alone hold the chunk. The rest are stale.
  void settle_version(chunk_id id, chunk_version version,
                      const std::vector<server_index>& set);
  /// What that server has said of the chunk since the intent; none: nothing.
  [[nodiscard]] std::optional<msg::chunk_extent>
  told(server_index server, chunk_id id) const;
  [[nodiscard]] const std::map<chunk_id, open_intent>& intents() const {
    return intents_;
  }
  /// Changes may be made under the version in force from now on. Under one that
  /// was settled without this, none are.
  void opened(chunk_id id) {
    unchanged_since_.erase(id);
  }
  /// The version that a holder has, as far as known.
  [[nodiscard]] chunk_version
  version_at(server_index server, chunk_id id) const;

  // -- replicas ---------------------------------------------------------------

  enum class standing : std::uint8_t { unknown, current, stale, newer, behind };

  /// A server says that it has this. A lower serial than the committed one says
  /// nothing of a holder: no server goes back in one life, so the report is
  /// old.
  standing
  reported(server_index server, chunk_id id, const msg::chunk_extent& has);
  /// Something was changed in it: it is fresh no more (T4).
  void begun(chunk_id id);
  /// It may have it, or come to have it, if the chunk is fresh.
  void expect(server_index server, chunk_id id);
  /// It has it no more. What is in quarantine stays known: there is an order to
  /// delete it yet. @returns whether it was a holder.
  bool gone(server_index server, chunk_id id);
  /// Nor anything in quarantine.
  void deleted(server_index server, chunk_id id);
  /// It has it, and must not be asked for it.
  void spoil(server_index server, chunk_id id, replica_fault fault);
  /// The order to delete it there is over, and it is not known to be gone. It
  /// can be copied there again; what was too much counts no more before a grant
  /// has fenced it.
  void order_over(server_index server, chunk_id id);
  /// Everything of that server: it lives anew.
  void forget_server(server_index server);

  [[nodiscard]] std::vector<server_index> holders(chunk_id id) const;
  /// No holders, and may have it, or get it yet, under the lease before the
  /// next grant.
  [[nodiscard]] std::vector<server_index> possible(chunk_id id) const;
  /// Servers whose replica is `behind`; and, where there is no holder, those
  /// that have all that was committed under an older version, since which
  /// nothing could be changed.
  [[nodiscard]] std::vector<server_index> behind(chunk_id id) const;
  /// Holders that are known to have it: without those that may come to have it.
  [[nodiscard]] std::vector<server_index> proven_holders(chunk_id id) const;
  [[nodiscard]] bool holds(server_index server, chunk_id id) const;
  /// What a report of that server has to name, of the chunks from `first` to
  /// `last`: not what it need not have yet, is in quarantine, or is to go.
  [[nodiscard]] std::vector<chunk_id>
  of(server_index server, chunk_id first, chunk_id last) const;
  [[nodiscard]] const std::map<chunk_id, std::vector<odd_replica>>&
  odd() const {
    return odd_;
  }
  [[nodiscard]] std::vector<odd_replica>* odd_of(chunk_id id);

  // -- health -----------------------------------------------------------------

  /// Of a chunk of a file; of others nothing is counted.
  void judge(chunk_id id, chunk_entry& entry, chunk_class what);
  [[nodiscard]] std::uint64_t count(chunk_class what) const {
    return counts_[static_cast<std::size_t>(what)];
  }

  /// Whose version in force was believed (T5), and is in no row: each once.
  [[nodiscard]] std::set<chunk_id> take_unlogged() {
    return std::exchange(unlogged_, {});
  }

  /// Aborts if an invariant is broken. O(n).
  void check() const;

private:
  [[nodiscard]] bool
  holds(server_index server, chunk_id id, const chunk_entry& entry) const;
  [[nodiscard]] bool
  believed(chunk_id id, const chunk_entry& entry, chunk_version version) const;
  [[nodiscard]] bool finished_since(server_index server, chunk_id id,
                                    const chunk_entry& entry,
                                    chunk_version version) const;
  [[nodiscard]] bool proves_nothing(chunk_id id, const chunk_entry& entry,
                                    const msg::chunk_extent& has) const;
  [[nodiscard]] bool
  given_up(chunk_id id, const chunk_entry& entry, chunk_version version) const;
  void add_holder(chunk_id id, chunk_entry& entry, server_index server);
  bool drop_holder(chunk_id id, chunk_entry& entry, server_index server);
  void clear_holders(chunk_id id, chunk_entry& entry);
  void note_odd(chunk_id id, server_index server, replica_fault fault,
                chunk_version version, mutation_serial serial = {});
  /// What it said under an open intent is over, with its replica.
  void forget_told(chunk_id id, server_index server);
  [[nodiscard]] bool lacks_nothing(chunk_id id, const odd_replica& x) const;
  bool drop_odd(chunk_id id, server_index server);
  /// It was ordered to be deleted there: what is still told of it is old, or
  /// will be.
  [[nodiscard]] bool
  is_going(server_index server, chunk_id id, chunk_version version) const;
  void await(chunk_id id, server_index server);
  void came(chunk_id id, server_index server);

  restored_branch branch_;
  chunk_pages<chunk_entry> chunks_;
  std::map<chunk_id, std::vector<server_index>> more_;
  std::map<chunk_id, open_intent> intents_;
  std::map<chunk_id, std::vector<odd_replica>> odd_;
  /// Believed in this life, and in no row since.
  std::set<chunk_id> unlogged_;
  /// Holders of fresh chunks that have not said in this life that they have it.
  std::map<chunk_id, std::vector<server_index>> awaited_;
  /// Those of them that count no more, and have not said anything since.
  std::map<chunk_id, std::vector<server_index>> possible_;
  /// Fresh in the backup, and changed under the version in force: that was
  /// believed, and no grant has been since.
  std::set<chunk_id> changed_since_;
  /// The last version under which something may have been changed; only where
  /// it is not the one in force, and only what this master has granted.
  std::map<chunk_id, chunk_version> unchanged_since_;
  std::array<std::uint64_t, chunk_classes> counts_{};
};

} // namespace dfs::core
