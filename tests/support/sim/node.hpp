#pragma once

#include "support/sim/clock.hpp"
#include "support/sim/disk.hpp"
#include "support/sim/event_queue.hpp"
#include "support/sim/network.hpp"
#include "support/sim/trace.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::sim {

class node;
class world;

/// The program on a node: a thin shell around protocol cores, as an actor is
/// one. Made at each start, destroyed at each crash; what shall survive goes to
/// `node::disk()`. Called by the world only, one event at a time.
class process {
public:
  process() = default;
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  virtual ~process() = default;

  virtual void on_start() {
    // nop
  }

  /// A packet for any port of the node.
  virtual void on_datagram(const datagram& packet) = 0;

  /// The moment that `next_deadline` named has come, or passed in a stall.
  virtual void on_timer() {
    // nop
  }

  /// On the node's steady clock. Asked after each event of this process.
  [[nodiscard]] virtual std::optional<instant> next_deadline() const {
    return std::nullopt;
  }

  /// Aborts if an invariant of the state is broken.
  virtual void check() const {
    // nop
  }
};

/// Makes the process of a start, the first one and every other.
using process_factory = std::function<std::unique_ptr<process>(node&)>;

enum class node_state : std::uint8_t { down, running, paused };

/// A machine of the world, as seen by the process on it. It lives as long as
/// the world; its clocks, disk and address survive its processes.
class node {
public:
  node(world& owner, node_index index, process_factory factory);

  [[nodiscard]] node_index index() const {
    return index_;
  }
  [[nodiscard]] ip_address ip() const {
    return address_of(index_);
  }
  [[nodiscard]] instant now() const;
  /// Unix time, as this node believes.
  [[nodiscard]] std::chrono::milliseconds wall() const;

  /// Of this node alone: what others do does not change its numbers.
  [[nodiscard]] rng& random() {
    return random_;
  }
  [[nodiscard]] sim::disk& disk() {
    return disk_;
  }

  void send(std::uint16_t from_port, const endpoint& to, std::string body);

  /// Runs `f` after a delay on this node's clock, unless the process is gone by
  /// then; held back while the node is paused. For disk completions and other
  /// work that ends later.
  void later(std::chrono::nanoseconds delay, std::function<void()> f);

  /// A line in the trace.
  void note(std::string_view text);
  /// Whether notes are kept; else their text need not be made.
  [[nodiscard]] bool traced() const {
    return trace_.depth() > 0;
  }

  /// For shells that report to oracles. Protocols must not see it.
  [[nodiscard]] virtual_time virtual_now() const;

  /// Ends the process when the current event is over.
  void exit() {
    exiting_ = true;
  }

  [[nodiscard]] node_state state() const {
    return state_;
  }
  /// Counts the starts; 0 before the first one.
  [[nodiscard]] std::uint32_t life() const {
    return life_;
  }
  /// Null while the node is down.
  [[nodiscard]] process* program() const {
    return process_.get();
  }
  [[nodiscard]] const traffic& counters() const {
    return traffic_;
  }
  [[nodiscard]] const trace& past() const {
    return trace_;
  }

  /// @pre the node has not been started yet.
  void set_clock(node_clock clock);

private:
  friend class world;

  world& world_;
  node_index index_;
  node_state state_ = node_state::down;
  bool exiting_ = false;
  std::uint32_t life_ = 0;
  virtual_time timer_ = virtual_time::max(); ///< Scheduled; max for none.
  virtual_time wakes_{};                     ///< The end of a pause.
  std::optional<virtual_time> suspended_;    ///< The machine, since then.
  node_clock clock_;
  rng random_;
  sim::disk disk_;
  traffic traffic_;
  trace trace_;
  process_factory factory_;
  std::unique_ptr<process> process_;
  std::vector<event> held_; ///< What waits for a paused process.
};

/// The node's trace as text, one line an event, oldest first.
/// @param describe The body of a packet in words.
[[nodiscard]] std::string
past_of(const node& n,
        const std::function<std::string(std::string_view)>& describe);

} // namespace dfs::sim
