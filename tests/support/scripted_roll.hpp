#pragma once

#include "actors/support/peer_roll.hpp"

#include <memory>
#include <optional>
#include <string>

namespace dfs::test {

/// A roll of one process, whose certificate is what the test says. The test
/// ends before it.
struct scripted_roll {
  std::optional<actors::peer_identity> proved;
  msg::member_list members;
  std::shared_ptr<actors::peer_roll> roll = std::make_shared<actors::peer_roll>(
    [this](const caf::node_id&) { return proved; });

  /// The node of that registration is a member, and has the certificate from
  /// now on.
  template <class Card>
  void admit(const Card& card, msg::role role) {
    const auto roles = static_cast<msg::role_set>(role);
    msg::member_record x;
    x.id = card.member;
    x.name = card.name;
    x.roles = roles;
    x.store = card.store;
    members.members.push_back(x);
    roll->reset(members);
    proved = actors::peer_identity{card.name, roles};
  }
};

} // namespace dfs::test
