#pragma once

#include "core/versions/coordinator.hpp"
#include "support/history/operation.hpp"
#include "support/sim/versions_disk.hpp"
#include "support/sim/versions_messages.hpp"
#include "support/sim/versions_witness.hpp"
#include "support/sim/world.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Versioned files under simulation (docs/protocols/versioned_files.md): the
// cores of master, primaries, replicas and clients as they are, around them
// simulated disks, and the histories of all clients.

namespace dfs::sim {

struct versions_options {
  node_index servers = 5;
  node_index clients = 4;
  std::uint32_t files = 3;    ///< Names, over all groups.
  std::size_t page_files = 1; ///< Files of a group at once.
  /// Of a content, to a server that fills up; one after another.
  std::chrono::nanoseconds content_time{0};
  node_index askers = 0;  ///< Of what became of puts.
  bool commands = false;  ///< Each put is a writer of its own; none deletes.
  bool remembers = false; ///< No outcome is ever too long ago.
  bool purges = false;    ///< Clients delete often, and all that is purged.
  core::version_directory_config directory; ///< With N, W and R.
  core::coordinator_config config;
  world_options world; ///< Its mutants: versions_mutants.hpp.
};

/// A put, told of or not, that anybody may ask about.
struct told_put {
  std::size_t operation = 0; ///< In the history.
  inode_id file;
  msg::put_id id;
  std::uint64_t looked_up_at = 0;
  bool told = false; ///< To an asker, one way or the other.
};

class version_master;
class version_server;

/// The cluster: the master, then the servers, the clients, and the askers.
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
  [[nodiscard]] version_witness& witness() {
    return witness_;
  }
  [[nodiscard]] version_disk& disk(node_index server) {
    return disks_.at(server - first_server());
  }
  [[nodiscard]] master_disk& metadata() {
    return metadata_;
  }
  [[nodiscard]] std::vector<history::operation>& past() {
    return past_;
  }
  [[nodiscard]] static constexpr node_index master_node() {
    return 0;
  }
  [[nodiscard]] static constexpr node_index first_server() {
    return 1;
  }
  [[nodiscard]] node_index first_client() const {
    return 1 + options_.servers;
  }
  [[nodiscard]] node_index clients_end() const {
    return first_client() + options_.clients;
  }
  [[nodiscard]] static store_id store_of(node_index i) {
    return store_id{i + 100u};
  }
  [[nodiscard]] static node_index node_of(store_id store) {
    return static_cast<node_index>(store.value() - 100);
  }
  /// Of the present life of a server.
  [[nodiscard]] boot_id boot_of(node_index i) const {
    return boot_id{std::uint64_t{i} << 32 | world_->at(i).life()};
  }
  [[nodiscard]] bool mutant(std::string_view name) const {
    return world_->mutant(name);
  }

  void send(node& from, node_index to, version_packet x);
  [[nodiscard]] const version_packet& packet(const datagram& x) const;

  /// Null while it is down.
  [[nodiscard]] version_master* master();
  [[nodiscard]] version_server* server(node_index i);

  void start_all();
  /// @param power Of the whole machine: its ports do not even refuse.
  void crash(node_index i, bool power);
  void start(node_index i);
  /// Does a port of this server's machine refuse the master?
  [[nodiscard]] bool refuses(node_index i) const;
  /// The master's sets and servers are gone, its term and names aside.
  /// @pre The master is down.
  void lose_directory();
  /// The master's metadata go back to before names were freed that nobody has
  /// used again. @param backup What the names show is as it was then; null: as
  /// it was when they were freed. @pre The master is down.
  void regain_names(const master_disk* backup);
  /// Names that show what their groups have forgotten are purged, as their
  /// owners would. @pre The clients are idle.
  void purge_forgotten_names();
  /// The master's names are those of a backup, in a branch of its own. Without
  /// those whose files were unlinked since, for their groups forgot them.
  /// @pre The master is down.
  void restore_names(const master_disk& backup);
  /// From the master's next life on.
  void set_rule(msg::quorum_rule x) {
    options_.directory.rules[0] = x;
  }
  /// What the masters have noted, over all lives.
  [[nodiscard]] std::map<core::version_note_line::kind, std::uint64_t>&
  notes() {
    return notes_;
  }
  /// Clients end what they are doing, and begin nothing.
  void rest() {
    resting_ = true;
  }
  [[nodiscard]] bool resting() const {
    return resting_;
  }

  // -- puts that are asked about
  // -----------------------------------------------

  /// @pre Its operation is the last one of the history.
  void
  put_ended(inode_id file, const msg::put_id& id, std::uint64_t looked_up_at);
  [[nodiscard]] const std::vector<told_put>& told_puts() const {
    return told_;
  }
  [[nodiscard]] std::optional<std::size_t> next_untold() const;
  /// The answer about one: its history has to bear it out from now on.
  /// @param version Zero: never done; nothing: too long ago.
  void judge_told(std::size_t put, std::optional<version_number> version);

  /// What is not as it should be at rest; empty: all is well.
  [[nodiscard]] std::string complaints();
  /// What the names show and is not so: each list is held against each content.
  /// @pre No other complaints.
  [[nodiscard]] std::string untrue_lists() const;
  /// Judges the histories. Nothing: they are linearizable.
  [[nodiscard]] std::optional<std::string> judge() const;

private:
  [[nodiscard]] std::string complaints_of(const core::group_entry& entry);

  versions_options options_;
  std::vector<version_disk> disks_;
  std::vector<bool> powerless_; ///< By node.
  master_disk metadata_;
  std::vector<history::operation> past_;
  std::vector<told_put> told_;
  std::vector<version_packet> packets_;
  std::map<core::version_note_line::kind, std::uint64_t> notes_;
  bool resting_ = false;
  std::unique_ptr<sim::world> world_;
  version_witness witness_;
};

/// The number that a reader sees for the bytes of a put.
[[nodiscard]] std::uint64_t value_of(const msg::put_id& content);

} // namespace dfs::sim
