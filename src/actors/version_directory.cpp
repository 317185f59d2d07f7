#include "actors/version_directory.hpp"

#include "actors/directory_rows.hpp"
#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/groups/directory_notes.hpp"
#include "core/groups/directory_report.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer
  = version_directory_actor::stateful_pointer<version_directory_state>;

constexpr auto tick_interval = 100ms;
constexpr auto count_interval = 1s;
constexpr auto unlink_within = 10s;

// -- effects ------------------------------------------------------------------

void wake(const caf::actor_addr& whom) {
  // Nothing is kept alive by a callback that comes late.
  if (auto actor = caf::actor_cast<caf::strong_actor_ptr>(whom))
    caf::anon_send(caf::actor_cast<version_directory_actor>(actor),
                   caf::update_atom_v);
}

void perform(self_pointer self, core::send_orders& x) {
  DFS_CRASH_POINT("versions.ordering");
  if (const auto* keeper = self->state.keepers.find(x.to))
    self->send(keeper->handle, std::move(x.what));
}

void perform(self_pointer self, core::log_group& x) {
  auto& state = self->state;
  DFS_CRASH_POINT("versions.set_logging");
  state.options.store->commit(
    {{core::numbered_key(group_rows, x.set.group.value()),
      wire::encode(x.set)}},
    [inbox = state.inbox, whom = self->address(),
     token = x.token](const result<nothing>& durable) {
      DFS_CRASH_POINT("versions.set_logged");
      // A store that failed ends the process; nothing may look logged.
      if (durable && inbox->add_logged(token))
        wake(whom);
    });
}

void perform(self_pointer self, core::log_fileserver& x) {
  self->state.options.store->commit(
    {{core::numbered_key(fileserver_rows, x.row.store.value()),
      wire::encode(x.row)}},
    [](const result<nothing>&) { DFS_CRASH_POINT("versions.server_logged"); });
}

void perform(self_pointer self, core::log_store_age& x) {
  self->state.options.store->commit(
    {{core::numbered_key(store_age_rows, x.row.store.value()),
      wire::encode(x.row)}},
    [](const result<nothing>&) { DFS_CRASH_POINT("versions.age_logged"); });
}

void perform(self_pointer self, core::remove_fileserver& x) {
  self->state.keepers.forget(x.store);
  self->state.options.store->commit(
    {{core::numbered_key(fileserver_rows, x.store.value()), {}},
     {core::numbered_key(store_age_rows, x.store.value()), {}}},
    [](const result<nothing>&) {
      DFS_CRASH_POINT("versions.server_forgotten");
    });
}

void perform(self_pointer self, core::probe_fileserver& x) {
  auto& state = self->state;
  if (state.options.prober == nullptr)
    return;
  state.options.prober->probe(x.data, [inbox = state.inbox,
                                       whom = self->address(), store = x.store,
                                       boot = x.boot](port_answer answer) {
    if (inbox->add_probe({store, boot, answer}))
      wake(whom);
  });
}

void perform(self_pointer self, core::answer_rebuild& x) {
  auto node = self->state.rebuilders.extract(x.asker);
  if (node.empty())
    return;
  if (x.answer)
    node.mapped().deliver(*std::move(x.answer));
  else
    node.mapped().deliver(to_caf(x.answer.error()));
}

void perform(self_pointer self, core::version_note_line& x) {
  using kind = core::version_note_line::kind;
  auto& counters = *self->state.options.counters;
  if (x.what == kind::set_in_force)
    ++counters.changes;
  else if (x.what == kind::appointed)
    ++counters.appointed;
  const bool bad = x.what == kind::outrun || x.what == kind::forced
                   || x.what == kind::outdated || x.what == kind::store_twice;
  const bool odd = x.what == kind::server_dead || x.what == kind::server_failed
                   || x.what == kind::change_failed
                   || x.what == kind::repair_begun
                   || x.what == kind::server_forgotten;
  const auto level = bad   ? spdlog::level::err
                     : odd ? spdlog::level::warn
                           : spdlog::level::info;
  log_event(*log_for("version-directory"), level, core::to_string(x.what),
            {{"group", x.group.value()},
             {"store", fmt::format("{:016x}", x.store.value())},
             {"detail", x.text}});
  if (x.what == kind::store_twice)
    log_event(*log_for(audit_log_name), spdlog::level::warn,
              core::to_string(x.what),
              {{"of", "versions"}, {"detail", x.text}});
}

void perform(self_pointer self) {
  auto& machine = *self->state.machine;
  self->state.options.fitness->share(
    machine.stopped(), [&](const std::string& why) { machine.stop(why); });
  for (auto& effect : self->state.machine->take_effects())
    std::visit([self](auto& x) { perform(self, x); }, effect);
}

// What a call of the machine gave back, after its effects.
template <class T>
caf::result<T> after(self_pointer self, result<T> x) {
  perform(self);
  return to_caf(std::move(x));
}

// -- requests -----------------------------------------------------------------

std::int64_t kept_now(self_pointer self) {
  const auto& kept = self->state.options.kept;
  return kept ? kept().time_since_epoch().count() : 0;
}

bool may_speak(self_pointer self, store_id store, boot_id boot) {
  return self->state.keepers.may_speak(self->current_sender(), store, boot);
}

// Of who registers, beside what it says of itself.
result<nothing> may_register(self_pointer self,
                             const msg::register_fileserver& x,
                             const version_keeper_actor& keeper) {
  const auto& sender = self->current_sender();
  const auto& servers = self->state.machine->servers();
  const auto known = servers.find(x.store);
  auto may = self->state.options.roll->check(
    sender, {x.store, x.member, x.name, x.data, msg::role::fileserver},
    known == servers.end() ? std::string{} : known->second.row.name,
    self->clock().now());
  if (may && (!keeper || keeper.node() != sender->node()))
    return fail(ec::denied, "the keeper is in another process");
  return may;
}

caf::result<msg::fileserver_registered>
enrol(self_pointer self, const msg::register_fileserver& x,
      const version_keeper_actor& keeper) {
  auto& state = self->state;
  if (auto may = may_register(self, x, keeper); !may)
    return to_caf(may.error());
  state.machine->reached(state.options.store->durable_sequence());
  auto registered = state.machine->register_server(x, self->clock().now());
  if (registered) {
    // First the handle: there may be orders for it already.
    state.keepers.enrol(self, x.store, x.boot, keeper);
    registered->receipts_from = state.options.receipts_from;
    registered->kept_ms = kept_now(self);
    DFS_CRASH_POINT("versions.server_registered");
  }
  return after(self, std::move(registered));
}

caf::result<msg::fileserver_beat_ack>
hear(self_pointer self, const msg::fileserver_beat& x) {
  if (!may_speak(self, x.store, x.boot))
    return to_caf(fail(ec::denied, "another node registered this store"));
  auto ack = self->state.machine->beat(x, self->clock().now());
  if (ack)
    ack->kept_ms = kept_now(self);
  return after(self, std::move(ack));
}

// The namespace unlinks; who asked hears at which position that is durable.
void unlink(self_pointer self, store_id who, const msg::unlink_file& x) {
  const auto& find = self->state.options.names;
  const auto names = find ? find() : namespace_keeper_actor{};
  if (!names)
    return;
  self->request(names, unlink_within, x)
    .then(
      [self, who](const msg::file_unlinked& gone) {
        DFS_CRASH_POINT("versions.unlinked");
        self->state.machine->unlinked(who, gone);
        perform(self);
      },
      [](const caf::error&) {
        // It is asked again.
      });
}

// The namespace answers, when the rows are durable.
template <class Reply, class Words>
caf::result<Reply> ask_names(self_pointer self, Words x) {
  const auto& find = self->state.options.names;
  const auto names = find ? find() : namespace_keeper_actor{};
  if (!names)
    return to_caf(fail(ec::unavailable, "the master is starting"));
  auto promise = self->make_response_promise<Reply>();
  promise.delegate(names, std::move(x));
  return promise;
}

// For lists of names: the newest version of each file.
caf::result<msg::notes_receipted>
note_versions(self_pointer self, const msg::note_versions& x) {
  DFS_CRASH_POINT("versions.notes_came");
  if (!may_speak(self, x.store, x.boot))
    return to_caf(fail(ec::not_found, "register first"));
  auto heeded = core::heed(*self->state.machine, x);
  if (!heeded)
    return to_caf(heeded.error());
  return ask_names<msg::notes_receipted>(self, *std::move(heeded));
}

void take_news(self_pointer self, const msg::group_news& x) {
  DFS_CRASH_POINT("versions.news_came");
  if (!may_speak(self, x.store, x.boot))
    return;
  auto& state = self->state;
  for (const auto& y : state.machine->news(x, self->clock().now()))
    unlink(self, x.store, y);
  perform(self);
}

caf::result<msg::directory_rebuilt> rebuild(self_pointer self) {
  auto& state = self->state;
  const auto asker = state.next_asker++;
  auto promise = self->make_response_promise<msg::directory_rebuilt>();
  state.rebuilders.emplace(asker, promise);
  state.machine->rebuild(asker, self->clock().now());
  perform(self);
  return promise;
}

void look_into_inbox(self_pointer self) {
  auto& machine = *self->state.machine;
  const auto now = self->clock().now();
  const auto content = self->state.inbox->take();
  for (const auto token : content.logged) {
    machine.logged(token, now);
    DFS_CRASH_POINT("versions.set_in_force");
  }
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

void count(self_pointer self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  if (now < state.counted + count_interval)
    return;
  state.counted = now;
  auto& to = *state.options.counters;
  const auto all = core::report_fileservers(*state.machine, now);
  std::array<std::uint64_t, 4> servers{};
  std::uint64_t missing = 0;
  for (const auto& x : all.servers) {
    ++servers[static_cast<std::size_t>(x.phase) - 1];
    missing += x.missing;
  }
  for (std::size_t i = 0; i < servers.size(); ++i)
    to.servers[i] = servers[i];
  const auto groups = core::count_groups(*state.machine, now);
  for (std::size_t i = 0; i < groups.size(); ++i)
    to.groups[i] = groups[i];
  to.repairs = all.repairs.size();
  to.missing = missing;
  auto twice = state.machine->claims().conflicts(now);
  to.stores_twice = twice.size();
  state.options.conflicts->set(std::move(twice));
}

} // namespace

// -- the actor ----------------------------------------------------------------

version_directory_actor::behavior_type version_directory(
  version_directory_actor::stateful_pointer<version_directory_state> self,
  const version_directory_options& options) {
  DFS_ASSERT(options.store != nullptr && options.machine && options.roll);
  self->state.options = options;
  self->state.machine = options.machine;
  self->state.inbox = std::make_shared<version_directory_inbox>();
  self->set_down_handler([self](const caf::down_msg& x) { on_down(self, x); });
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  perform(self);
  auto& machine = *self->state.machine;
  const auto now = [self] { return self->clock().now(); };
  return {
    [self](const msg::register_fileserver& x,
           const version_keeper_actor& keeper) {
      return enrol(self, x, keeper);
    },
    [=, &machine](const msg::fileserver_beat& x) {
      machine.reached(self->state.options.store->durable_sequence());
      return hear(self, x);
    },
    [self](const msg::group_news& x) { take_news(self, x); },
    [self](const msg::note_versions& x) { return note_versions(self, x); },
    [self](const msg::find_told& x) {
      return ask_names<msg::told_found>(self, x);
    },
    [=, &machine](const msg::locate_group& x) {
      return after(self, machine.locate(x, now()));
    },
    [&machine](const msg::number_writer&) {
      return to_caf(machine.number_writer());
    },
    [=, &machine](const msg::file_located& x) {
      return to_caf(machine.locate(x, now()));
    },
    [self, &machine](const msg::purge_versions& x) {
      machine.purge(x);
      perform(self);
    },
    [=, &machine](const msg::list_groups& x) {
      return core::report_groups(machine, x, now());
    },
    [=, &machine](const msg::list_fileservers&) {
      return core::report_fileservers(machine, now());
    },
    [=, &machine](const msg::force_group& x) {
      return after(self, machine.force(x, now()));
    },
    [self](const msg::rebuild_directory&) { return rebuild(self); },
    [=, &machine](const msg::forget_fileserver& x) {
      return after(self, machine.forget(x, now()));
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
