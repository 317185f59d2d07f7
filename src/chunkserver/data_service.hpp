#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "core/chunks/led_table.hpp"
#include "core/chunks/replica_list.hpp"
#include "messages/chunk.hpp"
#include "messages/chunk_control.hpp"
#include "net/data_limits.hpp"
#include "net/tls.hpp"
#include "storage/chunk_store.hpp"
#include "wire/key_ring.hpp"
#include "wire/token.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::chunkserver {

/// What the data server noticed by itself, for whoever reports to the master.
/// Called in the data thread; must not block. Unset ones are skipped.
struct data_events {
  /// New here, or with a new version.
  std::function<void(const msg::chunk_state&)> arrived;
  /// Not here any more, without an order.
  std::function<void(chunk_id)> lost;
  /// Found bad, and moved aside.
  std::function<void(chunk_id)> corrupt;
  /// This server leads the chunk no longer: its own verdict, for the log.
  std::function<void(chunk_id, lease_epoch, const error&)> lease_ended;
};

struct data_service_options {
  std::string cluster; ///< 16 hex digits.
  std::string name;    ///< Of this node, as in its certificate.
  store_id store;      ///< Of its data directory.
  boot_id boot;
  std::uint32_t chunk_size = msg::chunk_size_max;
  /// Null: plain TCP.
  std::shared_ptr<net::tls_source> tls;
  std::shared_ptr<const wire::key_ring> keys; ///< Of tokens and grants.
  net::data_limits limits;
  data_events events;
  /// Volumes of this node are out of service: any chunk may have been there.
  bool incomplete = false;
  /// Threads for disk work that would make the loop wait.
  unsigned disk_threads = 2;
  /// Of a copy from another server, all copies together.
  std::uint64_t copy_bytes_per_second = 200u << 20;
  /// A successor that is silent for so long has failed; one that is alive and
  /// gets nothing done (a disk that hangs), after `stalled_after`.
  std::chrono::milliseconds silent_after{1'000};
  std::chrono::milliseconds stalled_after{8'000};
  /// Unix time for tokens; boot time and Unix time for leases. For tests.
  std::function<wire::unix_ms()> clock;
  std::function<boot_instant()> boottime;
  std::function<std::chrono::nanoseconds()> walltime;
};

/// Numbers only grow, but for the first five.
struct data_counters {
  std::uint64_t connections = 0;
  std::uint64_t requests_open = 0;
  std::uint64_t changes_open = 0; ///< Ordered here, not yet committed.
  std::uint64_t chunks_led = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused = 0; ///< Answered with an error.
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0; ///< By clients, here as primary.
  std::uint64_t bytes_replicated = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t changes = 0; ///< Ordered here.
  std::uint64_t leases_failed = 0;
  std::uint64_t integrity_faults = 0;
  std::uint64_t cold_reads = 0;
};

/// The data server of a chunkserver: a port, a thread (`dfs-data`), and the
/// order of changes of every chunk that lives here
/// (docs/protocols/chunk_data.md).
///
/// Any thread may call any member; none of them waits, unless it says so.
/// Callbacks come once each, in the data thread, and must not block. Without a
/// node lease nothing is read and nothing is acknowledged.
class data_service {
public:
  template <class T>
  using callback = std::function<void(result<T>)>;

  /// Binds, and starts the thread. @param listen Port 0: the system chooses.
  /// @param volumes At least one, open; they must outlive this.
  /// @returns `ec::in_use` or `ec::configuration`, naming the address.
  [[nodiscard]] static result<std::unique_ptr<data_service>>
  start(const endpoint& listen, std::vector<storage::chunk_store*> volumes,
        data_service_options options);

  /// As `stop`.
  ~data_service();
  data_service(const data_service&) = delete;
  data_service& operator=(const data_service&) = delete;

  /// Cuts every connection and ends the thread; waits for it. What was open
  /// stays unanswered; callbacks that have not come do not come any more.
  /// Calls that come later are answered with `ec::shutting_down`. Repeatable.
  void stop();

  /// Accepts no more, takes no more changes (`ec::shutting_down`), and calls
  /// back when what was under way is answered, or after `patience`.
  void drain(std::chrono::milliseconds patience, std::function<void()> drained);

  [[nodiscard]] endpoint address() const;

  // -- leases -----------------------------------------------------------------

  /// A master knows this life of the server. Grants up to that one were to a
  /// former life: no change under them makes a chunk here, nor does any before
  /// this is called.
  void begin_life(lease_epoch granted);

  /// The node lease runs until then; in the past: it is over. At once.
  void set_node_lease(boot_instant until);

  /// Heartbeat `sequence` of this boot was sent then. Call it before it is
  /// sent: a client may bring a grant that counts from it.
  void note_heartbeat(std::uint64_t sequence, boot_instant sent);

  /// Leases that the master renewed, as `core::lease_use` counts.
  void renew_leases(std::vector<lease_epoch> epochs, boot_instant until);

  /// Leases that are over, the master says.
  void end_leases(std::vector<lease_epoch> epochs);

  /// Be primary, once the others are level. @param until As in `renew_leases`.
  /// Errors as msg::take_lease says. Repeatable.
  void take_lease(msg::take_lease order, boot_instant until,
                  callback<msg::lease_taken> done);

  /// The clocks have jumped: ends every lease here, and those that would count
  /// from heartbeats noted so far.
  void forget_clocks();

  /// Refuses changes below `version` from now on; called back when that is
  /// durable. Repeatable. After `ec::not_found` and `ec::io_error` the version
  /// is revoked. @param fresh Makes the chunk, empty, where it is not.
  /// @returns `ec::not_found`, `ec::stale` (a newer version), `ec::io_error`.
  void fence(chunk_id chunk, chunk_version version,
             callback<msg::chunk_state> done, bool fresh = false);

  /// Nothing below these versions is served or changed here any more, in this
  /// life; called back when that holds. Needs no disk. Repeatable.
  void revoke(std::vector<msg::chunk_state> chunks, std::function<void()> done);

  /// Takes no more changes; called back when those under way are committed or
  /// given up. Not led under this epoch: at once. @returns `ec::not_found`.
  void release(chunk_id chunk, lease_epoch epoch,
               callback<msg::lease_released> done);

  /// What has happened to its leases since everything up to `after` was told,
  /// with what is committed now (`core::led_table::news`).
  void led_since(std::uint64_t after, std::size_t most,
                 std::function<void(dfs::core::led_page)> done);

  /// The same for people: at most the first `most` after `from`, by id, then
  /// from the beginning.
  void led(chunk_id from, std::size_t most,
           std::function<void(std::vector<msg::led_chunk>)> done);

  // -- replicas ---------------------------------------------------------------

  /// A master of this term is obeyed: no copy that an older one ordered counts
  /// once this has called back.
  void obey(master_term term, std::function<void()> done);

  /// Gets a replica from one of `order.from`. A chunk that is here with this
  /// version and at least this serial is answered at once; an older one is
  /// replaced when the new one is complete. At most four at a time, others
  /// wait. Repeatable.
  /// @returns `ec::full`, `ec::integrity`, `ec::unavailable`, `ec::stale` (no
  ///   source has it, or the version was revoked, or a newer master is obeyed
  ///   meanwhile), `ec::busy` (more than 64 wait), `ec::io_error`.
  void copy(msg::copy_chunk order, callback<msg::chunk_state> done);

  /// Removes replicas of at most the version named. Those that are gone now, or
  /// were not here, are called back.
  void remove(std::vector<msg::chunk_state> chunks,
              callback<std::vector<chunk_id>> done);

  /// Calls back with those of these that are not being removed: a master that
  /// did not order it would count on them. And says which are shown to nobody.
  /// Not called back while the service stops.
  void judge_listed(std::vector<msg::chunk_state> chunks,
                    std::function<void(dfs::core::replica_list)> done);

  /// Reads all of it from the disk and moves it aside if it is bad; that, or
  /// that it is not here, is an event, too.
  /// @returns `ec::integrity`, `ec::not_found`, `ec::busy`.
  void verify(chunk_id chunk, callback<nothing> done);

  /// A volume has failed, and these were there: `lost` is told of those that
  /// are on no other one. The data thread knows which have been copied since.
  void tell_lost(std::vector<chunk_id> chunks);

  /// All replicas in service, by id. Asks the volumes: not while in a hurry.
  [[nodiscard]] std::vector<msg::chunk_state> list() const;

  /// @returns `ec::not_found`.
  [[nodiscard]] result<msg::chunk_state> state(chunk_id chunk) const;

  [[nodiscard]] data_counters counters() const;

  /// For tokens and grants that come from now on.
  void replace_keys(std::shared_ptr<const wire::key_ring> keys);

private:
  class core;
  explicit data_service(std::shared_ptr<core> core);
  std::shared_ptr<core> core_;
};

} // namespace dfs::chunkserver
