#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "core/chunks/lease_rule.hpp"
#include "messages/chunk_control.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace dfs::core {

/// What two clocks of one machine said at the same moment. CLOCK_BOOTTIME goes
/// on while the machine is suspended; neither it nor anything else that counts
/// goes on while a virtual machine is a file, but the wall clock is set right
/// afterwards.
struct clock_pair {
  boot_instant boot;
  std::chrono::nanoseconds wall{0}; ///< Unix time.

  bool operator==(const clock_pair&) const = default;
};

struct holder_config {
  /// The wall clock may go away from CLOCK_BOOTTIME by this much between two
  /// heartbeats, and by a thousandth of the time between them: more is a jump.
  /// 20 ms in 500 ms are 4 %, less than the clock rate error that every lease
  /// allows for: jumps that pass unnoticed do no harm, however many.
  std::chrono::milliseconds jump_max{20};
  /// Heartbeats whose answers are waited for. More than a lease is long.
  std::size_t unanswered_max = 64;
  /// How long it is known when a heartbeat was sent: longer than a grant may
  /// be on its way in the hands of a client.
  std::chrono::milliseconds memory{2 * chunk_lease};
  std::chrono::milliseconds memory_grain{50};
};

/// The holder's end of the node lease, and from when chunk leases count
/// (docs/protocols/chunks.md). One per life of a chunkserver: its own view.
/// Pure; whoever grants is `server_table`.
///
///  H1  The lease ends no later than `lease_use` after the sending of a
///      heartbeat that the present master, asked by this life, answered.
///  H2  Sequences grow over terms: no two heartbeats of a life share one, nor
///      anything else that has its place among them.
///  H3  After a jump of the clocks nothing counts that was sent before it.
///      Nor, once a lease has begun after a gap, what was sent before it.
///  H4  `heard` names no answer before its orders have been carried out.
class holder_lease {
public:
  /// @param last Highest sequence that this life has used, 0 at first.
  holder_lease(holder_config config, boot_id boot, std::uint64_t last = 0);

  /// Another registration: answers to what was sent before do not count any
  /// more. A lease that runs goes on.
  void enter(master_term term);

  struct heartbeat {
    std::uint64_t sequence = 0;
    std::uint64_t heard = 0;
    bool leased = false;
  };

  /// A heartbeat is sent now.
  [[nodiscard]] heartbeat send(const clock_pair& now);

  /// A number that no heartbeat gets: above those of all that were sent, and
  /// below those of all that will be.
  [[nodiscard]] std::uint64_t number();

  /// Is this the answer to a heartbeat that waits for one? Others must not
  /// have any effect.
  [[nodiscard]] bool counts(const msg::chunk_heartbeat_ack& answer) const;

  /// What the answer ordered has been carried out (H4): the lease begins anew,
  /// if the answer gave one. Does nothing if it does not count any more.
  void
  accept(std::uint64_t sequence, std::uint32_t lease_ms, const clock_pair& now);

  /// Looks for a jump, which ends the lease.
  /// @returns true if there was one since the last answer that counted.
  [[nodiscard]] bool check(const clock_pair& now);

  /// Ends the lease at once. The next answer to what is sent from now on may
  /// begin another.
  void drop();

  /// The end of the lease; long ago if there is none.
  [[nodiscard]] boot_instant until() const {
    return until_;
  }

  [[nodiscard]] bool runs(boot_instant now) const {
    return now < until_;
  }

  /// When a lease ends that counts from that heartbeat, at the latest; none
  /// when it is not known (any more) when that was sent.
  [[nodiscard]] std::optional<boot_instant>
  end_of(std::uint64_t sequence, std::uint32_t lease_ms) const;

  /// The last number given: of a heartbeat, as a rule.
  [[nodiscard]] std::uint64_t sequence() const {
    return sequence_;
  }

  /// Aborts if an invariant is broken.
  void check_invariants() const;

private:
  [[nodiscard]] bool jumped(const clock_pair& from, const clock_pair& to) const;
  void remember(boot_instant now);

  holder_config config_;
  boot_id boot_;
  master_term term_;
  std::uint64_t sequence_;
  std::uint64_t heard_ = 0;
  boot_instant until_;
  std::map<std::uint64_t, clock_pair> unanswered_;
  std::map<std::uint64_t, boot_instant> sent_; ///< For chunk leases.
  /// When a heartbeat was sent whose answer counted: the youngest, or one not
  /// much older.
  std::optional<clock_pair> reference_;
};

} // namespace dfs::core
