#pragma once

#include "core/chunks/change_way.hpp"
#include "core/chunks/copy_plan.hpp"
#include "core/chunks/keeper_machine.hpp"
#include "core/chunks/replica_order.hpp"
#include "core/chunks/revoked_table.hpp"
#include "support/sim/chunks.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace dfs::sim {

/// The shell of one life of a chunkserver: the keeper's machine, the order of
/// each replica, and a disk that takes its time.
class chunk_server : public process {
public:
  chunk_server(node& host, chunk_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override {
    rpc_.on_datagram(packet);
    check_leases();
  }
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return next_tick_;
  }
  void check() const override;

  /// The connection to the master broke.
  void link_lost();

  /// Its disk gets nothing done for that time; the process goes on.
  void hang_disk(std::chrono::nanoseconds time);
  /// It has no room for that time but for versions and removals.
  void fill_disk(std::chrono::nanoseconds time) {
    full_until_ = std::max(full_until_, boot_now() + time);
  }

  /// Was it ordered to, and the disk is not done with it?
  [[nodiscard]] bool deletes() const {
    return !leaving_.empty();
  }
  [[nodiscard]] const core::keeper_machine& keeper() const {
    return *keeper_;
  }
  /// Whose replicas it relies on as primary of the chunk; none if it is not.
  [[nodiscard]] std::vector<node_index> counts_on(chunk_id chunk) const;
  [[nodiscard]] boot_id boot() const {
    return boot_;
  }
  /// Does it have a replica that it shows to nobody, as revoked?
  [[nodiscard]] bool refuses(chunk_id chunk) const;

private:
  using done_write = rpc_end::answer<sim_written>;
  using copy_made = std::function<void(const result<msg::chunk_state>&)>;

  /// Somebody who is answered when a change is decided.
  struct due {
    mutation_serial decided_by;
    std::function<void(const result<nothing>&)> tell;
  };
  struct lease {
    msg::chunk_grant grant;
    boot_instant until;
    bool active = false; ///< Since it was told.
  };
  struct replica {
    replica(const msg::chunk_extent& x, std::uint32_t chunk_size,
            mutation_serial committed = {})
      : order{x, chunk_size, committed} {
      // nop
    }
    core::replica_order order;
    std::uint64_t number = 0; ///< Of all that were here in this life.
    core::change_way way = core::change_way::chain; ///< At the primary.
    mutation_serial decided; ///< Of what the predecessor asked.
    std::deque<due> waiting;
    std::optional<lease> led;
    std::optional<lease_epoch> levelling; ///< Others, before it leads.
    bool broken = false; ///< Those behind it failed, in this version.
    /// Reads, and changes that must not be under way together.
    std::vector<std::pair<mutation_serial, std::function<void()>>> readers;
  };

  // The master's orders, and the keeper's effects.
  void serve_orders();
  void fence(const msg::fence_chunk& x, rpc_end::answer<msg::chunk_fenced> to);
  void take(const msg::take_lease& x, rpc_end::answer<msg::lease_taken> to);
  struct levelling;
  using lease_answer = rpc_end::answer<msg::lease_taken>;
  void probe(const msg::take_lease& x, const lease_answer& to);
  [[nodiscard]] std::vector<store_id>
  silent(const msg::chunk_grant& grant) const;
  void bring_level(const msg::take_lease& x,
                   const std::vector<store_id>& silent, lease_answer to);
  void send_next(const std::shared_ptr<levelling>& work);
  void lose(levelling& work, store_id which);
  void take_over(const msg::take_lease& x,
                 const rpc_end::answer<msg::lease_taken>& to);
  void copy(const msg::copy_chunk& x, rpc_end::answer<msg::chunk_copied> to);
  struct copying;
  void fetch_copy(const std::shared_ptr<copying>& job);
  void
  fetched(const std::shared_ptr<copying>& job, const result<sim_content>& got);
  void try_next_source(const std::shared_ptr<copying>& job, const error& why);
  void store_copy(const msg::copy_chunk& x, const sim_content& got,
                  const copy_made& to);
  [[nodiscard]] core::copy_place place(chunk_id chunk) const;
  [[nodiscard]] result<sim_content> fetch(const sim_fetch& x);
  [[nodiscard]] result<sim_content>
  read_whole(chunk_id chunk, const msg::chunk_extent& extent);
  void remove(const msg::delete_chunks& x,
              const rpc_end::answer<msg::chunks_deleted>& to);
  /// @param late What it means was deleted then: of that version something
  ///   else may be here.
  msg::chunks_deleted remove_now(const msg::delete_chunks& x, bool late);
  void perform(core::keeper_effects effects);
  void perform(core::find_master& x);
  void perform(core::send_registration& x);
  void perform(core::persist_mark& x);
  void perform(core::list_replicas& x);
  void perform(core::send_page& x);
  void perform(core::ask_led& x);
  void perform(core::send_beat& x);
  void perform(core::revoke_replicas& x);
  void perform(core::verify_replicas& x);
  void perform(core::renew_leases& x);
  void perform(core::end_leases& x);
  void perform(core::begin_life& x);
  void perform(core::set_node_lease& x);
  void perform(core::forget_clocks& x);
  void perform(core::say_goodbye& x);
  void perform(core::keeper_note& x);

  // Bytes that rot.
  void verify(chunk_id chunk);
  void found_bad(chunk_id chunk, std::uint64_t number);
  void quarantine(chunk_id chunk);
  void settle_quarantine();
  void scrub();

  // The data plane.
  void serve_data();
  void write(const sim_write& x, done_write to);
  void order(const sim_write& x, replica& r, done_write to);
  void replicate(const sim_replicate& x, rpc_end::answer<sim_replicated> to);
  void read(const sim_read& x, const rpc_end::answer<sim_bytes>& to);
  [[nodiscard]] result<replica*> admit_read(const sim_read& x);
  void read_bytes(const sim_read& x, const rpc_end::answer<sim_bytes>& to);
  void after_disk(const sim_read& x, std::uint64_t number,
                  mutation_serial serial, const result<sim_bytes>& found,
                  const rpc_end::answer<sim_bytes>& to);
  void apply(const msg::chunk_grant& grant, std::uint32_t place, replica& r,
             stored_change change);
  void repeat(const msg::chunk_grant& grant, std::uint32_t place, replica& r,
              stored_change change);
  void sync_and_pass_on(const msg::chunk_grant& grant, std::uint32_t place,
                        replica& r, const stored_change& change);
  void send_behind(const msg::chunk_grant& grant, std::uint32_t place,
                   const stored_change& change,
                   const std::shared_ptr<std::size_t>& left);
  void answer_what_is_due(chunk_id chunk);
  void end_lease(chunk_id chunk, replica& r, ec why);
  void use_lease(replica& r);
  void check_leases();
  [[nodiscard]] result<replica*> admit(const msg::chunk_grant& grant);
  [[nodiscard]] result<replica*> admit_change(const sim_replicate& x);
  [[nodiscard]] result<core::change_plan>
  plan(const replica& r, const sim_write& x) const;
  [[nodiscard]] sim_written
  written(chunk_id chunk, const sim_write& x, const core::change_plan& plan);
  void load(chunk_id chunk, mutation_serial committed);
  void set_aside();
  [[nodiscard]] bool is_revoked(chunk_id chunk, chunk_version version) const;
  [[nodiscard]] bool holds_below(chunk_id chunk, chunk_version version) const;
  /// Of those who wrote, as the disk tells.
  [[nodiscard]] core::known_writers writers(chunk_id chunk);
  /// @returns `ec::busy`: it is being deleted here.
  [[nodiscard]] result<replica*> make(chunk_id chunk, chunk_version version);
  [[nodiscard]] replica* find(chunk_id chunk);
  [[nodiscard]] stored_replica& stored(chunk_id chunk);
  [[nodiscard]] msg::chunk_state state_of(chunk_id chunk);
  /// Runs `f` when what is on the disk now is durable.
  void sync(chunk_id chunk, std::function<void()> f);

  void note(std::string_view what, chunk_id chunk, chunk_version version);
  [[nodiscard]] core::clock_pair clocks() const;
  [[nodiscard]] boot_instant boot_now() const;
  [[nodiscard]] bool leased() const;
  [[nodiscard]] bool mutant(std::string_view name) const;
  [[nodiscard]] std::chrono::nanoseconds disk_time();
  [[nodiscard]] bool full() const {
    return boot_now() < full_until_;
  }

  node& host_;
  chunk_cluster& cluster_;
  chunk_disk& disk_;
  boot_id boot_;
  rpc_end rpc_;
  std::optional<core::keeper_machine> keeper_;
  boot_instant leased_since_{}; ///< Without a gap.
  boot_instant leased_until_{};
  boot_instant full_until_{};          ///< Its disk.
  boot_instant hangs_until_{};         ///< Its disk.
  std::chrono::nanoseconds offset_{0}; ///< Of the wall clock, then.
  std::map<chunk_id, replica> replicas_;
  core::revoked_table revoked_;
  std::optional<lease_epoch> former_grants_; ///< As `server_state`.
  core::led_table led_;
  std::set<lease_epoch> ended_; ///< Never led again.
  /// With the version of what is replaced; 0: nothing.
  std::map<chunk_id, chunk_version> copying_;
  /// Ordered to go: not made anew before that is done, as `replica_table`.
  std::multiset<chunk_id> leaving_;
  /// The first did not get a change to the second: as `chain`.
  std::set<std::pair<store_id, store_id>> torn_;
  std::uint64_t replicas_made_ = 0;
  chunk_id scrubbed_; ///< The last one that was looked at.
  instant next_tick_{};
};

} // namespace dfs::sim
