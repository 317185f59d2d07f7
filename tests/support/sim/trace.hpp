#pragma once

#include "support/sim/network.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dfs::sim {

enum class trace_kind : std::uint8_t {
  sent,
  received,
  dropped, ///< Nobody there, or no room in a stalled node's socket.
  note,    ///< What the process itself had to say.
  life,    ///< Started, crashed, paused, resumed.
};

/// One line of a node's past. Turned into text only if somebody reads it.
struct trace_entry {
  virtual_time when{};
  trace_kind kind = trace_kind::note;
  endpoint peer;
  std::uint16_t local_port = 0;
  std::string body; ///< Of a packet, raw; otherwise text.
};

/// The last events of a node, oldest overwritten first. Entries are reused with
/// their strings, so that a long run takes no memory.
class trace {
public:
  explicit trace(std::size_t depth = 0) : depth_{depth} {
    // nop
  }

  /// A slot to fill in, or null when tracing is off.
  [[nodiscard]] trace_entry* add(virtual_time when, trace_kind kind);

  [[nodiscard]] std::size_t depth() const {
    return depth_;
  }

  /// Oldest first.
  [[nodiscard]] std::vector<const trace_entry*> entries() const;

private:
  std::size_t depth_;
  std::size_t next_ = 0;
  std::vector<trace_entry> ring_;
};

/// "12.345678s": virtual times in reports.
[[nodiscard]] std::string to_text(virtual_time t);

} // namespace dfs::sim
