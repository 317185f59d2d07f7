#pragma once

#include "core/chunks/directory_state.hpp"
#include "core/chunks/grant_machine.hpp"
#include "core/chunks/repair_plan.hpp"
#include "core/chunks/replica_collector.hpp"
#include "core/lineage/master_lineage.hpp"
#include "messages/chunk_check.hpp"
#include "messages/restore.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::core {

/// The chunk directory (docs/protocols/chunks.md): which servers live, where
/// chunks are, who leads them, what must be repaired or collected. One per
/// master and term: the cluster's view. Pure; effects are taken after each
/// call and performed in order.
///
/// @pre `now` never goes back.
class directory_machine {
public:
  struct options {
    directory_config config;
    master_term term;
    master_term restored_at{1};       ///< As the metadata store says.
    std::uint64_t seed = 0;           ///< Of placement.
    std::vector<master_life> lives{}; ///< As `master_lineage`.
    bool confirmed = false;           ///< The restore, if there was one.
  };

  directory_machine(const options& how, instant now);

  // -- at the start, before anything else -------------------------------------

  void load_file_row(const chunk_row& row);
  /// @pre The file row of the chunk, if there is one, is loaded.
  void load_version_row(const chunk_row& row);
  void load_server_row(const server_row& row);

  // -- whether it may ---------------------------------------------------------

  /// The metadata have come so far, durably: servers are to remember that.
  void reached(std::uint64_t durable) {
    durable_ = durable;
  }
  /// Its metadata are not the newest (a server says so): it orders, grants and
  /// answers nothing any more. For good.
  void stop(const std::string& why, instant now);
  /// Empty: it works.
  [[nodiscard]] const std::string& stopped() const {
    return stopped_;
  }

  // -- chunkservers -----------------------------------------------------------
  // Results are the errors of messages/chunk_control.hpp.

  [[nodiscard]] result<msg::chunkserver_registered>
  register_server(const msg::register_chunkserver& x, instant now);
  [[nodiscard]] result<msg::chunks_reported>
  report(const msg::report_chunks& x, instant now);
  [[nodiscard]] result<msg::chunk_heartbeat_ack>
  heartbeat(const msg::chunk_heartbeat& x, instant now);
  [[nodiscard]] result<msg::chunkserver_left>
  leave(const msg::leave_chunkserver& x, instant now);
  /// Its keeper's handle went down: a hint.
  void link_lost(store_id store, boot_id boot, instant now);
  /// Answer of `probe_server`.
  void probed(server_index server, boot_id boot, bool refused, instant now);

  // -- clients ----------------------------------------------------------------

  /// The grants are to be sealed.
  [[nodiscard]] result<msg::chunks_allocated>
  allocate(const msg::allocate_chunks& x, instant now);
  /// Answered by `answer_lease`, maybe at once.
  void lease(asker_id asker, const msg::lease_chunk& x, instant now);
  /// Its server is to look at it; what it finds there comes by heartbeat.
  void doubt_replica(const msg::report_replica& x, instant now);

  // -- operators --------------------------------------------------------------

  /// Errors: messages/chunk_check.hpp.
  [[nodiscard]] result<msg::server_forgotten>
  forget(const msg::forget_server& x, instant now);
  /// Errors: messages/restore.hpp.
  [[nodiscard]] result<msg::restore_confirmed>
  confirm(const msg::confirm_restore& x);
  [[nodiscard]] result<msg::deletion_confirmed>
  confirm(const msg::confirm_deletion& x);
  [[nodiscard]] result<msg::orphans_claimed>
  claim(const msg::claim_orphans& x, instant now);
  /// Looks at a bounded number of chunks. @returns `ec::invalid_argument`.
  [[nodiscard]] result<msg::chunks_checked>
  check_chunks(const msg::check_chunks& x, instant now) const;

  // -- the namespace ----------------------------------------------------------

  /// @returns `ec::unavailable` soon after a start: nobody who has a chunk has
  ///   told yet how long it is.
  [[nodiscard]] result<msg::file_layout>
  locate(msg::file_layout layout, instant now);
  /// @param sealed Which of the grants a master of this cluster gave.
  [[nodiscard]] result<nothing>
  adopt(const std::vector<msg::written_chunk>& chunks,
        const std::vector<bool>& sealed, instant now);
  void keep(const msg::keep_chunks& x, instant now);
  void release(const msg::release_chunks& x, instant now);

  // -- answers of effects -----------------------------------------------------

  void logged(effect_token token, instant now);
  void
  answered(effect_token token, const result<server_reply>& reply, instant now);

  /// To be called every 100 ms or so.
  void tick(instant now);

  [[nodiscard]] directory_effects take_effects();

  [[nodiscard]] const directory_state& state() const {
    return s_;
  }
  /// Null unless somebody is being made primary of it.
  [[nodiscard]] const grant_machine* run_of(chunk_id chunk) const {
    const auto it = grants_.find(chunk);
    return it == grants_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] const repair_plan& repairs() const {
    return repair_;
  }
  [[nodiscard]] const replica_collector& collector() const {
    return collector_;
  }

  /// Aborts if an invariant is broken. O(chunks).
  void check() const;

private:
  struct pending {
    chunk_id chunk;
    instant until;
  };

  [[nodiscard]] result<nothing> may_work() const;
  void confirm();
  [[nodiscard]] std::optional<msg::claimed_orphan>
  claim(chunk_id chunk, instant now);

  // Servers.
  /// @param doubted Its server refuses it, and nobody knows why.
  void
  arrived(server_index i, const msg::chunk_state& x, bool doubted, instant now);
  void lost(server_index i, chunk_id chunk, instant now);
  void led(server_index i, const msg::led_chunk& x,
           msg::chunk_heartbeat_ack& answer, instant now);
  void led_elsewhere(server_index i, const msg::led_chunk& x,
                     msg::chunk_heartbeat_ack& answer, instant now);
  void grew(chunk_id chunk, chunk_entry& entry,
            const msg::chunk_extent& committed, bool settled);
  [[nodiscard]] bool is_target(server_index i, chunk_id chunk) const;
  [[nodiscard]] bool
  is_unexplained(server_index i, const msg::chunk_state& x, bool first) const;
  void find_left_out(server_index i, const msg::report_chunks& x);
  void drop_left_out(server_index i, instant now);
  void server_died(server_index i, std::string_view why, instant now);
  /// All that is known of its former life is void.
  void server_reborn(server_index i, instant now);
  [[nodiscard]] result<std::vector<server_index>>
  absent(const std::string& name_or_store, instant now) const;
  [[nodiscard]] msg::chunk_report report_of(chunk_id chunk, instant now) const;
  void probe_again(instant now);

  // Clients.
  [[nodiscard]] result<nothing>
  may_adopt(const msg::written_chunk& x, bool sealed) const;
  void begin_grant(chunk_id chunk, asker_id asker,
                   const std::vector<store_id>& doubted, instant now);
  [[nodiscard]] bool still_leads(const primary_lease& lease,
                                 const msg::lease_chunk& x, instant now) const;
  [[nodiscard]] msg::chunk_location place(chunk_id chunk, instant now) const;

  void reclaim(const msg::written_chunk& x, instant now);
  void take_back(const msg::chunk_state& x, std::uint8_t replication);

  // Upkeep.
  void judge(chunk_id chunk, instant now);

  // Time.
  void advance(chunk_id chunk, instant now);
  void advance_all(instant now);
  void give_back(chunk_id chunk, instant now);
  void expire_pending(instant now);
  void redo_intents(instant now);
  [[nodiscard]] bool may_be_led(chunk_id chunk, instant now) const;
  void find_ahead(std::vector<chunk_id>& to, std::size_t most, instant now);
  void settle_some(instant now);

  directory_state s_;
  std::map<chunk_id, grant_machine> grants_;
  repair_plan repair_;
  replica_collector collector_;
  std::deque<pending> pending_; ///< Allocated or adopted, by when it is over.
  /// Fresh chunks of former terms, by who may have them.
  std::map<store_id, std::vector<chunk_id>> expected_;
  /// Chunks of files in which something was changed: nobody has said yet how
  /// much of it is committed. Fresh ones, and such as a restore has left.
  std::set<chunk_id> begun_;
  /// Chunks of files of which a server has reported more than is known to be
  /// committed, and the most: lists show less of them than there is.
  std::map<chunk_id, msg::chunk_extent> ahead_;
  chunk_id ahead_from_;         ///< The last one that was looked at.
  std::set<chunk_id> settling_; ///< Granted so that they can be copied.
  /// Orphans that become files; true: their replicas differ.
  std::map<chunk_id, bool> claimed_;
  std::uint64_t next_chunk_;
  std::uint64_t pending_chunks_ = 0; ///< In the table, of no file.
  instant redone_{};
  instant faded_{};
  master_lineage lineage_;
  std::uint64_t durable_ = 0; ///< Sequence of the metadata.
  std::string stopped_;
  bool gathered_ = false;   ///< All chunks were judged since.
  msg::files_grown growth_; ///< Of the heartbeat that is being heard.
};

} // namespace dfs::core
