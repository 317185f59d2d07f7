#include "roles/group_watch.hpp"

#include <algorithm>
#include <chrono>

namespace dfs::roles {

namespace {

constexpr auto board_check = "group";

// Membership may be slow for a while: what is known stays true, and it is asked
// again.
constexpr auto watch_within = std::chrono::seconds{5};
constexpr auto watch_interval = std::chrono::seconds{5};
constexpr auto ask_again = std::chrono::milliseconds{500};

void note(const group_watch_options& to, msg::member_change change,
          const std::string& cause) {
  to.board->set(board_check, change == msg::member_change::joined,
                "not in the group: " + cause);
}

using self_pointer = group_watch_actor::stateful_pointer<group_watch_state>;

void watch(self_pointer self) {
  const auto me = caf::actor_cast<actors::member_listener_actor>(self->ctrl());
  self
    ->request(self->state.options.membership.get(), watch_within,
              msg::watch_members{}, me)
    .then(
      [self](const msg::member_list& now) {
        const auto& own = self->state.options.name;
        if (std::any_of(now.members.begin(), now.members.end(),
                        [&](const auto& x) { return x.name == own; }))
          note(self->state.options, msg::member_change::joined, {});
        self->delayed_send(self, watch_interval, caf::tick_atom_v);
      },
      [self](const caf::error&) {
        self->delayed_send(self, ask_again, caf::tick_atom_v);
      });
}

} // namespace

group_watch_actor::behavior_type
group_watch(group_watch_actor::stateful_pointer<group_watch_state> self,
            group_watch_options options) {
  self->state.options = std::move(options);
  self->state.options.board->set(board_check, false, "not in the group yet");
  watch(self);
  return {
    [self](const msg::member_changed& x) {
      if (x.member.name == self->state.options.name)
        note(self->state.options, x.change, x.cause);
    },
    [self](caf::tick_atom) { watch(self); },
  };
}

} // namespace dfs::roles
