#pragma once

#include "actors/chunk_directory.hpp"
#include "actors/chunk_keeper.hpp"
#include "actors/group_counters.hpp"
#include "actors/interfaces.hpp"
#include "actors/leader_board.hpp"
#include "actors/kept_quarantine.hpp"
#include "actors/membership_log.hpp"
#include "actors/namespace_keeper.hpp"
#include "actors/queue_server.hpp"
#include "actors/scrubber.hpp"
#include "actors/support/actor_registry.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/from_caf.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/kept_time.hpp"
#include "actors/support/log.hpp"
#include "actors/support/peer_roll.hpp"
#include "actors/support/port_prober.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "actors/support/supervisor.hpp"
#include "actors/support/told_findings.hpp"
#include "actors/version_directory.hpp"
#include "actors/version_keeper.hpp"
#include "base/utc_time.hpp"
#include "chunkserver/disk_pool.hpp"
#include "core/failure/address_book.hpp"
#include "roles/chunk_plane.hpp"
#include "roles/credentials.hpp"
#include "roles/group_watch.hpp"
#include "roles/node.hpp"
#include "roles/planes.hpp"
#include "roles/version_plane.hpp"
#include "settings/data_dir.hpp"
#include "storage/metadata_store.hpp"
#include "storage/obeyed_master.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dfs::roles {

/// For stamps, tokens and logs.
[[nodiscard]] unix_milliseconds wall_clock();

/// For what must differ between processes and is no secret.
[[nodiscard]] std::uint64_t random_number();

/// What a node is made of. The order of the members is the order of their
/// lives: what stands above outlives what stands below, and the actor system
/// goes before the planes that carry its last bytes.
struct node::parts {
  /// All that can be wrong without anybody outside noticing.
  [[nodiscard]] static result<std::unique_ptr<parts>>
  prepare(const settings::server_command_line& how,
          std::function<void(int, const std::string&)> give_up);

  parts(settings::server_command_line command_line,
        std::function<void(int, const std::string&)> on_give_up);
  ~parts();

  /// Spawns the subsystems and opens group and control plane.
  [[nodiscard]] result<nothing> start();

  /// Warns when the limits of connections ask for more than there may be.
  void judge_descriptors();

  /// Opens the doors for clients.
  [[nodiscard]] result<nothing> serve(const msg::group_joined& joined);

  /// The planes take up what `keys` has read again: handshakes and logins from
  /// now on.
  void use_keys();

  /// A join that failed, in words that say what to do.
  [[nodiscard]] error explain_join(const error& why) const;

  [[nodiscard]] msg::member_record own_record(std::uint64_t start_ms) const;
  [[nodiscard]] result<nothing> open_data();
  // Of the roles chunkserver, file server, master; nothing without them.
  [[nodiscard]] result<nothing> open_chunks();
  [[nodiscard]] result<nothing> open_versions();
  [[nodiscard]] result<nothing> open_queues();
  [[nodiscard]] result<nothing> open_metadata();
  /// What this start has made of both in a new data directory goes again.
  void forget_new_data();
  /// What the master's actors begin with. @pre The actor system is there.
  [[nodiscard]] result<nothing> load_metadata();
  void complete_status(msg::cluster_status& x) const;
  [[nodiscard]] result<nothing> load_versions(); ///< Part of it.
  [[nodiscard]] std::string history_path() const;
  /// The start stamp of another life, on disk. Any thread.
  [[nodiscard]] result<std::uint64_t> next_stamp(std::uint64_t at_least);
  /// Has it written down, soon. Never waits.
  void keep_stamp(std::uint64_t given);
  /// Of members that a former process knew, as the data directory tells.
  [[nodiscard]] std::vector<core::known_address> known_addresses() const;
  /// Has them written down, soon. Never waits.
  void keep_addresses(const std::vector<core::known_address>& all);
  /// With what a former process knew.
  [[nodiscard]] std::shared_ptr<actors::kept_quarantine> open_quarantine();
  /// Has them written down, soon. Never waits.
  void
  keep_failed_methods(std::vector<core::method_quarantine::record> all);
  /// Disks beside the volumes: of a file server's rows, the queues' log, and a
  /// master's metadata.
  [[nodiscard]] std::vector<msg::volume_status> other_disks() const;

  // One entry of the supervisor's list each.
  [[nodiscard]] std::vector<actors::supervised> subsystems();
  [[nodiscard]] actors::supervised supervise_membership();
  [[nodiscard]] actors::supervised supervise_detector();
  [[nodiscard]] actors::supervised supervise_watch();
  [[nodiscard]] actors::supervised supervise_links();
  [[nodiscard]] actors::supervised supervise_chunk_directory();
  [[nodiscard]] actors::supervised supervise_version_directory();
  [[nodiscard]] actors::supervised supervise_namespace();
  [[nodiscard]] actors::supervised supervise_backup();
  [[nodiscard]] actors::supervised supervise_chunk_keeper();
  [[nodiscard]] actors::supervised supervise_scrubber();
  [[nodiscard]] std::vector<actors::scrubbed_volume> scrubbed_volumes();
  [[nodiscard]] actors::supervised supervise_version_keeper();
  [[nodiscard]] actors::supervised supervise_multicast();
  [[nodiscard]] actors::supervised supervise_queues();
  [[nodiscard]] actors::supervised supervise_directory();
  [[nodiscard]] actors::supervised supervise_console();
  [[nodiscard]] actors::supervised supervise_echo();
  [[nodiscard]] actors::supervised supervise_door();

  [[nodiscard]] actors::door_router routes();
  void route_files(actors::door_router& router); ///< Of the master.
  [[nodiscard]] std::map<std::string, net::http_handler, std::less<>>
  monitoring();

  settings::server_command_line how;
  std::function<void(int, const std::string&)> give_up;
  actors::actor_registry registry;
  actors::health_board board;
  std::unique_ptr<credentials> keys;
  actors::door_inlet inlet;
  std::shared_ptr<actors::door_statistics> door_counts
    = std::make_shared<actors::door_statistics>();
  std::shared_ptr<actors::group_counters> group_counts
    = std::make_shared<actors::group_counters>();
  // For `status`, of a master.
  std::shared_ptr<actors::told_findings> list_findings
    = std::make_shared<actors::told_findings>();
  std::shared_ptr<actors::told_findings> link_findings
    = std::make_shared<actors::told_findings>();
  std::unique_ptr<planes> ports;
  std::optional<settings::data_dir> data;
  std::shared_ptr<actors::membership_log> history;
  std::shared_ptr<storage::obeyed_master> obeyed;
  std::mutex stamp_guard;              ///< For the stamps in `data`.
  chunkserver::disk_pool mark_disk{1}; ///< Writes marks, stamps, addresses.
  std::shared_ptr<actors::kept_quarantine> quarantine; ///< Of the front door.
  std::unique_ptr<chunk_plane> chunk_bytes;            ///< Of a chunkserver.
  actors::chunk_keeper_options keeper_options;         ///< Likewise.
  std::shared_ptr<actors::scrub_counters> scrub_counts ///< Or file server.
    = std::make_shared<actors::scrub_counters>();
  std::unique_ptr<version_plane> version_bytes;   ///< Of a file server.
  actors::version_keeper_options version_options; ///< Likewise.
  std::unique_ptr<fileserver::multicast_driver>
    queue_group; ///< Of one that keeps queues.
  actors::multicast_group_options multicast_options; ///< Likewise.
  actors::queue_server_options queue_options;        ///< Likewise.
  std::unique_ptr<storage::metadata_store> metadata; ///< Of a master.
  master_term term;                                  ///< Likewise.
  std::shared_ptr<actors::leader_board> leaders
    = std::make_shared<actors::leader_board>(random_number(), [this] {
        return obeyed ? obeyed->newest().term : master_term{};
      });
  core::master_lineage lineage;                                ///< Likewise.
  std::unique_ptr<actors::tcp_port_prober> prober;             ///< Likewise.
  actors::chunk_directory_options directory_options;           ///< Likewise.
  actors::version_directory_options version_directory_options; ///< Likewise.
  actors::namespace_keeper_options namespace_options;          ///< Likewise.
  msg::member_record self; ///< Of the first life.
  std::unique_ptr<actors::kept_time> deletions
    = std::make_unique<actors::kept_time>(actors::read_clocks); ///< Likewise.
  boot_id boot;
  std::uint64_t seed = 0;
  std::unique_ptr<caf::actor_system_config> system_config;
  std::unique_ptr<caf::actor_system> system;

  /// Who speaks to this node: by certificates, but for its own actors.
  std::shared_ptr<actors::peer_roll> roll;

  actors::subsystem_ref<actors::membership_actor> membership;
  actors::subsystem_ref<actors::failure_detector_actor> detector;
  actors::subsystem_ref<group_watch_actor> watch;
  actors::subsystem_ref<actors::control_links_actor> links;
  actors::subsystem_ref<actors::directory_actor> directory;
  actors::subsystem_ref<actors::chunk_directory_actor> chunks;
  actors::subsystem_ref<actors::version_directory_actor> versions;
  actors::subsystem_ref<actors::namespace_keeper_actor> names;
  actors::subsystem_ref<actors::metadata_backup_actor> backup;
  actors::subsystem_ref<actors::local_keeper_actor> keeper;
  actors::subsystem_ref<actors::scrubber_actor> scrubber;
  actors::subsystem_ref<actors::version_keeper_actor> version_keeper;
  actors::subsystem_ref<actors::multicast_group_actor> multicast;
  actors::subsystem_ref<actors::queue_server_actor> queues;
  actors::subsystem_ref<actors::admin_console_actor> console;
  actors::subsystem_ref<actors::echo_actor> echo;
  actors::subsystem_ref<actors::front_door_actor> door;
  actors::supervisor_actor supervisor;
  bool started = false; ///< Subsystems run.
  bool serving = false; ///< Clients are let in.
};

} // namespace dfs::roles
