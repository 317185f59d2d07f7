#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "core/chunks/led_table.hpp"
#include "core/chunks/replica_list.hpp"
#include "messages/chunk_control.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dfs::chunkserver {

/// What a chunk keeper does things with: the data server and the disks of this
/// node. Any thread may call any member. None of them waits, for a disk or for
/// a thread; callbacks come once each, or not at all once the node is going, on
/// any thread, and must not block.
class chunk_hands {
public:
  template <class T>
  using callback = std::function<void(result<T>)>;

  virtual ~chunk_hands() = default;

  // -- leases, as `data_service` says -----------------------------------------

  virtual void begin_life(lease_epoch granted) = 0;
  virtual void set_node_lease(boot_instant until) = 0;
  virtual void note_heartbeat(std::uint64_t sequence, boot_instant sent) = 0;
  virtual void renew_leases(std::vector<lease_epoch> epochs, boot_instant until)
    = 0;
  virtual void end_leases(std::vector<lease_epoch> epochs) = 0;

  /// The clocks have jumped: all leases are over, and so are those that would
  /// count from heartbeats noted so far.
  virtual void forget_clocks() = 0;

  /// Nothing below these versions is served or changed any more, once it is
  /// called back.
  virtual void
  revoke(std::vector<msg::chunk_state> chunks, std::function<void()> done)
    = 0;

  virtual void led_since(std::uint64_t after, std::size_t most,
                         std::function<void(core::led_page)> done)
    = 0;

  /// For people.
  virtual void led(chunk_id after, std::size_t most,
                   std::function<void(std::vector<msg::led_chunk>)> done)
    = 0;

  // -- orders of the master, as messages/chunk_control.hpp says ---------------

  virtual void
  fence(const msg::fence_chunk& order, callback<msg::chunk_state> done)
    = 0;
  virtual void take_lease(msg::take_lease order, boot_instant until,
                          callback<msg::lease_taken> done)
    = 0;
  virtual void
  release(chunk_id chunk, lease_epoch epoch, callback<msg::lease_released> done)
    = 0;
  virtual void copy(msg::copy_chunk order, callback<msg::chunk_state> done) = 0;
  virtual void remove(std::vector<msg::chunk_state> chunks,
                      callback<std::vector<chunk_id>> done)
    = 0;

  /// Reads these and sees whether they are good, one after the other; events
  /// tell what is not. Too many at once are forgotten.
  virtual void verify(std::vector<chunk_id> chunks) = 0;

  // -- what needs a disk
  // -------------------------------------------------------

  /// All replicas in service on volumes that have not failed, by id.
  virtual void list(std::function<void(core::replica_list)> done) = 0;

  /// Makes durable that no older metadata are to be obeyed.
  virtual void
  persist_mark(const msg::master_mark& mark, callback<nothing> done)
    = 0;

  // -- how it does
  // -------------------------------------------------------------

  struct condition {
    std::vector<msg::volume_status> volumes;
    std::uint32_t load = 0; ///< Requests under way.
    std::uint64_t chunks = 0;
    std::uint64_t chunks_led = 0;
    std::uint64_t bytes = 0; ///< Of chunk data.
    /// Why a lease could not be honoured; empty: it could.
    std::string impediment;
    std::uint64_t not_freed = 0; ///< Removals that disks refused, ever.
    std::string cannot_free;     ///< Volumes that refuse them now; for people.
  };

  /// As last seen, some 100 ms ago: looks at nothing itself.
  [[nodiscard]] virtual condition look() const = 0;

  /// Takes nothing new; called back when what was under way is done, or after
  /// `patience`.
  virtual void
  drain(std::chrono::milliseconds patience, std::function<void()> done)
    = 0;
};

} // namespace dfs::chunkserver
