#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/metrics.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "base/time.hpp"
#include "fileserver/version_service.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::actors {

/// Wakes the version keeper, whatever life it is in, and brings it what the
/// data thread has found out. Any thread; copies share one.
class version_inlet {
public:
  void connect(const version_keeper_actor& keeper) const;
  /// There is news.
  void wake() const;
  void put(std::vector<msg::group_standing> standings) const;
  /// What was put last, once.
  [[nodiscard]] std::optional<std::vector<msg::group_standing>> take() const;
  /// What `remember` was asked to write is written, or could not be.
  void put_remembered(const msg::master_mark& mark, bool durable) const;
  struct remembered {
    msg::master_mark mark;
    bool durable = false;
  };
  [[nodiscard]] std::optional<remembered> take_remembered() const;

private:
  struct box {
    std::mutex guard;
    caf::weak_actor_ptr keeper;
    std::optional<std::vector<msg::group_standing>> standings;
    std::optional<remembered> mark;
  };

  std::shared_ptr<box> box_ = std::make_shared<box>();
};

/// Of one process: outlives the keeper's lives. Any thread.
struct version_keeper_counters {
  std::atomic<std::uint64_t> beats_answered{0};
  std::atomic<std::uint64_t> beats_failed{0};
  std::atomic<std::uint64_t> orders{0};
  std::atomic<std::uint64_t> news{0};
  std::atomic<bool> registered{false};
};

struct version_keeper_options {
  store_id store;
  boot_id boot;
  std::string name;
  std::string zone;
  endpoint data; ///< Advertised port of versions.
  fileserver::version_service* service = nullptr; ///< Outlives the actor.
  std::function<std::vector<msg::volume_status>()> volumes;
  /// Other disks of this server; null: none.
  std::function<std::vector<msg::volume_status>()> disks;
  std::function<bool()> full; ///< No room for a content; null: never.
  /// As `msg::register_fileserver::rows`; null: not told.
  std::function<std::uint64_t()> rows;
  msg::master_mark newest; ///< That this node ever obeyed.
  /// Makes durable that no older metadata are to be obeyed, in another thread;
  /// the inlet brings what came of it.
  std::function<void(const msg::master_mark&)> remember;
  version_inlet inlet; ///< To be connected by whoever spawns.
  subsystem_ref<membership_actor> membership;
  subsystem_ref<control_links_actor> links;
  health_board* board = nullptr; ///< Check "fileserver".
  std::shared_ptr<version_keeper_counters> counters
    = std::make_shared<version_keeper_counters>();
};

struct version_keeper_state {
  static inline const char* name = "version-keeper";
  version_keeper_state() = default;

  enum class phase : std::uint8_t {
    searching,
    registering,
    remembering, ///< The answer, before anything of it is obeyed.
    registered,
  };

  version_keeper_options options;
  phase at = phase::searching;
  version_directory_actor directory; ///< Watched; null without one.
  std::uint64_t talk = 0;            ///< Answers of older talks are late.
  msg::fileserver_registered answer; ///< Of the present talk.
  msg::master_mark newest;           ///< That was obeyed: older ones are over.
  bool marking = false;              ///< It is being written.
  instant mark_at{};                 ///< Not written again before.
  std::chrono::milliseconds heartbeat{500};
  std::uint64_t sequence = 0;
  std::uint64_t servers_known = 0;
  std::size_t told = 0;  ///< Groups, in this term.
  bool asking = false;   ///< The service, how its groups stand.
  bool beating = false;  ///< A beat is not answered yet.
  instant next{};        ///< Beat, or attempt to register.
  instant notes_after{}; ///< The last ones were refused.
  std::string trouble;   ///< As the board was told.
};

/// A file server's end of docs/protocols/versioned_files.md towards the master:
/// registers, beats, passes orders down and news up. Waits for nothing.
version_keeper_actor::behavior_type version_keeper(
  version_keeper_actor::stateful_pointer<version_keeper_state> self,
  version_keeper_options options);

/// Metrics of a file server: docs/metrics.md.
void describe_versions(metrics_page& page, const version_keeper_counters& talk,
                       const fileserver::version_counters& work,
                       const storage::content_usage& disks);

} // namespace dfs::actors
