#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/chunks/chunk_change.hpp"
#include "core/chunks/flat_queue.hpp"
#include "messages/chunk.hpp"
#include "messages/recent_writes.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace dfs::core {

/// The order of changes of one chunk at one of its replicas
/// (docs/protocols/chunks.md, "Changes" to "Reads"). Pure. The replica's view:
/// what is applied here, and what of it is known to be on all replicas.
///
///  I1  Changes are applied in the order of their serials, without gaps.
///  I2  The primary commits a serial when it is done here and behind, and so
///      are all before it.
///  I3  A read is allowed only where every change applied here is known to be
///      committed, by this replica or by who asks.
///  I4  After `raise_version` nothing of an older version is taken or answered.
///  I5  `open_` is a stretch of serials that ends with the last one applied.
///  I6  What a primary found applied when it began to lead, it shows to nobody
///      before it knows that its version is in force: the master may never have
///      heard of it, and make another one primary without that.
///  I7  No two changes under way write the same bytes, and
///  I8  no more are under way than a store remembers: so any replica that
///      lacks some of them can be brought level (`level_plan`).
class replica_order {
public:
  /// More writers than this in one chunk, and it is closed: their last appends
  /// must be remembered, or a repetition would be appended again. As many as a
  /// chunk store keeps.
  static constexpr std::size_t writers_max = 256;

  /// I8: as many as a chunk store remembers.
  static constexpr std::size_t under_way_max = 256;

  /// @param applied What the store says. @param committed Known from before,
  ///   when this replica was set aside; 0: nothing.
  replica_order(const msg::chunk_extent& applied, std::uint32_t chunk_size,
                mutation_serial committed = {});

  [[nodiscard]] const msg::chunk_extent& applied_extent() const {
    return applied_;
  }
  [[nodiscard]] chunk_version version() const {
    return applied_.version;
  }
  [[nodiscard]] mutation_serial committed() const {
    return committed_.serial;
  }
  /// For readers, who take it for a lower bound: serial 0 while not everything
  /// up to there is known.
  [[nodiscard]] msg::chunk_extent committed_extent() const {
    return known_ ? committed_ : msg::chunk_extent{.version = version()};
  }
  /// Nothing while not everything up to there is known: after a start, for
  /// instance.
  [[nodiscard]] std::optional<msg::chunk_extent> known_extent() const {
    return known_ ? std::optional{committed_} : std::nullopt;
  }
  [[nodiscard]] bool all_committed() const {
    return committed_.serial == applied_.serial;
  }
  [[nodiscard]] std::uint32_t chunk_size() const {
    return chunk_size_;
  }

  // -- every replica ----------------------------------------------------------

  enum class step { apply, repeated };
  /// A change that the predecessor sent. `repeated`: it is here already, and
  /// only has to be passed on and answered.
  /// @returns `ec::stale`: another version, or a gap.
  [[nodiscard]] result<step>
  follow(chunk_version version, mutation_serial serial) const;

  /// The store has it now. @param sync An answer waits for the disk.
  /// @param behind It waits for the successor.
  /// @pre Its serial is the next.
  void applied(const chunk_change& change, bool sync, bool behind);

  /// `follow` said `repeated`: it will be answered as if it were new.
  /// @returns `ec::stale` if it does not come after the last one owed.
  [[nodiscard]] result<nothing>
  owe_again(mutation_serial serial, bool sync, bool behind);

  /// Up to `serial` everything is durable here.
  void synced(mutation_serial serial);
  /// The successor, and all behind it, have that one.
  void confirmed(mutation_serial serial);
  /// The next serial that can be answered: each once, in order. At the primary
  /// it is committed by this.
  [[nodiscard]] std::optional<mutation_serial> next_answer();
  /// Serials that wait for an answer.
  [[nodiscard]] std::size_t owed() const {
    return owed_.size();
  }
  /// Given up: `next_answer` tells nothing of them.
  void forget_owed() {
    owed_.clear();
  }

  /// Somebody who knows says that all up to there is committed.
  void learn_committed(chunk_version version, mutation_serial serial);

  /// I4; ends a lease. @pre Not lower than it was.
  void raise_version(chunk_version version);

  // -- reads ------------------------------------------------------------------

  /// May these bytes be read here now? @param known What the reader knows to be
  /// committed. @returns nothing: yes. A serial: yes, once that is committed.
  [[nodiscard]] std::optional<mutation_serial>
  unsettled(mutation_serial known, std::uint32_t offset,
            std::uint32_t length) const;

  /// Whoever names the present version of a chunk proves it (see `prove`).
  /// @returns `ec::stale`: this replica lacks what is asked for;
  ///   `ec::not_primary`: it leads, and does not know yet whether it counts.
  [[nodiscard]] result<nothing>
  has(chunk_version version, mutation_serial serial);

  // -- the primary ------------------------------------------------------------

  /// Everything here is committed from now on: the others have been brought
  /// level. @param known By the store. @param chunk_size Of the grant: where
  /// this chunk is full.
  void
  lead(lease_epoch epoch, const known_writers& known, std::uint32_t chunk_size);
  void end_lead();
  /// Somebody who had it from the master named this version: it is in force
  /// (I6). Nothing happens if this replica does not lead it.
  void prove(chunk_version version);
  /// Leads a version that is known to be in force.
  [[nodiscard]] bool proven() const {
    return lead_ && lead_->proven;
  }
  [[nodiscard]] bool leads() const {
    return lead_.has_value();
  }
  [[nodiscard]] lease_epoch epoch() const {
    return lead_ ? lead_->epoch : lease_epoch{};
  }

  /// @returns `ec::stale` (another version or epoch) or `ec::not_primary`.
  [[nodiscard]] result<nothing>
  may_change(chunk_version version, lease_epoch epoch);

  // @pre `may_change`. What these return is not in the order before `applied`
  // is called: a plan may be dropped. Each may say `again` (I7, I8).

  /// @param once Not to be applied twice. @returns `ec::invalid_argument`
  ///   (empty, beyond the end, longer than the chunk), `ec::chunk_full` (in the
  ///   padding), `ec::busy` (the write before it is missing) or
  ///   `ec::outcome_unknown` (may have been forgotten).
  [[nodiscard]] result<change_plan>
  plan_write(std::uint32_t offset, std::uint32_t length,
             const std::optional<msg::write_identity>& once = {}) const;

  /// @returns `ec::invalid_argument` (empty, over a quarter chunk, a later
  ///   record of this writer is here), `ec::cancelled` (barred).
  [[nodiscard]] result<change_plan> plan_append(writer_id writer,
                                                std::uint64_t sequence,
                                                std::uint32_t length) const;

  /// Was it appended? If not, bars it. @returns `ec::invalid_argument`.
  [[nodiscard]] result<change_plan>
  plan_settle(writer_id writer, std::uint64_t sequence) const;

  /// Aborts if I5 is broken.
  void check() const;

private:
  struct debt {
    mutation_serial serial;
    bool sync = false;   ///< Waits for the disk.
    bool behind = false; ///< Waits for the successor.
  };

  struct remembered {
    std::uint64_t sequence = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    mutation_serial serial; ///< 0: it was here when the lease began.
  };

  struct leadership {
    lease_epoch epoch;
    std::map<writer_id, remembered> writers; ///< Of appends.
    msg::recent_writes writes;
    bool proven;            ///< Its version is in force.
    mutation_serial before; ///< Committed, as it was known (I6).
  };

  void commit(mutation_serial serial);
  void know_all();
  void note_writer(const chunk_change& change);
  [[nodiscard]] result<bool> done_before(const msg::write_identity& once) const;
  [[nodiscard]] bool padded() const {
    return applied_.padded_from < applied_.length;
  }
  [[nodiscard]] std::optional<mutation_serial> too_many() const;
  [[nodiscard]] std::optional<mutation_serial>
  in_the_way(std::uint32_t offset, std::uint32_t length) const;
  [[nodiscard]] change_plan plan_pad() const;
  [[nodiscard]] chunk_change at_end(change_kind kind) const;

  std::uint32_t chunk_size_;
  msg::chunk_extent applied_;
  msg::chunk_extent committed_;
  bool known_ = false; ///< Length and padding of `committed_` are right.
  flat_queue<chunk_change> open_; ///< Applied, not known to be committed.
  flat_queue<debt> owed_;
  std::optional<leadership> lead_;
};

} // namespace dfs::core
