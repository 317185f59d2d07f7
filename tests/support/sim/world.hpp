#pragma once

#include "support/sim/event_queue.hpp"
#include "support/sim/network.hpp"
#include "support/sim/node.hpp"
#include "support/sim/oracle.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// A whole cluster in one thread and in virtual time: equal options and equal
// calls give equal runs, event by event. How to write a simulation:
// tests/support/sim/README.md.

namespace dfs::sim {

struct world_options {
  std::uint64_t seed = 1;
  link_quality network;
  packet_costs costs;
  /// Clocks run up to this much too fast or too slow, drawn per node.
  ppm clock_rate_error = 50'000;
  /// Planted bugs that are switched on: `world::mutant`.
  std::set<std::string, std::less<>> mutants;
  std::size_t trace_depth = 40; ///< Lines kept per node; 0 is fastest.
  /// Datagrams that a stalled process's sockets hold; the rest is lost.
  std::size_t receive_buffer = 1'000;
  /// The body of a packet in words, for the trace of a failed run.
  std::function<std::string(std::string_view)> describe;
  /// The command that repeats this run. Printed when it fails.
  std::string replay;
};

class world {
public:
  explicit world(world_options options);
  ~world();

  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// From here on a run of another seed, as far as the world decides: the
  /// network, the scenario, the schedulers. What the processes have drawn so
  /// far, they keep. So one costly beginning serves many runs.
  void branch(std::uint64_t seed, std::string replay);

  // -- the cast ---------------------------------------------------------------

  /// A machine, not yet started.
  node& add_node(process_factory factory);
  [[nodiscard]] std::size_t size() const {
    return nodes_.size();
  }
  [[nodiscard]] node& at(node_index i) {
    return *nodes_[i];
  }
  [[nodiscard]] const node& at(node_index i) const {
    return *nodes_[i];
  }

  /// Is this planted bug switched on?
  [[nodiscard]] bool mutant(std::string_view name) const {
    return options_.mutants.contains(name);
  }

  // -- fate -------------------------------------------------------------------
  // None of these may be called by a process about its own node.

  /// @pre down.
  void start(node_index i);
  /// The process is gone at once, as by SIGKILL; the disk keeps what the
  /// operating system had. No effect on a node that is down.
  void crash(node_index i);
  /// As `crash`, and what was not synced is lost or torn.
  void cut_power(node_index i, power_loss loss = power_loss::torn);
  /// The process stands still and then goes on: what came in between is
  /// delivered late, clocks have run on. A second pause prolongs the first.
  void pause(node_index i, std::chrono::nanoseconds duration);
  /// As `pause`, of the whole machine: the steady clock stands still, too, and
  /// only the wall clock tells afterwards. Not while it is paused already.
  void suspend(node_index i, std::chrono::nanoseconds duration);

  /// All running processes have met: no first contact is left among them. For
  /// figures of a group that has stood for long.
  void acquaint();

  /// Calls `f` now as an event of that node's process, as a console would.
  /// @pre running.
  void act(node_index i, const std::function<void()>& f);

  [[nodiscard]] network& net() {
    return network_;
  }
  [[nodiscard]] const network& net() const {
    return network_;
  }

  /// Calls `f` then, outside of all processes.
  void schedule(virtual_time when, std::function<void()> f);
  void after(std::chrono::nanoseconds delay, std::function<void()> f) {
    schedule(now_ + delay, std::move(f));
  }

  // -- running ----------------------------------------------------------------

  [[nodiscard]] virtual_time now() const {
    return now_;
  }
  /// @returns false if nothing is left to happen, or a promise was broken.
  bool step();
  /// @returns false if a promise was broken.
  bool run_until(virtual_time when);
  bool run_for(std::chrono::nanoseconds duration) {
    return run_until(now_ + duration);
  }
  /// Stops as soon as `done` holds, asked after each event.
  /// @returns whether it does.
  bool run_until(const std::function<bool()>& done, virtual_time limit);

  /// For scenarios: random, and independent of what the nodes draw.
  [[nodiscard]] rng& random() {
    return random_;
  }
  [[nodiscard]] std::uint64_t events() const {
    return events_;
  }

  // -- promises ---------------------------------------------------------------

  /// @param period How often `at_times` is asked; 0 for on demand only.
  oracle&
  watch(std::unique_ptr<oracle> x, std::chrono::nanoseconds period = {});
  /// Asks every oracle and every process's `check` now.
  void check_now();
  /// The first report stops the run; later ones are ignored.
  void report(std::string_view oracle_name, std::string what);
  [[nodiscard]] const std::optional<violation>& broken() const {
    return broken_;
  }
  /// What was broken, the replay line, and the past of the nodes given (of the
  /// last ones that did something, if none is).
  [[nodiscard]] std::string
  story(const std::vector<node_index>& about = {}) const;

private:
  friend class node;

  struct call {
    std::function<void()> run;
    node_index owner;   ///< The node whose life it hangs on …
    std::uint32_t life; ///< … or 0 for a call of the world's.
  };
  struct watched {
    std::unique_ptr<oracle> what;
    std::chrono::nanoseconds period;
  };

  void transmit(node& from, datagram packet);
  void add_call(virtual_time when, call x);
  void serve(const event& x);
  void serve_datagram(const event& x);
  void serve_call(const event& x);
  void serve_timer(node& n);
  void deliver(node& n, std::uint32_t slot);
  bool prove(node& to, std::uint32_t slot);
  void release(std::uint32_t slot);
  void resume(node& n);
  void thaw(node& n);
  void end_process(node& n);
  void settle(node& n);
  void schedule_timer(node& n);
  void ask_regularly(std::size_t index);
  [[nodiscard]] bool knows(node_index receiver, node_index sender) const;
  void learn(node_index receiver, node_index sender);
  void forget(node_index i);

  world_options options_;
  rng random_;
  network network_;
  virtual_time now_{};
  std::uint64_t events_ = 0;
  event_queue queue_;
  std::vector<datagram> packets_; ///< In flight or held, by slot.
  std::vector<std::uint32_t> free_packets_;
  std::vector<call> calls_;
  std::vector<std::uint32_t> free_calls_;
  std::vector<std::unique_ptr<node>> nodes_;
  std::vector<std::vector<bool>> known_; ///< Receiver, sender: seal's contact.
  std::vector<watched> oracles_;
  std::vector<node_index> recent_; ///< The last nodes that did something.
  std::optional<violation> broken_;
};

} // namespace dfs::sim
