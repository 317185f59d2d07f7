#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/version_orders.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs::core {

using group_order
  = std::variant<msg::seal_group, msg::install_group, msg::activate_group>;

/// May be lost, and is given again.
struct order_server {
  store_id to;
  group_order what;
};
/// Make durable that this set is in force -> `logged`.
struct log_set {
  msg::group_set set;
};
/// In force, and W of it are active: a primary may be appointed.
struct set_in_force {
  msg::group_set set;
};
/// Every server of the set is active; nothing follows.
struct change_over {};
/// It cannot end: another attempt has to begin, with another epoch.
struct change_failed {
  error why;
};

using epoch_effect = std::variant<order_server, log_set, set_in_force,
                                  change_over, change_failed>;
using epoch_effects = std::vector<epoch_effect>;

/// Gives a group another set (docs/protocols/versioned_files.md, "Change of a
/// set"): seal, install, log, activate. One attempt; the master's view. Pure.
///
///  E1  Nothing is installed before a sealing quorum of the old set is sealed;
///      what is installed comes from all of these.
///  E2  The new set is logged when W of it are installed, and only then is
///      anybody activated.
///  E3  An attempt has an epoch of its own, above every ballot of the group.
///      While it is under way nobody is appointed in the old set.
class epoch_change {
public:
  enum class phase : std::uint8_t {
    sealing,
    installing,
    logging,
    activating,
    over,
  };

  /// @param from In force; no servers: the group is new.
  /// @param to With its epoch.
  /// @param forced Go on with those that are there when not enough can be
  ///   sealed, after `patience`: what only the others had is lost.
  epoch_change(msg::group_set from, msg::group_set to, bool forced = false);

  /// The set is logged, and may not be active everywhere: after a restart of
  /// the master, or for who was away.
  [[nodiscard]] static epoch_change resume(msg::group_set in_force);

  [[nodiscard]] epoch_effects begin(instant now);
  [[nodiscard]] epoch_effects
  on_sealed(store_id from, const msg::group_sealed& x);
  [[nodiscard]] epoch_effects
  on_installed(store_id from, const msg::group_installed& x);
  [[nodiscard]] epoch_effects
  on_activated(store_id from, const msg::group_activated& x);
  /// An order was refused.
  [[nodiscard]] epoch_effects
  on_refused(store_id from, const msg::group_refused& x);
  /// The set that `log_set` named is durable.
  [[nodiscard]] epoch_effects logged();
  /// To be called now and then: gives orders again.
  [[nodiscard]] epoch_effects tick(instant now);

  [[nodiscard]] phase state() const {
    return phase_;
  }
  [[nodiscard]] const msg::group_set& to() const {
    return to_;
  }
  /// Aborts if an invariant is broken.
  void check() const;

  static constexpr std::chrono::milliseconds again{250};
  /// So long a source that does not let itself be copied is waited for.
  static constexpr std::chrono::milliseconds patience{5'000};

private:
  void order_all(epoch_effects& out) const;
  void install_all(epoch_effects& out);

  msg::group_set from_;
  msg::group_set to_;
  bool forced_ = false;
  phase phase_ = phase::sealing;
  std::set<store_id> sealed_;
  std::set<store_id> sources_; ///< Of what is installed; never changes (E1).
  std::set<store_id> installed_;
  std::set<store_id> activated_;
  instant since_{}; ///< Of this phase.
  instant sent_{};
};

[[nodiscard]] std::string_view to_string(epoch_change::phase x);

} // namespace dfs::core
