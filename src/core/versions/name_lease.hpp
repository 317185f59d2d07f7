#pragma once

#include "base/time.hpp"
#include "messages/version_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

// Clients go by remembered names of versioned files without asking, while the
// master has promised to change none (Gray and Cheriton, "Leases", SOSP 1989).
// One lease is for all names together: what a put to the next file needs, too.
// docs/protocols/versioned_files.md, "Names".
//
//  NL1  While a lessee goes by a name, the name means the file that it
//       remembers, in the master's tree.
//  NL2  A change of names waits for `kept` at most.

namespace dfs::core {

struct name_lease_times {
  /// Of a lease, from when the client asked.
  std::chrono::milliseconds lease{100};
  /// How long the master keeps to it, from when it answered: the clocks of
  /// both may differ in rate by 5 %.
  std::chrono::milliseconds kept{110};
  /// No lease is given so long after a change: of many in a row one waits.
  std::chrono::milliseconds pause{1'000};
};

/// The master's end. Pure.
class name_lessor {
public:
  /// @param position Of the master's log: what was looked up before may have
  ///   changed since. Leases of the life before may be out.
  name_lessor(boot_instant now, std::uint64_t position,
              const name_lease_times& times = {})
    : times_{times},
      changed_at_{position},
      out_until_{now + times.kept} {
    // nop
  }

  /// How long a change has to wait that takes a name from a file; it is asked
  /// for again then, and leases are given no more until it may go on. 0: now.
  [[nodiscard]] boot_clock::duration wait(boot_instant now);

  /// All changes that waited were made, or given up: the state in which they
  /// waited may have changed, and then nobody asks `wait` again.
  void nobody_waits() {
    waited_for_ = false;
  }

  /// The change was made.
  /// @param position Of the master's log, this change included.
  void changed(boot_instant now, std::uint64_t position);

  /// For an answer about a name; it holds for all names.
  [[nodiscard]] msg::name_lease grant(boot_instant now);

private:
  name_lease_times times_;
  std::uint64_t changed_at_;
  boot_instant out_until_;
  boot_instant pause_until_{};
  bool waited_for_ = false; ///< By a change.
};

/// The client's end: for all names that it remembers. Pure.
class name_lessee {
public:
  /// Answers may come in any order.
  /// @param asked When the question was sent, which `x` is the answer to.
  void learn(boot_instant asked, const msg::name_lease& x) {
    until_ = std::max(until_, asked + std::chrono::milliseconds{x.ms});
    changed_at_ = std::max(changed_at_, x.changed_at);
  }

  /// Does a name mean what it meant when it was looked up?
  /// @param looked_up_at `msg::file_located::looked_up_at`.
  [[nodiscard]] bool
  covers(std::uint64_t looked_up_at, boot_instant now) const {
    return now < until_ && looked_up_at >= changed_at_;
  }

private:
  boot_instant until_{};
  std::uint64_t changed_at_ = 0;
};

} // namespace dfs::core
