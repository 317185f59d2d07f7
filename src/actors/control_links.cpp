#include "actors/control_links.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer = control_links_actor::stateful_pointer<control_links_state>;

constexpr auto tick_interval = 100ms;

// Asking again costs little and mends whatever was missed: a restarted
// membership actor, for one, knows no watchers.
constexpr auto watch_interval = 5s;
constexpr auto look_interval = 1s;
constexpr auto watch_timeout = 2s;

void perform(self_pointer self, const core::link_effects& effects);

void perform(self_pointer self, const core::find_directory& x) {
  self->state.options.finder->find(
    {x.epoch, x.peer.control_address(), x.peer.name, x.within},
    caf::actor_cast<directory_listener_actor>(self));
}

void keep(self_pointer self, link_epoch epoch, const msg::introduction& who,
          const link_keeper_actor& keeper) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (epoch != state.plan->epoch())
    return;
  if (!keeper)
    return perform(self, state.plan->attempt_failed(epoch,
                                                    fail(ec::unavailable,
                                                         "its links are being "
                                                         "restarted"),
                                                    now));
  state.keeper = keeper;
  self->monitor(keeper);
  perform(self, state.plan->introduced(epoch, who, now));
}

void perform(self_pointer self, const core::ask_introduction& x) {
  const auto* own = self->state.members.self();
  const msg::introduce question{own == nullptr ? msg::member_id{} : own->id,
                                self->state.options.boot, msg::control_protocol,
                                msg::control_protocol_min};
  self->request(self->state.directory, x.within, question)
    .then(
      [self, epoch = x.epoch](const msg::introduction& who,
                              const link_keeper_actor& keeper) {
        keep(self, epoch, who, keeper);
      },
      [self, epoch = x.epoch](const caf::error& why) {
        perform(self, self->state.plan->attempt_failed(epoch, from_caf(why),
                                                       self->clock().now()));
      });
}

void perform(self_pointer self, const core::send_heartbeat& x) {
  const auto* own = self->state.members.self();
  if (own == nullptr || !self->state.keeper)
    return; // Between two lives; the plan counts it as a miss.
  self
    ->request(self->state.keeper, x.within,
              msg::link_heartbeat{own->id, self->state.options.boot, x.epoch,
                                  x.sequence})
    .then(
      [self](const msg::link_heartbeat_ack& answer) {
        perform(self, self->state.plan->heartbeat_answered(
                        answer, self->clock().now()));
      },
      [self, x](const caf::error& why) {
        perform(self, self->state.plan->heartbeat_failed(x.epoch, x.sequence,
                                                         from_caf(why),
                                                         self->clock().now()));
      });
}

void perform(self_pointer self, const core::drop_link& x) {
  self->state.directory = directory_actor{};
  self->state.keeper = link_keeper_actor{};
  self->state.options.finder->cut(x.peer.name);
}

void perform(self_pointer self, const core::link_changed& x) {
  const auto up = x.state == msg::link_state::up;
  if (const auto& leaders = self->state.options.leaders)
    leaders->follow(up ? std::optional{x.peer} : std::nullopt);
  log_event(*log_for("control-links"),
            up                ? spdlog::level::info
            : x.cause.empty() ? spdlog::level::debug
                              : spdlog::level::warn,
            "link changed",
            {{"peer", x.peer.name},
             {"id", to_string(x.peer.id)},
             {"state", to_string(x.state)},
             {"cause", x.cause}});
}

void perform(self_pointer self, const core::link_effects& effects) {
  for (const auto& effect : effects)
    std::visit([self](const auto& x) { perform(self, x); }, effect);
}

void aim(self_pointer self) {
  auto& state = self->state;
  perform(self,
          state.plan->aim_at(state.members.master(), self->clock().now()));
}

void watch(self_pointer self) {
  self->state.next_watch = self->clock().now() + watch_interval;
  self
    ->request(self->state.options.membership.get(), watch_timeout,
              msg::watch_members{},
              caf::actor_cast<member_listener_actor>(self))
    .then(
      [self](const msg::member_list& list) {
        self->state.members.reset(list);
        if (const auto& roll = self->state.options.roll)
          roll->reset(list);
        aim(self);
      },
      [self](const caf::error& why) {
        log_event(*log_for("control-links"), spdlog::level::warn,
                  "cannot watch the membership",
                  {{"why", self->system().render(why)}});
      });
}

void look_at_planes(self_pointer self, instant now) {
  auto& state = self->state;
  const auto& to = state.options.findings;
  if (!to || now < state.next_look)
    return;
  state.next_look = now + look_interval;
  state.planes.look(state.members, state.table->status(now), now);
  to->set(state.planes.findings(now));
}

void tick(self_pointer self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (now >= state.next_watch)
    watch(self);
  perform(self, state.plan->tick(now));
  for (const auto& silent : state.table->expire(now))
    log_event(*log_for("control-links"), spdlog::level::warn,
              "peer fell silent",
              {{"peer", silent.name}, {"id", to_string(silent.peer)}});
  look_at_planes(self, now);
}

void end_link(self_pointer self) {
  perform(self, self->state.plan->rest(self->clock().now()));
}

void change_member(self_pointer self, const msg::member_changed& x) {
  const auto* own = self->state.members.self();
  const bool leaves = x.change == msg::member_change::left
                      && ((own != nullptr && own->id == x.member.id)
                          || self->state.plan->is_of(x.member.id));
  self->state.members.apply(x);
  if (leaves)
    end_link(self);
  if (const auto& roll = self->state.options.roll)
    roll->apply(x);
  if (x.change == msg::member_change::left)
    self->state.table->forget(x.member.id);
  else if (x.change == msg::member_change::joined)
    self->state.table->forget_before(x.member.id);
  aim(self);
}

void connect(self_pointer self, link_epoch epoch, directory_actor found) {
  if (epoch != self->state.plan->epoch())
    return;
  // A member record is the word of whoever has the cluster's key (C14).
  const auto proved = self->state.options.finder->identity_of(found.node());
  if (proved && !msg::has(proved->roles, msg::role::master))
    return perform(
      self, self->state.plan->attempt_failed(
              epoch, fail(ec::denied, "its certificate lacks the role master"),
              self->clock().now()));
  self->state.directory = std::move(found);
  self->monitor(self->state.directory);
  perform(self, self->state.plan->directory_found(epoch, self->clock().now()));
}

result<msg::link_heartbeat_ack>
hear(self_pointer self, const msg::link_heartbeat& beat) {
  auto& state = self->state;
  const auto& sender = self->current_sender();
  std::optional<std::string> proved;
  if (sender)
    if (auto who = state.options.finder->identity_of(sender->node()))
      proved = std::move(who->name);
  return state.table->on_heartbeat(beat, proved, state.members.find(beat.from),
                                   self->clock().now());
}

// A subsystem of the master. The answer of a remote one comes from there, or,
// if the link is about to be lost, not at all.
template <class Find, class Handle>
caf::result<Handle>
find_at_master(self_pointer self, const std::function<Handle()>& own) {
  const auto& state = self->state;
  if (own) {
    if (auto here = own())
      return here;
    return to_caf(fail(ec::unavailable, "the directory is not ready"));
  }
  if (!state.directory || !state.plan->is_up())
    return to_caf(fail(ec::unavailable, "no link to a master"));
  return self->delegate(state.directory, Find{});
}

msg::link_list list(const control_links_state& state, instant now) {
  msg::link_list all;
  if (auto own = state.plan->status(now); own.state != msg::link_state::idle)
    all.links.push_back(std::move(own));
  for (auto& x : state.table->status(now))
    all.links.push_back(std::move(x));
  return all;
}

// A hint about the connection, no verdict about the member.
void on_down(self_pointer self, const caf::down_msg& x) {
  auto& state = self->state;
  if (state.directory && x.source == state.directory.address())
    perform(self, state.plan->connection_lost(state.plan->epoch(),
                                              self->clock().now()));
  if (state.keeper && x.source == state.keeper.address()) {
    state.keeper = link_keeper_actor{};
    perform(self,
            state.plan->keeper_lost(state.plan->epoch(), self->clock().now()));
  }
}

} // namespace

control_links_actor::behavior_type
control_links(control_links_actor::stateful_pointer<control_links_state> self,
              control_links_options options) {
  DFS_ASSERT(options.finder != nullptr);
  // A former actor of this process has had fewer attempts than milliseconds.
  const auto before = std::chrono::duration_cast<std::chrono::milliseconds>(
    self->clock().now().time_since_epoch());
  self->state.plan.emplace(
    options.plan, rng{options.seed},
    link_epoch{static_cast<std::uint64_t>(before.count())});
  self->state.table.emplace(options.table, options.boot);
  self->state.options = std::move(options);
  self->set_down_handler([self](const caf::down_msg& x) { on_down(self, x); });
  watch(self);
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  return {
    [self](const msg::link_heartbeat& x) { return to_caf(hear(self, x)); },
    [self](const msg::get_links&) {
      return list(self->state, self->clock().now());
    },
    [self](const msg::get_master_directory&) {
      return find_at_master<msg::find_chunk_directory>(
        self, self->state.options.chunks);
    },
    [self](const msg::get_version_directory&) {
      return find_at_master<msg::find_version_directory>(
        self, self->state.options.versions);
    },
    [self](const msg::member_changed& x) { change_member(self, x); },
    [self](const msg::directory_found& x, const directory_actor& found) {
      connect(self, x.epoch, found);
    },
    [self](const msg::directory_missing& x) {
      perform(self, self->state.plan->attempt_failed(
                      x.epoch, fail(static_cast<ec>(x.code), x.text),
                      self->clock().now()));
    },
    [self](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      tick(self);
    },
  };
}

} // namespace dfs::actors
