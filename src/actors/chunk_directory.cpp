#include "actors/chunk_directory.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "chunkserver/grant_seal.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/chunks/directory_report.hpp"
#include "wire/codec.hpp"

#include <chrono>
#include <string>
#include <type_traits>
#include <variant>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer
  = chunk_directory_actor::stateful_pointer<chunk_directory_state>;

constexpr auto tick_interval = 100ms;
constexpr auto count_interval = 1s;

// -- effects ------------------------------------------------------------------

void perform(self_pointer self);

void seal(self_pointer self, msg::chunk_grant& x) {
  chunkserver::seal_grant(x, *self->state.options.keys());
}

void wake(const caf::actor_addr& whom) {
  // Nothing is kept alive by a callback that comes late.
  if (auto actor = caf::actor_cast<caf::strong_actor_ptr>(whom))
    caf::anon_send(caf::actor_cast<chunk_directory_actor>(actor),
                   caf::update_atom_v);
}

void perform(self_pointer self, core::log_row& x) {
  auto& state = self->state;
  state.options.store->commit(
    {{core::chunk_row_key(x.row.chunk, core::chunk_row_writer::versions),
      wire::encode(x.row)}},
    [inbox = state.inbox, whom = self->address(), token = x.token,
     intent = x.row.intent != chunk_version{}](const result<nothing>& durable) {
      if (intent)
        DFS_CRASH_POINT("directory.intent_logged");
      else
        DFS_CRASH_POINT("directory.grant_logged");
      // A store that failed ends the process; nothing may look logged.
      if (durable && inbox->add_logged(token))
        wake(whom);
    });
}

void perform(self_pointer self, core::remove_rows& x) {
  std::vector<storage::row_change> rows;
  for (const auto chunk : x.chunks) {
    rows.push_back(
      {core::chunk_row_key(chunk, core::chunk_row_writer::versions), {}});
    rows.push_back({core::released_row_key(chunk), {}});
  }
  self->state.options.store->commit(std::move(rows),
                                    [](const result<nothing>&) {});
}

void perform(self_pointer self, core::log_server& x) {
  self->state.options.store->commit(
    {{core::server_row_key(x.row.store), wire::encode(x.row)}},
    [](const result<nothing>&) {});
}

void perform(self_pointer self, core::remove_server& x) {
  self->state.options.store->commit({{core::server_row_key(x.store), {}}},
                                    [](const result<nothing>&) {});
}

void perform(self_pointer self, core::log_confirmed& x) {
  self->state.options.store->commit({{std::string{core::confirmed_restore_row},
                                      std::to_string(x.restored_at.value())}},
                                    [](const result<nothing>&) {});
}

void pass(const msg::chunk_fenced&) {
  DFS_CRASH_POINT("directory.fenced");
}

void pass(const msg::lease_taken&) {
  DFS_CRASH_POINT("directory.lease_taken");
}

void pass(const msg::lease_released&) {
  DFS_CRASH_POINT("directory.lease_released");
}

void pass(const msg::chunk_copied&) {
  DFS_CRASH_POINT("directory.chunk_copied");
}

void pass(const msg::chunks_deleted&) {
  DFS_CRASH_POINT("directory.chunks_deleted");
}

template <class Reply, class Order>
void ask(self_pointer self, const chunk_keeper_actor& keeper,
         core::effect_token token, std::chrono::milliseconds within,
         Order order) {
  self->request(keeper, within, std::move(order))
    .then(
      [self, token](Reply& x) {
        pass(x);
        self->state.machine->answered(token, core::server_reply{std::move(x)},
                                      self->clock().now());
        perform(self);
      },
      [self, token](const caf::error& why) {
        self->state.machine->answered(token, from_caf(why),
                                      self->clock().now());
        perform(self);
      });
}

void perform(self_pointer self, core::ask_server& x) {
  auto& state = self->state;
  const auto& server = state.machine->state().servers.at(x.server);
  const auto* known = state.keepers.find(server.store);
  if (known == nullptr || known->boot != server.boot) {
    state.machine->answered(x.token, fail(ec::unavailable, "no link"),
                            self->clock().now());
    return;
  }
  const auto& keeper = known->handle;
  if (auto* fence = std::get_if<msg::fence_chunk>(&x.order)) {
    ask<msg::chunk_fenced>(self, keeper, x.token, x.within, *fence);
  } else if (auto* lease = std::get_if<msg::take_lease>(&x.order)) {
    seal(self, lease->grant);
    ask<msg::lease_taken>(self, keeper, x.token, x.within, std::move(*lease));
  } else if (auto* release = std::get_if<msg::release_lease>(&x.order)) {
    ask<msg::lease_released>(self, keeper, x.token, x.within, *release);
  } else if (auto* copy = std::get_if<msg::copy_chunk>(&x.order)) {
    ask<msg::chunk_copied>(self, keeper, x.token, x.within, std::move(*copy));
  } else if (auto* removal = std::get_if<msg::delete_chunks>(&x.order)) {
    ask<msg::chunks_deleted>(self, keeper, x.token, x.within,
                             std::move(*removal));
  }
}

void perform(self_pointer self, core::probe_server& x) {
  auto& state = self->state;
  if (state.options.prober == nullptr)
    return;
  state.options.prober->probe(
    x.data, [inbox = state.inbox, whom = self->address(), server = x.server,
             boot = x.boot](port_answer answer) {
      if (inbox->add_probe({server, boot, answer}))
        wake(whom);
    });
}

void perform(self_pointer self, core::answer_lease& x) {
  DFS_CRASH_POINT("directory.answering");
  auto node = self->state.askers.extract(x.asker);
  if (node.empty())
    return;
  if (!x.answer) {
    node.mapped().deliver(to_caf(x.answer.error()));
    return;
  }
  seal(self, x.answer->grant);
  node.mapped().deliver(*std::move(x.answer));
}

void perform(self_pointer self, core::tell_growth& x) {
  if (self->state.options.on_growth)
    self->state.options.on_growth(x.event);
}

void perform(self_pointer, core::directory_note& x) {
  using kind = core::directory_note::kind;
  const auto level
    = x.what == kind::alarm || x.what == kind::outdated
          || x.what == kind::store_twice
        ? spdlog::level::err
      : x.what == kind::server_lost || x.what == kind::server_dead
          || x.what == kind::server_forgotten || x.what == kind::copy_failed
        ? spdlog::level::warn
        : spdlog::level::info;
  log_event(*log_for("chunk-directory"), level, core::to_string(x.what),
            {{"chunk", x.chunk.value()},
             {"store", x.store.value()},
             {"detail", x.text}});
  if (x.what == kind::store_twice)
    log_event(*log_for(audit_log_name), spdlog::level::warn,
              core::to_string(x.what), {{"of", "chunks"}, {"detail", x.text}});
}

void share_fitness(self_pointer self) {
  auto& machine = *self->state.machine;
  auto& fitness = *self->state.options.fitness;
  fitness.share(machine.stopped(), [&](const std::string& why) {
    machine.stop(why, self->clock().now());
  });
  fitness.confirm(machine.state().confirmed);
}

// Performing one effect may bring the next.
void perform(self_pointer self) {
  share_fitness(self);
  for (auto effects = self->state.machine->take_effects(); !effects.empty();
       effects = self->state.machine->take_effects())
    for (auto& effect : effects)
      std::visit([self](auto& x) { perform(self, x); }, effect);
}

// What a call of the machine gave back, after its effects.
template <class T>
caf::result<T> after(self_pointer self, result<T> x) {
  perform(self);
  return to_caf(std::move(x));
}

// -- requests -----------------------------------------------------------------

std::string holder_of(const core::server_table& servers, store_id store) {
  const auto i = servers.find(store);
  return i ? servers.at(*i).name : std::string{};
}

bool may_speak(self_pointer self, store_id store, boot_id boot) {
  return self->state.keepers.may_speak(self->current_sender(), store, boot);
}

error no_speaker() {
  return fail(ec::denied, "another node registered this store");
}

caf::result<msg::chunkserver_registered>
enrol(self_pointer self, const msg::register_chunkserver& x,
      const chunk_keeper_actor& keeper) {
  auto& state = self->state;
  const auto& sender = self->current_sender();
  const auto now = self->clock().now();
  auto may = state.options.roll->check(
    sender, {x.store, x.member, x.name, x.data, msg::role::chunkserver},
    holder_of(state.machine->state().servers, x.store), now);
  if (!may)
    return to_caf(may.error());
  if (!keeper || keeper.node() != sender->node())
    return to_caf(fail(ec::denied, "the keeper is in another process"));
  state.machine->reached(state.options.store->durable_sequence());
  // First the handle: the answer may already bring orders for it.
  auto registered = state.machine->register_server(x, now);
  if (registered)
    state.keepers.enrol(self, x.store, x.boot, keeper);
  return after(self, std::move(registered));
}

caf::result<msg::chunk_heartbeat_ack>
hear(self_pointer self, const msg::chunk_heartbeat& x) {
  if (!may_speak(self, x.store, x.boot))
    return to_caf(no_speaker());
  auto& machine = *self->state.machine;
  machine.reached(self->state.options.store->durable_sequence());
  return after(self, machine.heartbeat(x, self->clock().now()));
}

caf::result<msg::chunks_reported>
take_page(self_pointer self, const msg::report_chunks& x) {
  if (!may_speak(self, x.store, x.boot))
    return to_caf(no_speaker());
  return after(self, self->state.machine->report(x, self->clock().now()));
}

caf::result<msg::chunkserver_left>
let_go(self_pointer self, const msg::leave_chunkserver& x) {
  if (!may_speak(self, x.store, x.boot))
    return to_caf(no_speaker());
  return after(self, self->state.machine->leave(x, self->clock().now()));
}

caf::result<msg::orphans_claimed>
claim(self_pointer self, const msg::claim_orphans& x) {
  return after(self, self->state.machine->claim(x, self->clock().now()));
}

caf::result<msg::chunks_allocated>
allocate(self_pointer self, const msg::allocate_chunks& x) {
  auto made = self->state.machine->allocate(x, self->clock().now());
  if (made)
    for (auto& grant : made->grants)
      seal(self, grant);
  return after(self, std::move(made));
}

caf::result<msg::chunk_leased>
lease(self_pointer self, const msg::lease_chunk& x) {
  auto& state = self->state;
  const auto asker = state.next_asker++;
  auto promise = self->make_response_promise<msg::chunk_leased>();
  state.askers.emplace(asker, promise);
  state.machine->lease(asker, x, self->clock().now());
  perform(self);
  return promise;
}

caf::result<msg::chunks_adopted>
adopt(self_pointer self, const msg::adopt_chunks& x) {
  const auto keys = self->state.options.keys();
  std::vector<bool> sealed;
  for (const auto& chunk : x.chunks)
    sealed.push_back(bool{chunkserver::check_grant(chunk.grant, *keys)});
  auto adopted
    = self->state.machine->adopt(x.chunks, sealed, self->clock().now());
  perform(self);
  if (!adopted)
    return to_caf(adopted.error());
  return msg::chunks_adopted{};
}

void look_into_inbox(self_pointer self) {
  auto& machine = *self->state.machine;
  const auto now = self->clock().now();
  const auto content = self->state.inbox->take();
  for (const auto token : content.logged)
    machine.logged(token, now);
  for (const auto& x : content.probes)
    machine.probed(x.whom, x.boot, x.answer == port_answer::refused, now);
  perform(self);
}

// A hint only: the machine has the port probed.
void on_down(self_pointer self, const caf::down_msg& x) {
  auto& state = self->state;
  if (const auto gone = state.keepers.down(x.source))
    state.machine->link_lost(gone->store, gone->boot, self->clock().now());
  perform(self);
}

msg::cluster_status status(self_pointer self) {
  const auto& disks = self->state.options.disks;
  const auto& complete = self->state.options.complete;
  auto all = core::report_status(
    *self->state.machine, disks ? disks() : std::vector<msg::volume_status>{},
    self->clock().now());
  if (complete)
    complete(all);
  return all;
}

void count(self_pointer self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (now < state.counted + count_interval)
    return;
  state.counted = now;
  count_directory(*state.machine, *state.options.counters, now);
}

} // namespace

// -- the actor ----------------------------------------------------------------

chunk_directory_actor::behavior_type chunk_directory(
  chunk_directory_actor::stateful_pointer<chunk_directory_state> self,
  const chunk_directory_options& options) {
  DFS_ASSERT(options.store != nullptr && options.machine && options.keys);
  DFS_ASSERT(options.roll);
  self->state.options = options;
  self->state.machine = options.machine;
  self->state.inbox = std::make_shared<chunk_directory_inbox>();
  self->set_down_handler([self](const caf::down_msg& x) { on_down(self, x); });
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  perform(self);
  auto& machine = *self->state.machine;
  const auto now = [self] { return self->clock().now(); };
  const auto confirmed
    = [=, &machine](const auto& x) { return after(self, machine.confirm(x)); };
  return {
    [self](const msg::register_chunkserver& x,
           const chunk_keeper_actor& keeper) { return enrol(self, x, keeper); },
    [self](const msg::report_chunks& x) { return take_page(self, x); },
    [self](const msg::chunk_heartbeat& x) { return hear(self, x); },
    [self](const msg::leave_chunkserver& x) { return let_go(self, x); },
    [self](const msg::allocate_chunks& x) { return allocate(self, x); },
    [self](const msg::lease_chunk& x) { return lease(self, x); },
    [=, &machine](const msg::report_replica& x) {
      machine.doubt_replica(x, now());
      perform(self);
      return msg::replica_reported{};
    },
    [self](const msg::get_cluster_status&) { return status(self); },
    [=, &machine](const msg::check_chunks& x) {
      return to_caf(machine.check_chunks(x, now()));
    },
    [=, &machine](const msg::forget_server& x) {
      return after(self, machine.forget(x, now()));
    },
    [=](const msg::confirm_restore& x) { return confirmed(x); },
    [=](const msg::confirm_deletion& x) { return confirmed(x); },
    [self](const msg::claim_orphans& x) { return claim(self, x); },
    [=, &machine](const msg::locate_chunks& x) {
      return to_caf(machine.locate(x.layout, now()));
    },
    [self](const msg::adopt_chunks& x) { return adopt(self, x); },
    [=, &machine](const msg::keep_chunks& x) {
      machine.keep(x, now());
      perform(self);
    },
    [=, &machine](const msg::release_chunks& x) {
      machine.release(x, now());
      perform(self);
    },
    [self](caf::update_atom) { look_into_inbox(self); },
    [=, &machine](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      machine.tick(now());
      perform(self);
      count(self);
    },
  };
}

} // namespace dfs::actors
