#include "actors/namespace_keeper.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "wire/codec.hpp"

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer
  = namespace_keeper_actor::stateful_pointer<namespace_keeper_state>;

constexpr auto tick_interval = 200ms;
constexpr auto directory_timeout = 10s;
constexpr std::uint32_t garbage_slice = 1'000; ///< Some milliseconds.

void wake(const caf::actor_addr& whom) {
  // Nothing is kept alive by a callback that comes late.
  if (auto actor = caf::actor_cast<caf::strong_actor_ptr>(whom))
    caf::anon_send(caf::actor_cast<namespace_keeper_actor>(actor),
                   caf::update_atom_v);
}

void when_durable(self_pointer self, std::uint64_t operation,
                  std::function<void()> call) {
  if (operation <= self->state.durable)
    return call();
  self->state.waiting.emplace_hint(self->state.waiting.end(), operation,
                                   std::move(call));
}

/// Chunks become part of a file, or of none, when that is durable.
void tell_directory(self_pointer self, core::tree_changes changes) {
  if (changes.kept.empty() && changes.released.empty())
    return;
  when_durable(self, self->state.tree->applied(),
               [self, changes = std::move(changes)] {
                 auto chunks = self->state.options.chunks();
                 for (const auto& x : changes.kept)
                   self->send(chunks, x);
                 if (!changes.released.empty())
                   self->send(chunks, msg::release_chunks{changes.released});
               });
}

void commit(self_pointer self, core::tree_changes changes) {
  auto& state = self->state;
  if (!changes.rows.empty())
    state.options.store->commit(
      encode_rows(changes),
      [inbox = state.inbox, whom = self->address(),
       operation = state.tree->applied()](const result<nothing>& durable) {
        // A store that failed ends the process; nothing may look durable.
        if (durable && inbox->durable_up_to(operation))
          wake(whom);
      });
  tell_directory(self, std::move(changes));
}

void on_durable(self_pointer self) {
  auto& state = self->state;
  state.durable = std::max(state.durable, state.inbox->take());
  while (!state.waiting.empty()
         && state.waiting.begin()->first <= state.durable) {
    auto call = std::move(state.waiting.begin()->second);
    state.waiting.erase(state.waiting.begin());
    call();
  }
}

// -- requests -----------------------------------------------------------------

template <class T>
void answer_later(self_pointer self, std::uint64_t operation, result<T> answer,
                  caf::typed_response_promise<T> promise) {
  when_durable(self, operation,
               [promise, answer = std::move(answer)]() mutable {
                 if (answer)
                   promise.deliver(*std::move(answer));
                 else
                   promise.deliver(to_caf(answer.error()));
               });
}

/// A read of what is not durable yet waits until it is.
template <class T>
caf::result<T> answer(self_pointer self, core::reading<T> x) {
  if (x.seen <= self->state.durable)
    return to_caf(std::move(x.answer));
  auto promise = self->make_response_promise<T>();
  answer_later(self, x.seen, std::move(x.answer), promise);
  return promise;
}

template <class Operation>
auto apply(self_pointer self, const Operation& x) {
  core::tree_changes changes;
  auto outcome
    = self->state.tree->apply(x, self->state.options.clock(), changes);
  commit(self, std::move(changes));
  return outcome;
}

template <class Operation>
caf::result<core::answer_of_t<Operation>>
change(self_pointer self, const Operation& x) {
  using reply = core::answer_of_t<Operation>;
  // A refusal may rest on something that is not durable; so all wait.
  auto outcome = apply(self, x);
  const auto seen = self->state.tree->applied();
  if (seen <= self->state.durable)
    return to_caf(std::move(outcome));
  auto promise = self->make_response_promise<reply>();
  answer_later(self, seen, std::move(outcome), promise);
  return promise;
}

/// Changes that bring chunks: the directory vouches for these first.
template <class Operation>
caf::result<core::answer_of_t<Operation>>
change_with_chunks(self_pointer self, const Operation& x) {
  using reply = core::answer_of_t<Operation>;
  if (x.chunks.empty() || self->state.tree->was_done(x.request))
    return change(self, x);
  if (auto may = self->state.tree->can_apply(x); !may)
    return change(self, x); // Refused, when that is durable.
  auto promise = self->make_response_promise<reply>();
  self
    ->request(self->state.options.chunks(), directory_timeout,
              msg::adopt_chunks{x.chunks})
    .then(
      [self, x, promise](const msg::chunks_adopted&) mutable {
        auto outcome = apply(self, x);
        answer_later(self, self->state.tree->applied(), std::move(outcome),
                     promise);
      },
      [promise](const caf::error& why) mutable { promise.deliver(why); });
  return promise;
}

caf::result<msg::file_layout> open(self_pointer self, const msg::open_file& x) {
  auto layout = self->state.tree->layout(x);
  auto promise = self->make_response_promise<msg::file_layout>();
  if (!layout.answer || layout.answer->chunks.empty()) {
    answer_later(self, layout.seen, std::move(layout.answer), promise);
    return promise;
  }
  when_durable(
    self, layout.seen, [self, promise, found = *layout.answer]() mutable {
      self
        ->request(self->state.options.chunks(), directory_timeout,
                  msg::locate_chunks{std::move(found)})
        .then(
          [promise](msg::file_layout& all) mutable {
            promise.deliver(std::move(all));
          },
          [promise](const caf::error& why) mutable { promise.deliver(why); });
    });
  return promise;
}

// -- files that grow ----------------------------------------------------------

using leased_promise = caf::typed_response_promise<msg::chunk_leased>;

void lease(self_pointer self, chunk_id chunk, leased_promise promise) {
  msg::lease_chunk wanted;
  wanted.chunk = chunk;
  self->request(self->state.options.chunks(), directory_timeout, wanted)
    .then([promise](
            msg::chunk_leased& x) mutable { promise.deliver(std::move(x)); },
          [promise](const caf::error& why) mutable { promise.deliver(why); });
}

void append(self_pointer self, const msg::add_chunk& x,
            const msg::chunk_grant& grant, leased_promise promise) {
  auto& tree = *self->state.tree;
  auto appended = apply(self, core::append_chunk{x.inode, x.last, x.extent,
                                                 grant.chunk, grant.version});
  const auto seen = tree.applied();
  when_durable(self, seen, [self, x, appended, grant, promise]() mutable {
    if (appended) {
      promise.deliver(
        msg::chunk_leased{grant, {grant.version, mutation_serial{}, 0, 0}});
      return;
    }
    // Somebody else was first: theirs is the next chunk.
    const auto now = self->state.tree->growing(x.inode, x.last);
    if (now.answer && now.answer->next != chunk_id{})
      return lease(self, now.answer->next, promise);
    promise.deliver(to_caf(appended.error()));
  });
}

caf::result<msg::chunk_leased>
add_chunk(self_pointer self, const msg::add_chunk& x) {
  auto promise = self->make_response_promise<msg::chunk_leased>();
  const auto file = self->state.tree->growing(x.inode, x.last);
  if (!file.answer) {
    answer_later(self, file.seen,
                 result<msg::chunk_leased>{file.answer.error()}, promise);
    return promise;
  }
  if (const auto next = file.answer->next; next != chunk_id{}) {
    when_durable(self, file.seen,
                 [self, next, promise] { lease(self, next, promise); });
    return promise;
  }
  self
    ->request(self->state.options.chunks(), directory_timeout,
              msg::allocate_chunks{1, file.answer->replication})
    .then(
      [self, x, promise](const msg::chunks_allocated& made) mutable {
        if (made.grants.empty()) {
          promise.deliver(to_caf(fail(ec::unavailable)));
          return;
        }
        append(self, x, made.grants.front(), promise);
      },
      [promise](const caf::error& why) mutable { promise.deliver(why); });
  return promise;
}

// -- backups ------------------------------------------------------------------

/// Takes as long as copying takes, so on a thread of its own.
caf::result<msg::metadata_backed_up>
back_up(self_pointer self, const msg::backup_metadata& x) {
  auto promise = self->make_response_promise<msg::metadata_backed_up>();
  auto copy = [store = self->state.options.store, promise,
               to = x.directory](caf::event_based_actor*) mutable {
    const auto made = store->backup(to);
    if (!made) {
      promise.deliver(to_caf(made.error()));
      return;
    }
    promise.deliver(msg::metadata_backed_up{made->number, made->bytes});
  };
  self->spawn<caf::detached>(std::move(copy));
  return promise;
}

// -- upkeep -------------------------------------------------------------------

void tick(self_pointer self) {
  core::tree_changes grown;
  self->state.tree->take_grown(grown);
  commit(self, std::move(grown));
  if (self->state.tree->can_apply(core::collect_garbage{garbage_slice}))
    (void) apply(self, core::collect_garbage{garbage_slice});
}

} // namespace

bool namespace_inbox::durable_up_to(std::uint64_t operation) {
  const std::lock_guard lock{mutex_};
  durable_ = std::max(durable_, operation);
  return !std::exchange(woken_, true);
}

std::uint64_t namespace_inbox::take() {
  const std::lock_guard lock{mutex_};
  woken_ = false;
  return durable_;
}

namespace_keeper_actor::behavior_type namespace_keeper(
  namespace_keeper_actor::stateful_pointer<namespace_keeper_state> self,
  const namespace_keeper_options& options) {
  self->state.options = options;
  self->state.tree = options.tree;
  self->state.inbox = std::make_shared<namespace_inbox>();
  self->state.durable = options.tree->applied();
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  return {
    [self](const msg::get_status& x) {
      return answer(self, self->state.tree->status(x.path));
    },
    [self](const msg::make_directory& x) { return change(self, x); },
    [self](const msg::create_file& x) { return change(self, x); },
    [self](const msg::list_directory& x) {
      return answer(self, self->state.tree->list(x));
    },
    [self](const msg::rename_entry& x) { return change(self, x); },
    [self](const msg::remove_entry& x) { return change(self, x); },
    [self](const msg::list_trash& x) {
      return answer(self, self->state.tree->trash(x));
    },
    [self](const msg::restore_trash& x) { return change(self, x); },
    [self](const msg::purge_trash& x) { return change(self, x); },
    [self](const msg::get_usage& x) {
      return answer(self, self->state.tree->usage(x.path));
    },
    [self](const msg::commit_file& x) { return change_with_chunks(self, x); },
    [self](const msg::begin_upload& x) { return change(self, x); },
    [self](const msg::extend_upload& x) { return change_with_chunks(self, x); },
    [self](const msg::finish_upload& x) { return change(self, x); },
    [self](const msg::abort_upload& x) { return change(self, x); },
    [self](const msg::find_upload& x) {
      return answer(self, self->state.tree->find_upload(x.path));
    },
    [self](const msg::open_file& x) { return open(self, x); },
    [self](const msg::add_chunk& x) { return add_chunk(self, x); },
    [self](const msg::backup_metadata& x) { return back_up(self, x); },
    [self](const msg::files_grown& x) { (void) apply(self, x); },
    [self](caf::update_atom) { on_durable(self); },
    [self](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      tick(self);
    },
  };
}

} // namespace dfs::actors
