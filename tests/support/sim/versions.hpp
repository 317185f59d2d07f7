#pragma once

#include "core/versions/coordinator.hpp"
#include "core/versions/replica_rows.hpp"
#include "messages/version_orders.hpp"
#include "support/history/operation.hpp"
#include "support/sim/world.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

// Versioned files under simulation (docs/protocols/versioned_files.md): the
// cores of primaries, replicas, clients and changes of sets as they are, around
// them simulated disks, a small master, and the histories of all clients.

namespace dfs::sim {

struct versions_options {
  msg::quorum_rule rule;
  node_index servers = 5; ///< The set is N of them.
  node_index clients = 3;
  std::uint32_t files = 3;
  core::coordinator_config config;
  bool changes = true; ///< Of the set.
  world_options world; ///< Its mutants: versions_mutants.hpp.
};

// -- what only the simulation says --------------------------------------------

/// To the master: which file has that name, and who serves it?
struct sim_locate {
  std::uint32_t name = 0;
  bool create = false;
  bool writer = false;  ///< Wants a writer number.
  store_id unreachable; ///< Does not lead, as far as the asker sees.
};
struct sim_located {
  inode_id file; ///< Zero: there is none.
  msg::group_set set;
  store_id primary; ///< Zero: nobody now.
  std::uint64_t at = 0;
  put_writer writer;
};
struct sim_fetch {
  msg::put_id content;
};
struct sim_content {
  msg::put_id content;
};
struct sim_ping {};
struct sim_pong {
  group_epoch epoch;
  bool sealed = false;
  bool quarantined = false;
};
struct sim_failure {
  ec code = ec::not_primary;
};

using version_message = std::variant<
  sim_locate, sim_located, sim_fetch, sim_content, sim_ping, sim_pong,
  sim_failure, msg::group_refused, msg::put_file, msg::put_done,
  msg::settle_put, msg::put_settled, msg::settle_file, msg::file_settled,
  msg::read_file_state, msg::file_state_read, msg::finish_write,
  msg::promise_ballot, msg::ballot_promised, msg::accept_manifest,
  msg::manifest_accepted, msg::commit_manifest, msg::list_files,
  msg::files_listed, msg::forget_file, msg::file_forgotten, msg::lead_group,
  msg::group_led, msg::group_resigned, msg::seal_group, msg::group_sealed,
  msg::install_group, msg::group_installed, msg::activate_group,
  msg::group_activated, msg::fetch_group, msg::group_fetched, msg::rejoin_group,
  msg::group_rejoined, msg::unlink_file, msg::file_unlinked>;

struct version_packet {
  version_message what;
  std::uint64_t ticket = 0; ///< Comes back with the answer.
  bool content = false;     ///< The newest content is with it.
  bool answer = false;      ///< To whom the ticket belongs.
  std::uint32_t life = 0;   ///< Of the receiver, as over a connection.
};

/// Tickets below are of parts of a process; others of operations of clients.
enum version_part : std::uint64_t {
  part_coordinator = 0,
  part_replica = 1,
  part_master = 2,
  first_operation = 16,
};

/// A file server's disk: survives its processes. Written in order.
struct version_disk {
  core::replica_rows rows;
  std::set<msg::put_id> contents;
  /// Issued and not durable yet.
  std::deque<std::function<void(version_disk&)>> queue;

  void write_next();
  /// The process or the power is gone: what was being written is there up to
  /// some point.
  void recover(rng& random);
};

/// The master's disk.
struct director_disk {
  std::uint64_t term = 0;
  msg::group_set in_force;
  std::map<std::uint32_t, inode_id> names;
  std::uint64_t position = 0; ///< Of the log.
  std::uint64_t last_file = 0;
};

class version_director;
class version_server;

/// The cluster: the master, then the servers, then the clients.
class version_cluster {
public:
  explicit version_cluster(versions_options options);
  ~version_cluster();
  version_cluster(const version_cluster&) = delete;
  version_cluster& operator=(const version_cluster&) = delete;

  [[nodiscard]] sim::world& world() {
    return *world_;
  }
  [[nodiscard]] const versions_options& options() const {
    return options_;
  }
  [[nodiscard]] version_disk& disk(node_index server) {
    return disks_.at(server - first_server());
  }
  [[nodiscard]] director_disk& directory() {
    return directory_;
  }
  [[nodiscard]] std::vector<history::operation>& past() {
    return past_;
  }
  [[nodiscard]] static node_index master() {
    return 0;
  }
  [[nodiscard]] static node_index first_server() {
    return 1;
  }
  [[nodiscard]] node_index first_client() const {
    return 1 + options_.servers;
  }
  [[nodiscard]] static store_id store_of(node_index i) {
    return store_id{i + 100u};
  }
  [[nodiscard]] static node_index node_of(store_id store) {
    return static_cast<node_index>(store.value() - 100);
  }
  [[nodiscard]] bool mutant(std::string_view name) const {
    return world_->mutant(name);
  }

  void send(node& from, node_index to, version_packet x);
  [[nodiscard]] const version_packet& packet(const datagram& x) const;

  [[nodiscard]] version_director* director();
  [[nodiscard]] version_server* server(node_index i);

  void start_all();
  void crash(node_index i, bool power);
  /// The primary said that this put is done: is it, on W disks?
  void answered(inode_id file, const msg::put_done& x);
  /// What is not as it should be at rest; empty: all is well.
  [[nodiscard]] std::string complaints();
  /// Judges the histories. Nothing: they are linearizable.
  [[nodiscard]] std::optional<std::string> judge() const;

private:
  versions_options options_;
  std::vector<version_disk> disks_;
  director_disk directory_;
  std::vector<history::operation> past_;
  std::vector<version_packet> packets_;
  std::unique_ptr<sim::world> world_;
};

/// The number that a reader sees for the bytes of a put.
[[nodiscard]] std::uint64_t value_of(const msg::put_id& content);

} // namespace dfs::sim
