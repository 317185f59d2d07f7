#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace dfs::core {

/// Methods of clients whose handlers throw, at one front door. Pure.
///
/// A request whose handler throws ends its subsystem, and enough of them would
/// end the node: a client that may send such a request could do so at will. So
/// a method that threw twice is not handled any more, for a while.
///
///  I1  In any time of length `rest` a method throws at most `throws_max` times
///      before it is refused; after it was refused once, one time, until it
///      has not thrown for `probation`.
class method_quarantine {
public:
  static constexpr std::uint32_t throws_max = 2;
  static constexpr std::chrono::minutes rest{10};
  static constexpr std::chrono::hours probation{24};

  /// What is known of one method, for the next process.
  struct record {
    std::uint16_t method = 0;
    std::uint32_t throws = 0; ///< Not those that a rest has made forgotten.
    std::chrono::milliseconds ago{0}; ///< The last one.

    bool operator==(const record&) const = default;
  };

  method_quarantine() = default;

  /// Goes on where another one stopped: an end of the process, which a handler
  /// may bring about, must not make it forget.
  method_quarantine(const std::vector<record>& known, instant now);

  [[nodiscard]] std::vector<record> records(instant now) const;

  /// Its handler threw. @returns whether it is refused from now on, and was not
  /// before.
  bool threw(std::uint16_t method, instant now);

  [[nodiscard]] bool refuses(std::uint16_t method, instant now) const;

private:
  struct entry {
    std::uint32_t throws = 0;
    instant last{};
  };

  [[nodiscard]] static bool refused(const entry& x, instant now);

  std::map<std::uint16_t, entry> methods_; ///< Bounded by their number.
};

} // namespace dfs::core
