#pragma once

#include "core/chunks/directory_machine.hpp"
#include "support/sim/chunks.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::sim {

/// The shell of one life of the master: the directory's machine, a store of
/// rows with group commit, and as much of a namespace as chunks need.
class chunk_master : public process {
public:
  chunk_master(node& host, chunk_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override {
    rpc_.on_datagram(packet);
  }
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return next_tick_;
  }
  void check() const override {
    machine_->check();
  }

  /// Makes the file that clients know by that number.
  void found(std::uint32_t n);
  /// The connection to a server's keeper broke.
  void link_lost(node_index server);

  [[nodiscard]] const core::directory_machine& machine() const {
    return *machine_;
  }
  /// An operator says that the restored metadata are the ones to go on with.
  bool confirm_restore();
  [[nodiscard]] const std::map<inode_id, std::vector<chunk_id>>& files() const {
    return files_;
  }

private:
  using row_changes
    = std::vector<std::pair<std::string, std::optional<std::string>>>;

  void load();
  void serve();
  void serve_clients();
  void serve_namespace();
  void believe(msg::chunk_state& x) const;
  void create(const sim_create& x, const rpc_end::answer<sim_created>& to);
  void add_file(inode_id file, const std::vector<msg::written_chunk>& chunks,
                std::uint8_t replication, std::function<void()> done);
  void commit(row_changes changes, std::function<void()> durable);
  void sync_next();

  void perform();
  void perform(core::log_row& x);
  void perform(core::remove_rows& x);
  void perform(core::log_server& x);
  void perform(core::remove_server& x);
  void perform(core::log_confirmed& x);
  void perform(core::ask_server& x);
  void perform(core::probe_server& x);
  void perform(core::answer_lease& x);
  void perform(core::tell_growth& x);
  void perform(core::directory_note& x);
  template <class Order>
  void ask(const core::ask_server& x, const Order& order);
  void maybe_crash();
  [[nodiscard]] bool mutant(std::string_view name) const {
    return cluster_.world().mutant(name);
  }

  node& host_;
  chunk_cluster& cluster_;
  row_disk& disk_;
  rpc_end rpc_;
  std::optional<core::directory_machine> machine_;
  std::map<store_id, boot_id> linked_;
  std::map<core::asker_id, rpc_end::answer<msg::chunk_leased>> askers_;
  core::asker_id next_asker_ = 1;
  std::deque<std::function<void()>> syncing_; ///< Of `disk_.queue`, in order.
  bool sync_runs_ = false;
  std::set<chunk_id> committing_; ///< Or done.
  std::map<inode_id, std::vector<chunk_id>> files_;
  instant next_tick_{};
};

} // namespace dfs::sim
