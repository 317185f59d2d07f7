#pragma once

#include "core/failure/group_state.hpp"

#include <optional>
#include <vector>

namespace dfs::core {

/// Finds the group: asks introducers until one answers, and, once in, looks for
/// members that the group does not know of: introducers that are no members,
/// and those that were lost and may have been cut off only. So split groups,
/// and groups founded side by side, become one (SPEC M2).
class introductions {
public:
  /// A configuration that names more is refused long before.
  static constexpr std::size_t introducers_max = 64;
  /// Hellos per second of the whole group to one address that may be back.
  static constexpr std::size_t hellos_per_second = 16;

  /// Addresses of members that are asked beside the introducers at a time.
  static constexpr std::size_t known_at_once = 8;

  /// @param known Of members that a former process knew: any of them takes this
  ///   node in. Once it is a member, those not in its list count as lost.
  void begin(const group_state& group, std::vector<endpoint> introducers,
             bool may_found, std::vector<known_address> known, instant now);

  /// This node has become a member.
  void arrived(group_state& group, instant now);

  /// While joining: there is a group, and it says no. None is founded beside
  /// it, unless nobody of it answers for long.
  void refused(instant now) {
    refused_ = now;
  }

  /// While joining: asks again when it is time.
  void tick(group_state& group, instant now);

  /// Whether nobody answered for so long that this node founds a group.
  [[nodiscard]] bool founds(const group_state& group, instant now) const;

  /// While joining.
  [[nodiscard]] std::optional<instant>
  next_deadline(const group_state& group) const;

  /// Asks there, too: a member showed itself.
  void ask(group_state& group, const endpoint& address) const;

  /// While a member, once a second: says hello to somebody who may be a member
  /// of a group that ours has lost sight of.
  void look_for_strangers(group_state& group, instant now);

private:
  [[nodiscard]] instant founds_at(const group_state& group) const;
  void greet_introducers(group_state& group) const;
  void greet_lost(group_state& group);

  std::vector<endpoint> introducers_; ///< But the own address.
  std::vector<known_address> known_;  ///< Likewise; empty for a member.
  std::size_t next_known_ = 0;        ///< To be asked.
  bool may_found_ = false;
  instant began_{};
  std::optional<instant> refused_; ///< Last.
  instant next_try_{};
  std::chrono::milliseconds pause_{0};
};

} // namespace dfs::core
