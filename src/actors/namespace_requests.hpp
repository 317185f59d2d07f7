#pragma once

#include "actors/namespace_keeper.hpp"
#include "actors/support/to_caf.hpp"
#include "base/crash_point.hpp"

#include <type_traits>
#include <utility>

// INTERNAL to the namespace keeper: how requests are answered, and changes
// made.

namespace dfs::actors {

using namespace_self
  = namespace_keeper_actor::stateful_pointer<namespace_keeper_state>;

template <class T>
using promise_of = caf::typed_response_promise<T>;

// -- answering ----------------------------------------------------------------

template <class T>
void deliver(promise_of<T>& to, result<T> x) {
  if (x)
    to.deliver(*std::move(x));
  else
    to.deliver(to_caf(x.error()));
}

/// Calls `then` when all up to a number is durable; now, if it is.
template <class Function>
void after_sync(namespace_self self, std::uint64_t number, Function then) {
  if (self->state.journal->is_durable(number))
    then();
  else
    self->state.journal->wait(number, std::move(then));
}

/// A reading is answered when what it saw is durable: what is lost in a crash
/// must not have been seen.
template <class T>
void answer(namespace_self self, promise_of<T> promise, core::reading<T> x) {
  const auto& fitness = *self->state.options.fitness;
  if (fitness.lost()) // Older names, shown as if they were the present ones.
    x.answer = fail(ec::stale, fitness.why());
  after_sync(self, x.seen, [promise, found = std::move(x.answer)]() mutable {
    deliver(promise, std::move(found));
  });
}

template <class T>
promise_of<T> answer(namespace_self self, core::reading<T> x) {
  auto promise = self->make_response_promise<T>();
  answer(self, promise, std::move(x));
  return promise;
}

/// Likewise: it may have been refused for something that is not durable yet.
template <class T>
promise_of<T> refuse(namespace_self self, error why) {
  return answer<T>(self, {std::move(why), self->state.tree->applied()});
}

// -- changing -----------------------------------------------------------------

/// The chunk directory hears of chunks that came or went.
void tell_directory(namespace_self self, core::tree_changes& changes);

/// The rows of all notes that were taken are among the changes up to that
/// number: their receipts follow its sync.
void receipt_notes(namespace_self self, std::uint64_t number);

/// Makes the changes of what was just applied durable; then tells the chunk
/// directory, then calls `then`.
template <class Function>
void commit(namespace_self self, core::tree_changes changes, Function then) {
  auto& state = self->state;
  state.tree->take_grown(changes); // Rides along.
  const auto number = state.tree->applied();
  state.journal->commit(changes, number);
  changes.rows.clear();
  state.journal->wait(number,
                      [self, told = std::move(changes), then]() mutable {
                        DFS_CRASH_POINT("namespace.durable");
                        tell_directory(self, told);
                        then();
                      });
  receipt_notes(self, number);
  state.journal->wake();
}

/// What makes room, or little, is done on a full disk, too.
template <class Change>
struct needs_room : std::true_type {};
template <>
struct needs_room<msg::remove_entry> : std::false_type {};
template <>
struct needs_room<msg::purge_trash> : std::false_type {};
template <>
struct needs_room<msg::abort_upload> : std::false_type {};
template <>
struct needs_room<msg::unlink_file> : std::false_type {};

template <class Change>
result<nothing> may_change(namespace_self self) {
  if (self->state.options.fitness->lost())
    return fail(ec::stale, self->state.options.fitness->why());
  if (needs_room<Change>::value && self->state.full)
    return fail(ec::full, "the disk of the master is full");
  return done;
}

/// What was done under that number is told again, and takes no room: "full"
/// would say that it was not done.
template <class Change>
result<nothing> may_change(namespace_self self, const Change& x) {
  const auto may = may_change<Change>(self);
  if constexpr (requires { x.request; })
    if (!may && may.error().code == ec::full
        && self->state.tree->was_done(x.request))
      return done;
  return may;
}

} // namespace dfs::actors
