#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/to_caf.hpp"

#include <vector>

namespace dfs::test {

struct fake_membership_state {
  static inline const char* name = "fake-membership";
  fake_membership_state() = default;

  msg::member_list list;
  std::vector<actors::member_listener_actor> listeners;
};

/// A membership whose list is what the test says and stays so; it hands every
/// `member_changed` on to those who watch.
inline actors::membership_actor::behavior_type fake_membership(
  actors::membership_actor::stateful_pointer<fake_membership_state> self,
  const msg::member_list& list) {
  self->state.list = list;
  return {
    [self](const msg::list_members&) { return self->state.list; },
    [self](const msg::get_self&) -> caf::result<msg::member_record> {
      for (const auto& x : self->state.list.members) {
        if (x.id == self->state.list.self)
          return x;
      }
      return actors::to_caf(fail(ec::not_member));
    },
    [self](const msg::watch_members&,
           const actors::member_listener_actor& listener) {
      self->state.listeners.push_back(listener);
      return self->state.list;
    },
    [](const msg::reopen_log&) {},
    [self](const msg::member_changed& x) {
      for (const auto& listener : self->state.listeners)
        self->send(listener, x);
    },
    [](const msg::self_changed&) {},
  };
}

} // namespace dfs::test
