#include "actors/support/supervisor.hpp"

#include "actors/support/log.hpp"
#include "actors/support/subsystem.hpp"
#include "actors/support/to_caf.hpp"

#include <algorithm>
#include <exception>
#include <set>

namespace dfs::actors {

namespace {

using child = supervisor_state::child;

// Restarts come so much late, and the health board hears of us so often.
constexpr auto tick_interval = std::chrono::milliseconds{250};

std::string check_name(const child& x) {
  return "subsystem " + x.entry.name;
}

void give_up(supervisor_self self, const child& which, int status) {
  if (std::exchange(self->state.given_up, true))
    return;
  const auto why = "subsystem " + which.entry.name + " has failed for good";
  log_event(*log_for("supervisor"), spdlog::level::err, "giving up",
            {{"name", which.entry.name}, {"status", status}});
  self->state.options.give_up(status, why);
}

void on_unplanned_end(supervisor_self self, child& which,
                      const std::string& reason) {
  log_event(*log_for("supervisor"), spdlog::level::err, "subsystem ended",
            {{"name", which.entry.name}, {"reason", reason}});
  if (which.entry.policy == on_end::restart_always)
    self->state.options.board->pass(check_name(which), "ended: " + reason);
  else
    self->state.options.board->set(check_name(which), false,
                                   "ended: " + reason);
  if (which.entry.policy == on_end::end_process) {
    give_up(self, which, which.entry.restarts.status);
    return;
  }
  const auto now = self->clock().now();
  const auto decision = which.restarts.on_end(now);
  if (const auto* later = std::get_if<core::restart_after>(&decision))
    which.due = now + later->delay;
  else
    give_up(self, which, std::get<core::give_up>(decision).status);
}

void spawn_child(supervisor_self self, child& which) {
  which.due.reset();
  try {
    which.actor = which.entry.spawn();
  } catch (const std::exception& x) {
    // Such as no memory for a thread: as bad as ending at once, and no worse.
    on_unplanned_end(self, which, x.what());
    return;
  }
  self->monitor(which.actor);
  self->state.options.board->set(check_name(which), true);
  log_event(*log_for("supervisor"), spdlog::level::info, "restarted",
            {{"name", which.entry.name}});
}

void finish_stop(supervisor_self self) {
  auto& state = self->state;
  msg::subsystems_stopped report;
  for (const auto& x : state.children)
    if (x.actor)
      report.hung.push_back(x.entry.name);
  for (const auto& name : report.hung)
    log_event(*log_for("supervisor"), spdlog::level::err,
              "subsystem does not end", {{"name", name}});
  // A handle in a forgotten place would keep the actor system waiting.
  for (const auto& x : state.children)
    if (x.entry.forget)
      x.entry.forget();
  state.answer->deliver(std::move(report));
  state.answer.reset();
}

/// Tells the next child, of those that still live, from the last to the first.
void continue_stop(supervisor_self self) {
  auto& state = self->state;
  while (state.next > 0) {
    const auto& x = state.children[--state.next];
    if (!x.actor)
      continue;
    state.patience
      = std::min(self->clock().now() + state.share, state.deadline);
    caf::anon_send_exit(caf::actor_cast<caf::actor>(x.actor),
                        caf::exit_reason::user_shutdown);
    return;
  }
  const auto lives = [](const child& x) { return x.actor != nullptr; };
  if (std::none_of(state.children.begin(), state.children.end(), lives)
      || self->clock().now() >= state.deadline)
    finish_stop(self);
}

void on_down(supervisor_self self, const caf::down_msg& down) {
  auto& children = self->state.children;
  const auto it
    = std::find_if(children.begin(), children.end(), [&](const child& x) {
        return x.actor && x.actor->address() == down.source;
      });
  if (it == children.end())
    return;
  it->actor = nullptr;
  if (!self->state.stopping) {
    on_unplanned_end(self, *it, self->system().render(down.reason));
    return;
  }
  self->state.options.board->set(check_name(*it), false, "stopped");
  if (!self->state.answer) // It hung, and comes too late for the report.
    return;
  const auto index = static_cast<std::size_t>(it - children.begin());
  // One that ends late, or before its turn, moves nobody else on, unless all
  // have had their turn.
  if (index == self->state.next || self->state.next == 0)
    continue_stop(self);
}

void on_tick(supervisor_self self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  state.options.board->heartbeat(now);
  if (state.stopping) {
    if (!state.answer)
      return;
    if (now >= state.deadline) {
      // Nobody is left out: those below may end, even if one above hangs.
      while (state.next > 0)
        if (const auto& x = state.children[--state.next]; x.actor)
          caf::anon_send_exit(caf::actor_cast<caf::actor>(x.actor),
                              caf::exit_reason::user_shutdown);
      finish_stop(self);
    } else if (now >= state.patience) {
      continue_stop(self);
    }
    return;
  }
  for (auto& x : state.children)
    if (x.due && *x.due <= now && !state.given_up)
      spawn_child(self, x);
}

caf::result<msg::subsystems_stopped>
on_stop(supervisor_self self, std::chrono::milliseconds deadline) {
  auto& state = self->state;
  auto promise = self->make_response_promise<msg::subsystems_stopped>();
  if (std::exchange(state.stopping, true)) {
    promise.deliver(to_caf(fail(ec::shutting_down)));
    return promise;
  }
  state.answer = promise;
  for (auto& x : state.children)
    x.due.reset();
  state.next = state.children.size();
  state.deadline = self->clock().now() + deadline;
  // So that one that hangs leaves time for the others.
  state.share = deadline / 3;
  continue_stop(self);
  return promise;
}

supervisor_actor::behavior_type supervisor(supervisor_self self,
                                           const supervisor_options& options,
                                           std::vector<child> children) {
  self->state.options = options;
  self->state.children = std::move(children);
  for (const auto& x : self->state.children)
    self->monitor(x.actor);
  self->set_down_handler(
    [self](const caf::down_msg& down) { on_down(self, down); });
  self->send(self, caf::tick_atom_v);
  return {
    [self](const msg::stop_subsystems& x) { return on_stop(self, x.deadline); },
    [self](const msg::get_health&) {
      return self->state.options.board->report(self->clock().now());
    },
    [self](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      on_tick(self);
    },
  };
}

} // namespace

supervisor_actor spawn_supervisor(caf::actor_system& system,
                                  supervisor_options options,
                                  std::vector<supervised> list) {
  DFS_ASSERT(options.registry != nullptr && options.board != nullptr);
  // First in the registry: parents stand before children.
  std::ignore = options.registry->enroll("supervisor", "");
  std::set<std::string> names;
  std::vector<child> children;
  for (auto& entry : list) {
    DFS_ASSERT(names.insert(entry.name).second);
    auto actor = entry.spawn();
    DFS_ASSERT(actor != nullptr);
    core::restart_policy restarts{entry.restarts};
    children.push_back(
      {std::move(entry), std::move(restarts), std::move(actor), {}});
    options.board->set(check_name(children.back()), true);
  }
  auto& registry = *options.registry;
  const subsystem_options named{.name = "supervisor", .parent = ""};
  if (options.own_thread)
    return spawn_subsystem<caf::detached>(system, registry, named, supervisor,
                                          std::move(options),
                                          std::move(children));
  return spawn_subsystem(system, registry, named, supervisor,
                         std::move(options), std::move(children));
}

std::vector<std::string> stop_supervisor(caf::actor_system& system,
                                         supervisor_actor root,
                                         std::chrono::milliseconds deadline) {
  std::vector<std::string> hung;
  caf::scoped_actor self{system};
  // The supervisor answers in time unless no scheduler thread is free.
  self
    ->request(root, deadline + std::chrono::seconds{1},
              msg::stop_subsystems{deadline})
    .receive([&](msg::subsystems_stopped& x) { hung = std::move(x.hung); },
             [&](caf::error&) { hung.emplace_back("supervisor"); });
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  return hung;
}

} // namespace dfs::actors
