#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "core/versions/coordinator.hpp"
#include "core/versions/outcome_ages.hpp"
#include "fileserver/news_box.hpp"
#include "messages/version_master.hpp"
#include "net/data_limits.hpp"
#include "net/tls.hpp"
#include "storage/versions/version_store.hpp"
#include "wire/key_ring.hpp"
#include "wire/token.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::fileserver {

struct version_service_options {
  std::string cluster; ///< 16 hex digits.
  std::string name;    ///< Of this node, as in its certificate.
  store_id store;      ///< Of its data directory.
  boot_id boot;
  /// Null: plain TCP.
  std::shared_ptr<net::tls_source> tls;
  std::shared_ptr<const wire::key_ring> keys; ///< Of tokens.
  net::data_limits limits;
  core::coordinator_config coordinator;
  core::outcome_limits outcomes;
  /// A peer that is silent for so long although something waits for it is cut.
  std::chrono::milliseconds silent_after{1'000};
  /// So long a put may wait for its acceptances; then it is not known.
  std::chrono::milliseconds put_patience{5'000};
  unsigned disk_threads = 2;
  std::size_t fetches_at_once = 8;
  /// There is news for the master. Any thread; must not block.
  std::function<void()> on_news;
  /// For the log: what happened to a group. The data thread; must not block.
  std::function<void(group_id, const std::string&)> on_event;
  /// Unix time. For tests.
  std::function<wire::unix_ms()> clock;
};

/// Numbers only grow, but for the first seven.
struct version_counters {
  std::uint64_t connections = 0;
  std::uint64_t requests_open = 0;
  std::uint64_t groups = 0;
  std::uint64_t groups_led = 0;
  std::uint64_t contents_missing = 0;
  std::uint64_t fetches_open = 0;
  std::uint64_t notes_waiting = 0; ///< For their receipts.
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  std::uint64_t puts = 0; ///< Answered as done, here as primary.
  std::uint64_t puts_failed = 0;
  std::uint64_t puts_unknown = 0;
  std::uint64_t states_read = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_taken = 0; ///< Of contents, from clients and servers.
  std::uint64_t bytes_fetched = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t integrity_faults = 0;
  std::uint64_t contents_dropped = 0; ///< Nobody named them.
};

/// The data server of a file server: a port, a thread (`dfs-versions`), and its
/// part in every replica group (docs/protocols/versioned_files.md).
///
/// Any thread may call any member; none of them waits, unless it says so.
/// Callbacks come once each, in the data thread, and must not block.
class version_service {
public:
  /// Binds, and starts the thread. @param listen Port 0: the system chooses.
  /// @param store Outlives this.
  /// @returns `ec::in_use` or `ec::configuration`, naming the address; what
  ///   `group_store::load` says.
  [[nodiscard]] static result<std::unique_ptr<version_service>>
  start(const endpoint& listen, storage::version_store& store,
        version_service_options options);

  /// As `stop`.
  ~version_service();
  version_service(const version_service&) = delete;
  version_service& operator=(const version_service&) = delete;

  /// Cuts every connection and ends the thread; waits for it. What was open
  /// stays unanswered. Repeatable.
  void stop();

  /// Resigns where it leads, accepts no more, and calls back when what was
  /// under way is answered, or after `patience`.
  void drain(std::chrono::milliseconds patience, std::function<void()> drained);

  [[nodiscard]] endpoint address() const;

  /// What the master says. May be repeated.
  void obey(msg::group_orders orders);

  /// Where all file servers are.
  void set_servers(std::vector<msg::chunk_replica> servers);

  /// The master's clock of deletions, Unix time (`core::kept_clock`): read on
  /// from here until it is told again. Before that nothing is old.
  void set_kept(std::int64_t unix_ms);

  /// The master finds that the store has not gone back: what was loaded may
  /// answer from now on. Before that only orders of the master change it.
  void trust();
  [[nodiscard]] bool trusted() const;

  /// What the master is to hear.
  [[nodiscard]] news_box& news();
  /// Its answer to `news_box::take_asked`.
  void told(msg::told_found x);
  /// It has lost rows that it had receipted.
  void tell_again();

  /// How it stands in each of its groups, by id.
  void
  standings(std::function<void(std::vector<msg::group_standing>)> told) const;

  [[nodiscard]] version_counters counters() const;

  /// A chunk of a volume of the store looks bad: the content that it is a piece
  /// of is verified; one that is bad is set aside, and fetched from others.
  void verify(store_id volume, chunk_id chunk);

  /// For tokens that come from now on.
  void replace_keys(std::shared_ptr<const wire::key_ring> keys);

private:
  class core;
  explicit version_service(std::shared_ptr<core> core);
  std::shared_ptr<core> core_;
};

} // namespace dfs::fileserver
