#pragma once

#include "support/sim/clock.hpp"
#include "support/sim/network.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dfs::sim {

class world;

/// Knows a promise and watches a world for a breach of it. It sees all nodes at
/// once, which no node can. Proved by a planted bug: an oracle that misses its
/// mutant watches nothing.
class oracle {
public:
  oracle() = default;
  oracle(const oracle&) = delete;
  oracle& operator=(const oracle&) = delete;
  virtual ~oracle() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// After each event of a process; has to be quick.
  /// @returns what is wrong, if anything is.
  [[nodiscard]] virtual std::optional<std::string>
  after_event(const world&, node_index) {
    return std::nullopt;
  }

  /// Every `period` of `world::watch`, and on `world::check_now`.
  [[nodiscard]] virtual std::optional<std::string> at_times(const world&) {
    return std::nullopt;
  }
};

/// The first breach of a promise; the world stands still from then on.
struct violation {
  std::string oracle;
  std::string what;
  virtual_time when{};
};

} // namespace dfs::sim
