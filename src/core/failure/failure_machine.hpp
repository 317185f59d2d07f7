#pragma once

#include "base/rng.hpp"
#include "base/time.hpp"
#include "core/failure/address_book.hpp"
#include "core/failure/effects.hpp"
#include "core/failure/failure_config.hpp"
#include "core/failure/member_table.hpp"
#include "core/failure/probe_status.hpp"
#include "messages/gossip.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace dfs::core {

/// Who is in the group: one node's view, and its part in everybody's. Joins,
/// probes its ring successors, spreads and reconciles news, leaves. The
/// protocol, its invariants and its bounds: docs/protocols/membership.md.
///
/// Pure: equal calls give equal effects. `now` never goes back. Every call may
/// change `next_deadline()`; call `tick` at it, and not much later: a machine
/// that is called late believes that it stalled and judges nobody for a while.
class failure_machine {
public:
  /// @param self   The id of this life (start stamp: DESIGN 3), and where this
  ///               node is reached, as others see it.
  /// @pre `msg::validate(self)`.
  failure_machine(failure_config config, msg::member_record self, rng random,
                  instant now);
  failure_machine(failure_machine&&) noexcept;
  failure_machine& operator=(failure_machine&&) noexcept;
  ~failure_machine();

  /// Begins to ask; `joined()` tells when somebody said yes. Asks for ever: the
  /// caller gives up. Nothing happens unless the machine is new.
  /// @param introducers Group addresses; the own one is skipped.
  /// @param may_found   Whether to found a group if no introducer answers: the
  ///                    node is an introducer itself.
  /// @param known       Of a former process (`addresses`): any member takes
  /// this
  ///                    node in; those that are not met are greeted for the
  ///                    rest of their day.
  effects join(std::vector<endpoint> introducers, bool may_found, instant now,
               std::vector<known_address> known = {});

  /// Says goodbye; `left` follows, at once if the node is in no group.
  effects leave(instant now);

  /// Takes any packet that decodes: what is malformed, absurd or not for this
  /// node changes nothing.
  /// @param from Where it came from, on the socket of its kind.
  effects on_packet(const msg::gossip_packet& packet, const endpoint& from,
                    instant now);

  /// Safe to call at any time.
  effects tick(instant now);

  /// None once the machine is silent, or before it joins.
  [[nodiscard]] std::optional<instant> next_deadline() const;

  /// This node's list. It is in there itself from `joined()` on.
  [[nodiscard]] const member_table& members() const;

  /// This node as it is now; a rejoin changes the start stamp.
  [[nodiscard]] const msg::member_record& self() const;

  /// Whether this node is in a group (alone, perhaps).
  [[nodiscard]] bool joined() const;

  /// Whether it has, since it joined, once seen a member with the same list:
  /// until then its list may lack members.
  [[nodiscard]] bool caught_up() const;

  /// Where all others are, and were that this node has lost sight of within a
  /// day: worth keeping for the next process.
  [[nodiscard]] std::vector<known_address> addresses(instant now) const;

  /// Changes of the list so far: `addresses` changes with it only.
  [[nodiscard]] std::uint64_t changes() const;

  /// Members whose list has been another one than this node's for a minute: for
  /// people.
  [[nodiscard]] std::vector<msg::member_record> differing(instant now) const;

  /// For people: nothing may be decided by it.
  [[nodiscard]] probe_status probes(instant now) const;

  /// Aborts if an invariant is broken. O(n log n); for tests.
  void check() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace dfs::core
