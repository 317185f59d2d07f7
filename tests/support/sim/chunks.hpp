#pragma once

#include "core/chunks/directory_config.hpp"
#include "messages/chunk.hpp"
#include "support/sim/chunk_rpc.hpp"
#include "support/sim/world.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Leases, versions and recovery of chunks under simulation
// (docs/protocols/chunks.md): the master's machine, the keepers' machines and
// the replicas' order as they are, around them simulated disks and clients, and
// a witness who sees all of it in true time.

namespace dfs::sim {

struct chunks_options {
  node_index servers = 4;
  node_index clients = 3;
  std::uint32_t files = 4; ///< That clients change and read.
  core::directory_config config;
  world_options world; ///< Its mutants: chunks_mutants.hpp.
};

/// What a disk keeps of a replica.
struct stored_replica {
  chunk_version version;
  std::vector<std::uint64_t> log; ///< Value of each serial, from 1.
  // What a power cut leaves.
  chunk_version durable_version;
  std::size_t durable = 0; ///< Entries of the log.
  bool made = false;       ///< It is there at all.
};

/// A chunkserver's disk: survives its processes.
struct chunk_disk {
  std::map<chunk_id, stored_replica> replicas;
  master_term newest; ///< Obeyed.

  void lose_power();
};

/// The master's disk: rows, and what is being synced.
struct row_disk {
  using changes
    = std::vector<std::pair<std::string, std::optional<std::string>>>;

  std::map<std::string, std::string> rows;
  std::deque<changes> queue; ///< Written, and not yet synced.
  master_term term;
  inode_id last_file;

  void apply_next();
  /// After a crash: what was being written is there up to some point.
  void recover(rng& random);
};

/// Sees all of it, at true times, and says when a promise is broken.
class chunk_witness {
public:
  explicit chunk_witness(std::vector<chunk_disk>& disks) : disks_{disks} {
    // nop
  }

  /// The master has told somebody that this version is led there.
  void granted(chunk_id chunk, const msg::chunk_leased& x, node_index primary);
  /// A server is about to acknowledge a change, or to answer a read as primary.
  void acted(node_index server, chunk_id chunk, chunk_version version);
  /// A client was told that its change is there.
  void
  acknowledged(chunk_id chunk, mutation_serial serial, std::uint64_t value);
  struct floor {
    mutation_serial serial;
    std::uint64_t value = 0;
  };
  /// What a read that begins now must see, or something later.
  [[nodiscard]] floor newest(chunk_id chunk) const;
  void read(chunk_id chunk, const floor& least, const sim_bytes& got,
            node_index server);
  void kept(inode_id file, chunk_id chunk);
  /// What a master finds at its start.
  void files_are(std::map<chunk_id, inode_id> files) {
    files_ = std::move(files);
  }
  void released(inode_id file);
  /// A replica is deleted there, on the master's order.
  /// @param counted_on Whose replicas a primary relies on at that moment.
  void deleted(node_index server, chunk_id chunk,
               const std::vector<node_index>& counted_on);

  /// At rest: replicas of one version and serial are the same, and everything
  /// acknowledged is there.
  void judge_replicas(chunk_id chunk, chunk_version version);

  /// The first breach since the last call.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> breach();

  [[nodiscard]] const std::map<chunk_id, inode_id>& files() const {
    return files_;
  }
  [[nodiscard]] std::uint64_t changes() const {
    return changes_;
  }
  [[nodiscard]] std::uint64_t reads() const {
    return reads_;
  }
  [[nodiscard]] std::uint64_t grants() const {
    return grants_;
  }

private:
  struct truth {
    chunk_version led; ///< The highest that was answered.
    /// What somebody was told is there: serial and value.
    std::map<mutation_serial, std::uint64_t> told;
  };
  void broke(std::string promise, std::string what);
  [[nodiscard]] bool good(const stored_replica& x, const truth& of) const;
  void judge_writes(chunk_id chunk, const stored_replica& x);

  std::vector<chunk_disk>& disks_;
  std::map<chunk_id, truth> truths_;
  std::map<chunk_id, inode_id> files_;
  std::uint64_t changes_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t grants_ = 0;
  std::optional<std::pair<std::string, std::string>> breach_;
};

class chunk_master;
class chunk_server;

/// A master, chunkservers and clients. Nodes: the master, then the servers,
/// then the clients.
class chunk_cluster {
public:
  explicit chunk_cluster(chunks_options options);
  ~chunk_cluster();
  chunk_cluster(const chunk_cluster&) = delete;
  chunk_cluster& operator=(const chunk_cluster&) = delete;

  [[nodiscard]] sim::world& world() {
    return *world_;
  }
  [[nodiscard]] const chunks_options& options() const {
    return options_;
  }
  [[nodiscard]] chunk_witness& witness() {
    return witness_;
  }
  [[nodiscard]] chunk_disk& disk(node_index server) {
    return disks_.at(server - first_server());
  }
  [[nodiscard]] row_disk& rows() {
    return rows_;
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
  [[nodiscard]] static endpoint at(node_index i) {
    return {address_of(i), rpc_end::port};
  }
  [[nodiscard]] static store_id store_of(node_index i) {
    return store_id{i + 100u};
  }
  [[nodiscard]] static node_index node_of(store_id store) {
    return static_cast<node_index>(store.value() - 100);
  }
  [[nodiscard]] std::uint32_t life_of(const endpoint& x) const;
  /// The chunk of a file that clients work on; nothing before it is made.
  [[nodiscard]] std::optional<chunk_id> file(std::uint32_t n) const;

  /// Null while it is down.
  [[nodiscard]] chunk_master* master_process();
  [[nodiscard]] chunk_server* server_process(node_index i);

  /// By whoever is primary of the chunk at this moment.
  [[nodiscard]] std::vector<node_index> counted_on(chunk_id chunk);

  void start_all();
  /// As SIGKILL; whoever has a connection to it notices, or the other way.
  void crash(node_index i);
  void cut_power(node_index i);
  /// A connection between master and server breaks; both live on.
  void reset_link(node_index server);
  void crash_master_for_a_while();
  /// Chance that the master dies at a step of a grant.
  [[nodiscard]] ppm crash_steps() const {
    return crash_steps_;
  }
  void set_crash_steps(ppm x) {
    crash_steps_ = x;
  }
  /// The file that clients work on exists from now on.
  void set_file(std::uint32_t n, chunk_id chunk) {
    worked_on_[n] = chunk;
  }

  /// What is not as it should be at rest; empty: all is well.
  [[nodiscard]] std::string complaints();

private:
  chunks_options options_;
  std::vector<chunk_disk> disks_;
  row_disk rows_;
  chunk_witness witness_;
  std::map<std::uint32_t, chunk_id> worked_on_;
  ppm crash_steps_ = 0;
  std::unique_ptr<sim::world> world_;
};

/// Reports what the witness saw.
class chunk_oracle : public oracle {
public:
  explicit chunk_oracle(chunk_witness& witness) : witness_{witness} {
    // nop
  }
  [[nodiscard]] std::string_view name() const override {
    return "chunks";
  }
  [[nodiscard]] std::optional<std::string>
  after_event(const world&, node_index) override;

private:
  chunk_witness& witness_;
};

} // namespace dfs::sim
