#include "roles/group_watch.hpp"

#include <algorithm>
#include <chrono>

namespace dfs::roles {

namespace {

constexpr auto board_check = "group";

void note(const group_watch_options& to, msg::member_change change,
          const std::string& cause) {
  to.board->set(board_check, change == msg::member_change::joined,
                "not in the group: " + cause);
}

} // namespace

actors::member_listener_actor::behavior_type group_watch(
  actors::member_listener_actor::stateful_pointer<group_watch_state> self,
  group_watch_options options) {
  self->state.options = std::move(options);
  const auto& to = self->state.options;
  to.board->set(board_check, false, "not in the group yet");
  const auto me = caf::actor_cast<actors::member_listener_actor>(self->ctrl());
  self
    ->request(to.membership.get(), std::chrono::seconds{5},
              msg::watch_members{}, me)
    .then([self](const msg::member_list& now) {
      const auto& own = self->state.options.name;
      if (std::any_of(now.members.begin(), now.members.end(),
                      [&](const auto& x) { return x.name == own; }))
        note(self->state.options, msg::member_change::joined, {});
    });
  return {
    [self](const msg::member_changed& x) {
      if (x.member.name == self->state.options.name)
        note(self->state.options, x.change, x.cause);
    },
  };
}

} // namespace dfs::roles
