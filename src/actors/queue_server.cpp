#include "actors/queue_server.hpp"

#include "actors/queue_shell.hpp"

#include <chrono>
#include <utility>

namespace dfs::actors {

namespace {

constexpr std::chrono::seconds look_around{1};

} // namespace

queue_server_actor::behavior_type
queue_server(queue_shell::self_pointer self, queue_server_options options) {
  self->state.options = std::move(options);
  const queue_shell shell{self};
  shell.tell_board("not in the group of the queues yet");
  const auto me = caf::actor_cast<multicast_service_actor>(self->ctrl());
  self->send(self->state.options.group.get(), caf::subscribe_atom_v, me);
  self->delayed_send(self, look_around, caf::tick_atom_v);
  self->set_down_handler([shell](const caf::down_msg& x) { shell.forget(x); });
  return {
    [shell](const msg::queue_greeting&) { return shell.greet(); },
    [shell](const msg::change_queue& x, const door_caller& by) {
      return shell.change(x, by);
    },
    [shell](const msg::read_queue& x) { return shell.read(x); },
    [shell](const msg::get_queue_group&) { return shell.standing(); },
    [shell](const msg::list_queues& x) { return shell.list(x); },
    [shell](const msg::force_queue_primary& x) { return shell.force(x); },
    [shell](const multicast_news& x) { shell.take(x.batch->events); },
    [shell](const door_caller& gone) { shell.forget(gone); },
    [shell](caf::flush_atom) { shell.flush(); },
    [shell](const patience_over& x) { shell.give_up(x); },
    [shell](caf::tick_atom) {
      shell.tick();
      shell.self->delayed_send(shell.self, look_around, caf::tick_atom_v);
    },
  };
}

} // namespace dfs::actors
