#pragma once

#include "support/sim/clock.hpp"

#include <cstdint>
#include <vector>

namespace dfs::sim {

enum class event_kind : std::uint8_t { datagram, timer, call };

/// Something that will happen. What it is stands in the world's pools under
/// `slot`: events are moved around a lot, so they are small.
struct event {
  virtual_time due{};
  std::uint64_t order = 0; ///< Equal times: first scheduled, first served.
  std::uint32_t slot = 0;  ///< Of a datagram or call; for a timer, the node.
  event_kind kind = event_kind::call;
};

/// What is to come, soonest first. A heap of four children a node: half as many
/// levels to sift as with two, and the children share a cache line or two.
class event_queue {
public:
  void push(virtual_time due, event_kind kind, std::uint32_t slot);

  /// @pre not empty.
  [[nodiscard]] const event& next() const {
    return heap_.front();
  }

  event pop();

  [[nodiscard]] bool empty() const {
    return heap_.empty();
  }

  [[nodiscard]] std::size_t size() const {
    return heap_.size();
  }

private:
  static bool before(const event& a, const event& b) {
    return a.due != b.due ? a.due < b.due : a.order < b.order;
  }

  std::vector<event> heap_;
  std::uint64_t orders_ = 0;
};

} // namespace dfs::sim
