#pragma once

#include "core/chunks/directory_config.hpp"
#include "core/lineage/master_lineage.hpp"
#include "messages/chunk.hpp"
#include "support/sim/chunk_disk.hpp"
#include "support/sim/chunk_rpc.hpp"
#include "support/sim/chunk_witness.hpp"
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

/// The master's disk: rows, and what is being synced.
struct row_disk {
  using changes
    = std::vector<std::pair<std::string, std::optional<std::string>>>;

  std::map<std::string, std::string> rows;
  std::deque<changes> queue; ///< Written, and not yet synced.
  master_term term;
  core::master_lineage lineage;
  std::uint64_t sequence = 0; ///< Of changes that are durable.
  inode_id last_file;
  /// The longest leases that were ever given.
  std::chrono::milliseconds node_lease{0};
  std::chrono::milliseconds chunk_lease{0};
  bool confirmed = false; ///< The restore.

  /// What a master does before anything else.
  void begin_life(std::uint64_t life);
  void apply_next();
  /// After a crash: what was being written is there up to some point.
  void recover(rng& random);
};

class chunk_master;
class chunk_server;

/// What clients find under the names of the files that they work on.
struct sim_names {
  /// By number of the file: its last chunk.
  std::map<std::uint32_t, msg::chunk_grant> worked_on;
  std::vector<chunk_id> full; ///< Those before it, of all files.
};

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
  /// Of masters that are started from now on.
  [[nodiscard]] core::directory_config& settings() {
    return options_.config;
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
  /// The chunk of a file that clients work on, as it was made; null before.
  [[nodiscard]] const msg::chunk_grant* file(std::uint32_t n) const;
  /// Chunks that are full.
  [[nodiscard]] const std::vector<chunk_id>& full() const {
    return names_.full;
  }

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
  /// The file that clients work on has this chunk from now on: a new one, of
  /// which nobody knows more than its grant says.
  void set_file(std::uint32_t n, const msg::chunk_grant& fresh) {
    names_.worked_on[n] = fresh;
  }
  /// Nothing more goes into its chunk: it gets another one, as `add_chunk`
  /// does it. The old one stays.
  void next_chunk(std::uint32_t n, chunk_id full);
  /// Asks the master for a file, until there is one.
  void found(std::uint32_t n);
  [[nodiscard]] const sim_names& names() const {
    return names_;
  }
  /// With the rows of a backup: files have the chunks again that they had.
  void set_names(sim_names x);

  /// Clients begin nothing new meanwhile.
  [[nodiscard]] bool idle() const {
    return idle_;
  }
  void set_idle(bool on) {
    idle_ = on;
  }

  /// While a file grows its length is in no row, as the namespace does it.
  [[nodiscard]] bool lengths_late() const {
    return lengths_late_;
  }
  void set_lengths_late(bool on) {
    lengths_late_ = on;
  }

  /// Bytes rot: disks are scrubbed, some reads wait for them, and whoever gets
  /// wrong bytes reports it.
  [[nodiscard]] bool rots() const {
    return rots_;
  }
  void set_rots(bool on) {
    rots_ = on;
  }
  /// Somebody waits for the scrubbers.
  [[nodiscard]] bool scrubs() const {
    return scrubs_;
  }
  void set_scrubs(bool on) {
    scrubs_ = on;
  }

  /// The first client does nothing but write to one file, one write after
  /// another.
  [[nodiscard]] bool steady(node_index i) const {
    return steady_ && i == first_client();
  }
  void set_steady(bool on) {
    steady_ = on;
  }
  /// Since when its write has waited; nothing while none is under way.
  [[nodiscard]] std::optional<virtual_time> waits_since();

  /// What is not as it should be at rest; empty: all is well.
  /// @param missing A server that is away, and is not missed.
  [[nodiscard]] std::string complaints(std::optional<node_index> missing = {});
  /// Replicas that the master counts on and that their servers show to nobody;
  /// empty: none.
  [[nodiscard]] std::string refused();
  /// Replicas with rotten bytes that nobody has found; empty: none.
  [[nodiscard]] std::string rotten() const;
  /// What is in quarantine; empty: nothing is.
  [[nodiscard]] std::string quarantined() const;
  /// At rest: what every single replica has that the master counts.
  void judge_holders();

private:
  chunks_options options_;
  std::vector<chunk_disk> disks_;
  row_disk rows_;
  chunk_witness witness_;
  sim_names names_;
  ppm crash_steps_ = 0;
  bool idle_ = false;
  bool steady_ = false;
  bool lengths_late_ = false;
  bool rots_ = false;
  bool scrubs_ = false;
  std::unique_ptr<sim::world> world_;
};

} // namespace dfs::sim
