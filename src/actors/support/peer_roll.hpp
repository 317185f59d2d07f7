#pragma once

#include "actors/support/peer_finder.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "core/links/registration_rule.hpp"
#include "messages/member.hpp"
#include "messages/membership.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/node_id.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace dfs::actors {

/// Who speaks to this node's subsystems, as certificates prove it, and who is a
/// member. One per node: this node's view. Thread-safe, and never blocks.
///
/// Control links tell it of the group; directories ask it before they believe
/// a registration or give a handle away (docs/protocols/gate.md, C11, C12).
class peer_roll {
public:
  /// Gives what the node at the other end of a connection has proved; nothing
  /// once the connection is gone.
  using prover
    = std::function<std::optional<peer_identity>(const caf::node_id&)>;

  explicit peer_roll(prover proves);

  void reset(const msg::member_list& list);
  void apply(const msg::member_changed& change);

  /// May that actor's node have the handle of a subsystem for that role? Its
  /// certificate has the role, and it is a member, or was one and said no
  /// goodbye. @returns `ec::denied`, `ec::not_member`.
  [[nodiscard]] result<nothing>
  admit(const caf::strong_actor_ptr& speaker, msg::role needed) const;

  /// Does that actor's node speak for what it registers? The audit log is told
  /// of a denial.
  /// @param holder As in `core::registrant`.
  /// @returns `ec::denied`, `ec::not_member`.
  [[nodiscard]] result<nothing> check(const caf::strong_actor_ptr& speaker,
                                      const core::registration& says,
                                      std::string holder, instant now);

private:
  /// Of one denial, for those that are repeated.
  static constexpr std::chrono::minutes told_again{1};
  /// Members, and names of former ones: more than a group may have.
  static constexpr std::size_t known_max = 16'384;

  [[nodiscard]] result<peer_identity>
  proved(const caf::strong_actor_ptr& speaker) const;
  void note(const msg::member_record& member);
  void audit(const error& why, instant now);

  const prover proves_;
  mutable std::mutex guard_;
  std::map<msg::member_id, msg::member_record> members_;
  std::map<std::string, msg::role_set> known_; ///< Members and former ones.
  std::map<std::string, instant> told_;        ///< By text.
};

} // namespace dfs::actors
