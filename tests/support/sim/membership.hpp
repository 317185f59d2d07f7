#pragma once

#include "core/failure/failure_machine.hpp"
#include "support/sim/chronicle.hpp"
#include "support/sim/world.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

// The group under simulation: failure machines on the nodes of a world, and a
// chronicle of what each believes.

namespace dfs::sim {

constexpr std::uint16_t ping_port = 7400;
constexpr std::uint16_t group_port = 7401;

struct membership_options {
  node_index nodes = 5;
  node_index spares = 0;      ///< Machines beyond these, not started.
  node_index introducers = 1; ///< The first nodes.
  /// Beside the other role; the term of each one's metadata grows by one with
  /// each start.
  std::set<node_index> masters;
  core::failure_config config;
  world_options world; ///< Its mutants: membership_mutants.hpp.
};

/// What stands on the disk of a node before its first start: its clock has been
/// years ahead once, or its metadata are of that term.
void set_last_stamp(node& host, std::uint64_t start_ms);
void set_last_term(node& host, std::uint64_t term);

/// The shell of one life of one node.
class member_process : public process {
public:
  member_process(node& host, const membership_options& options,
                 chronicle& notes);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override;
  void check() const override;

  void leave();

  [[nodiscard]] const core::failure_machine& machine() const {
    return machine_;
  }

private:
  void perform(core::effects effects);
  void perform(core::send_packet& x);
  void perform(core::member_changed_effect& x);
  void perform(core::rejoined& x);
  void perform(core::join_refused& x);
  void perform(core::left& x);

  // Addresses for the next process, as the actor keeps them.
  void keep_addresses();
  [[nodiscard]] std::vector<core::known_address> kept_addresses() const;

  node& host_;
  const membership_options& options_;
  chronicle& chronicle_;
  core::failure_machine machine_;
  std::uint64_t kept_changes_ = 0; ///< Of the list whose addresses are kept.
  instant kept_at_{};
};

/// A world of members. Machines are started by `form` or one by one.
class membership {
public:
  explicit membership(membership_options options);

  membership(const membership&) = delete;
  membership& operator=(const membership&) = delete;

  [[nodiscard]] sim::world& world() {
    return *world_;
  }
  [[nodiscard]] const membership_options& options() const {
    return options_;
  }
  [[nodiscard]] chronicle& notes() {
    return chronicle_;
  }

  /// Starts every node but the spares, introducers first, and waits until all
  /// lists are equal.
  /// @returns false, with a breach reported, if that takes over a minute.
  bool form();

  /// Waits until the list of every running node is the truth.
  /// @returns whether it is before `limit` from now has passed.
  bool settle(std::chrono::nanoseconds limit);

  /// Null while the node is down.
  [[nodiscard]] member_process* member(node_index i);

  /// Running nodes.
  [[nodiscard]] std::vector<node_index> running() const;

  /// Running nodes in the order of the ring.
  [[nodiscard]] std::vector<node_index> ring();

  // What `world` does, noted in the chronicle.
  void crash(node_index i);
  /// The process ends by itself when the goodbye is said.
  void leave(node_index i);

private:
  membership_options options_;
  chronicle chronicle_;
  std::unique_ptr<sim::world> world_;
};

} // namespace dfs::sim
