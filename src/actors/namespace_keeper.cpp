#include "actors/namespace_keeper.hpp"

#include "actors/namespace_orphans.hpp"
#include "actors/namespace_requests.hpp"
#include "actors/namespace_rows.hpp"
#include "actors/namespace_versions.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "core/filetree/freed_names.hpp"

#include <algorithm>
#include <chrono>
#include <type_traits>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer = namespace_self;

constexpr auto tick_interval = 1s;
constexpr auto patience = 10s; ///< With the chunk directory.

/// A slice of what is to be purged, and the pause behind it while there is
/// more: so removing is bounded (SPEC G12), and nobody waits long behind it.
constexpr std::uint32_t garbage_slice = 1'000;
constexpr auto garbage_pause = 50ms;

/// Chunk ids in one message.
constexpr std::size_t released_max = 400;

} // namespace

void tell_directory(namespace_self self, core::tree_changes& changes) {
  // At once: until it is closed, a put to it keeps it.
  if (!changes.released_versions.empty()
      && self->state.options.fitness->confirmed())
    purge_at_once(self, std::move(changes.released_versions));
  const auto directory = self->state.options.chunks();
  if (!directory)
    return; // It reads all this from the rows when it starts.
  for (auto& x : changes.kept)
    self->send(directory, std::move(x));
  for (auto at = changes.released.begin(); at != changes.released.end();) {
    const auto count
      = std::min<std::ptrdiff_t>(released_max, changes.released.end() - at);
    self->send(directory, msg::release_chunks{{at, at + count}});
    at += count;
  }
}

namespace {

// -- changing -----------------------------------------------------------------

/// Whether it waits: clients go by a name that it takes away.
template <class Change>
bool waits_for_leases(self_pointer self, const Change& x,
                      const promise_of<core::answer_of_t<Change>>& promise);

template <class Change>
void change(self_pointer self, const Change& x,
            promise_of<core::answer_of_t<Change>> promise) {
  auto& state = self->state;
  const auto before = state.tree->applied();
  if (auto may = may_change(self, x); !may)
    return answer(self, promise, {may.error(), before});
  auto frees = false;
  if constexpr (core::may_free_names<Change>::value) {
    frees = core::frees_names(state.tree->state(), x);
    if (frees && waits_for_leases(self, x, promise))
      return;
  }
  core::tree_changes changes;
  auto made = state.tree->apply(x, state.options.clock(), changes);
  if (!made || state.tree->applied() == before) // Refused, or done before.
    return answer(self, promise, {std::move(made), before});
  if (frees)
    state.names->changed(state.options.boottime(),
                         state.tree->state().position());
  ++state.options.counters->changes;
  commit(self, std::move(changes),
         [promise, made = *std::move(made)]() mutable {
           promise.deliver(std::move(made));
         });
}

template <class Change>
promise_of<core::answer_of_t<Change>>
change(self_pointer self, const Change& x) {
  auto promise = self->make_response_promise<core::answer_of_t<Change>>();
  change(self, x, promise);
  return promise;
}

template <class Change>
bool waits_for_leases(self_pointer self, const Change& x,
                      const promise_of<core::answer_of_t<Change>>& promise) {
  auto& state = self->state;
  const auto wait = state.names->wait(state.options.boottime());
  if (wait <= boot_clock::duration{})
    return false;
  if (state.held.empty())
    self->delayed_send(self, caf::timespan{wait}, caf::flush_atom_v);
  state.held.emplace_back([=] { change(self, x, promise); });
  return true;
}

/// The leases are over, unless the actor's clock was ahead: then the first one
/// waits again, and the others behind it.
void go_on(self_pointer self) {
  for (auto& x : std::exchange(self->state.held, {}))
    x();
  if (self->state.held.empty())
    self->state.names->nobody_waits();
}

// -- changes that bring chunks ------------------------------------------------

template <class Change>
namespace_keeper_state::asked key_of(const Change& x) {
  return {x.request, std::is_same_v<Change, msg::commit_file> ? 0 : 1,
          core::check_of(x)};
}

/// The end of a change that brought chunks, for all who asked for it.
template <class Change, class Answer>
void end_adoption(self_pointer self, const Change& x, const Answer& made) {
  auto& state = self->state;
  for (const auto& chunk : x.chunks)
    state.adopted.erase(chunk.grant.chunk);
  auto asked = state.adopting.extract(key_of(x));
  for (auto& promise : asked.mapped())
    promise.deliver(made);
}

template <class Change>
void change_adopted(self_pointer self, const Change& x) {
  DFS_CRASH_POINT("namespace.adopted");
  auto& state = self->state;
  core::tree_changes changes;
  auto made = state.tree->apply(x, state.options.clock(), changes);
  if (!made)
    return after_sync(self, state.tree->applied(),
                      [=] { end_adoption(self, x, to_caf(made.error())); });
  ++state.options.counters->changes;
  commit(self, std::move(changes),
         [self, x, made = *std::move(made)] { end_adoption(self, x, made); });
}

/// Nobody else may bring these chunks until the directory knows their file: it
/// refuses them from then on.
template <class Change>
result<nothing> reserve_chunks(self_pointer self, const Change& x) {
  auto& adopted = self->state.adopted;
  for (const auto& chunk : x.chunks)
    if (adopted.contains(chunk.grant.chunk))
      return fail(ec::busy, "another request brings the same chunk");
  for (const auto& chunk : x.chunks)
    adopted.insert(chunk.grant.chunk);
  return done;
}

/// Why the directory need not be asked.
template <class Change>
result<nothing> may_adopt(self_pointer self, const Change& x) {
  if (auto may = may_change<Change>(self); !may)
    return may;
  if (auto may = self->state.tree->can_apply(x); !may)
    return may;
  if (!self->state.options.chunks())
    return fail(ec::unavailable, "the master is starting");
  return reserve_chunks(self, x);
}

template <class Change>
promise_of<core::answer_of_t<Change>>
change_with_chunks(self_pointer self, const Change& x) {
  using reply = core::answer_of_t<Change>;
  auto& state = self->state;
  if (x.chunks.empty() || state.tree->was_done(x.request))
    return change(self, x);
  const auto known = state.adopting.find(key_of(x));
  const auto asked_before = known != state.adopting.end();
  if (!asked_before)
    if (auto may = may_adopt(self, x); !may)
      return refuse<reply>(self, may.error());
  auto promise = self->make_response_promise<reply>();
  state.adopting[key_of(x)].push_back(promise);
  if (!asked_before)
    self
      ->request(state.options.chunks(), caf::infinite,
                msg::adopt_chunks{x.chunks})
      .then([self, x](const msg::chunks_adopted&) { change_adopted(self, x); },
            [self, x](const caf::error& why) { end_adoption(self, x, why); });
  return promise;
}

// -- files that grow ----------------------------------------------------------

using added_promise = namespace_keeper_state::added;
using growth_key = std::pair<inode_id, chunk_id>;

/// The end of an `add_chunk`, for all who asked for this one.
template <class Answer>
void end_growth(self_pointer self, const growth_key& key, const Answer& made) {
  auto asked = self->state.growing.extract(key);
  for (auto& promise : asked.mapped())
    promise.deliver(made);
}

void append_allocated(self_pointer self, const msg::add_chunk& x,
                      const msg::chunks_allocated& made) {
  const growth_key key{x.inode, x.last};
  if (made.grants.empty())
    return end_growth(self, key, to_caf(fail(ec::too_few_servers)));
  auto& state = self->state;
  const auto& grant = made.grants.front();
  core::tree_changes changes;
  core::append_chunk next{x.inode, x.last, x.extent, grant.chunk,
                          grant.version};
  for (const auto& replica : grant.chain)
    next.set.push_back(replica.store);
  const auto appended = state.tree->apply(next, state.options.clock(), changes);
  if (!appended)
    return end_growth(self, key, to_caf(appended.error()));
  ++state.options.counters->changes;
  msg::chunk_leased leased;
  leased.grant = grant;
  leased.extent.version = grant.version;
  commit(self, std::move(changes),
         [self, key, leased] { end_growth(self, key, leased); });
}

/// Nobody has added one behind `last` yet: one is allocated, for all who ask.
added_promise allocate_next(self_pointer self, const msg::add_chunk& x,
                            std::uint8_t replication) {
  const growth_key key{x.inode, x.last};
  auto promise = self->make_response_promise<msg::chunk_leased>();
  auto& asked = self->state.growing[key];
  asked.push_back(promise);
  if (asked.size() > 1)
    return promise;
  self
    ->request(self->state.options.chunks(), patience,
              msg::allocate_chunks{1, replication, {}})
    .then(
      [self, x](const msg::chunks_allocated& made) {
        append_allocated(self, x, made);
      },
      [self, key](const caf::error& why) { end_growth(self, key, why); });
  return promise;
}

added_promise add_chunk(self_pointer self, const msg::add_chunk& x) {
  auto& state = self->state;
  const auto directory = state.options.chunks();
  if (!directory)
    return refuse<msg::chunk_leased>(
      self, fail(ec::unavailable, "the master is starting"));
  const auto file = state.tree->growing(x.inode, x.last);
  if (!file.answer)
    return refuse<msg::chunk_leased>(self, file.answer.error());
  if (file.answer->next == chunk_id{}) {
    if (auto may = may_change<msg::add_chunk>(self); !may)
      return refuse<msg::chunk_leased>(self, may.error());
    return allocate_next(self, x, file.answer->replication);
  }
  auto promise = self->make_response_promise<msg::chunk_leased>();
  after_sync(self, file.seen,
             [promise, directory, next = file.answer->next]() mutable {
               promise.delegate(directory, msg::lease_chunk{next, {}, {}});
             });
  return promise;
}

/// Lengths may be behind after a crash while a file grows, never when it has
/// stopped.
void note_growth(self_pointer self, const msg::files_grown& x) {
  auto& state = self->state;
  core::tree_changes changes;
  if (!state.tree->apply(x, state.options.clock(), changes))
    return;
  const auto stopped
    = std::any_of(x.files.begin(), x.files.end(),
                  [](const auto& each) { return !each.growing; });
  if (stopped)
    state.tree->take_grown(changes);
  state.journal->commit(changes, state.tree->applied());
  if (stopped)
    receipt_notes(self, state.tree->applied());
}

/// New chunks come from the directory; how many replicas, and whether there may
/// be such a file, is known here.
promise_of<msg::chunks_allocated>
allocate(self_pointer self, const msg::allocate_chunks& x) {
  const auto directory = self->state.options.chunks();
  if (!directory)
    return refuse<msg::chunks_allocated>(
      self, fail(ec::unavailable, "the master is starting"));
  auto replication = x.replication;
  if (!x.path.empty()) {
    if (auto may = may_change<msg::commit_file>(self); !may)
      return refuse<msg::chunks_allocated>(self, may.error());
    const auto wanted = self->state.tree->replication_of_new(x);
    if (!wanted)
      return refuse<msg::chunks_allocated>(self, wanted.error());
    replication = *wanted;
  }
  auto promise = self->make_response_promise<msg::chunks_allocated>();
  promise.delegate(directory, msg::allocate_chunks{x.count, replication, {}});
  return promise;
}

promise_of<msg::file_layout>
open_file(self_pointer self, const msg::open_file& x) {
  auto found = self->state.tree->layout(x);
  if (!found.answer || found.answer->chunks.empty())
    return answer(self, std::move(found));
  const auto directory = self->state.options.chunks();
  if (!directory)
    return refuse<msg::file_layout>(
      self, fail(ec::unavailable, "the master is starting"));
  auto promise = self->make_response_promise<msg::file_layout>();
  after_sync(self, found.seen,
             [promise, directory, layout = *std::move(found.answer)]() mutable {
               promise.delegate(directory,
                                msg::locate_chunks{std::move(layout)});
             });
  return promise;
}

// -- operating ----------------------------------------------------------------

void count(self_pointer self) {
  const auto& tree = *self->state.tree;
  auto& to = *self->state.options.counters;
  const auto sum = tree.totals();
  to.files = sum.files;
  to.directories = sum.directories;
  to.bytes = sum.bytes;
  to.chunks = sum.chunks;
  to.trash = tree.state().trash.size();
  to.uploads = tree.state().uploads.size();
  to.requests = tree.state().requests.size();
  to.unnamed = tree.unnamed();
}

/// @returns whether there is more to do now.
bool collect(self_pointer self) {
  auto& state = self->state;
  // After a restore a person may miss what is about to go.
  if (state.options.fitness->lost() || !state.options.fitness->confirmed())
    return false;
  core::tree_changes changes;
  const auto collected = state.tree->apply(core::collect_garbage{garbage_slice},
                                           state.options.clock(), changes);
  if (!changes.released.empty())
    log_event(*log_for("namespace"), spdlog::level::info, "chunks released",
              {{"count", std::uint64_t{changes.released.size()}}});
  if (!changes.released_versions.empty())
    log_event(*log_for("namespace"), spdlog::level::info,
              "names of versioned files purged",
              {{"count", std::uint64_t{changes.released_versions.size()}}});
  commit(self, std::move(changes), [] {});
  return collected && collected->more;
}

void check_space(self_pointer self) {
  auto& state = self->state;
  const auto full
    = state.options.store->free_bytes() < state.options.free_bytes_min;
  if (full != std::exchange(state.full, full))
    log_event(*log_for("namespace"),
              full ? spdlog::level::err : spdlog::level::info,
              full ? "the disk of the metadata is full: changes are refused"
                   : "the disk of the metadata has room again",
              {});
}

void check_clock(self_pointer self) {
  auto& state = self->state;
  if (!state.options.jumped)
    return;
  const auto by = state.options.jumped();
  state.options.counters->jumped_ms = by.count();
  const auto jumped = by != std::chrono::milliseconds{0};
  if (jumped == std::exchange(state.jumped, jumped))
    return;
  log_event(*log_for("namespace"),
            jumped ? spdlog::level::err : spdlog::level::info,
            jumped ? "the wall clock has jumped: nothing is deleted by it, new "
                     "files have wrong times"
                   : "the wall clock is right again",
            {{"seconds", std::int64_t{by.count() / 1'000}}});
}

void tick(self_pointer self) {
  check_space(self);
  check_clock(self);
  const auto more = collect(self);
  // A large purge takes minutes, and orders are repeated meanwhile, too.
  const auto now = self->state.options.clock().kept;
  const auto due = !more || now - self->state.purges_told_at >= tick_interval;
  if (due && self->state.options.fitness->confirmed()) {
    self->state.purges_told_at = now;
    purge_versions(self);
  }
  count(self);
  self->delayed_send(
    self, more ? caf::timespan{garbage_pause} : caf::timespan{tick_interval},
    caf::tick_atom_v);
}

msg::told_found
find_told(const core::file_tree& tree, const msg::find_told& x) {
  msg::told_found found;
  for (const auto group : x.groups)
    found.groups.push_back({group, tree.told_below(group)});
  return found;
}

} // namespace

result<std::shared_ptr<core::file_tree>>
load_namespace(const namespace_keeper_options& options) {
  return load_file_tree(*options.store, options.config, options.term,
                        options.clock());
}

namespace_keeper_actor::behavior_type namespace_keeper(
  namespace_keeper_actor::stateful_pointer<namespace_keeper_state> self,
  const namespace_keeper_options& options) {
  DFS_ASSERT(options.store != nullptr && options.tree && options.chunks
             && options.clock && options.counters);
  self->state.options = options;
  self->state.tree = options.tree;
  self->state.names.emplace(options.boottime(),
                            options.tree->state().position());
  self->state.journal
    = std::make_unique<namespace_journal>(*options.store, self);
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  count(self);
  const auto& tree = *self->state.tree;
  const auto changed = [self](const auto& x) { return change(self, x); };
  return {
    [=, &tree](const msg::get_status& x) {
      return answer(self, tree.status(x.path));
    },
    [=](const msg::make_directory& x) { return changed(x); },
    [=](const msg::create_file& x) { return changed(x); },
    [=, &tree](const msg::list_directory& x) {
      return answer(self, tree.list(x));
    },
    [=](const msg::rename_entry& x) { return changed(x); },
    [=](const msg::remove_entry& x) { return changed(x); },
    [=, &tree](const msg::list_trash& x) {
      return answer(self, tree.trash(x));
    },
    [=](const msg::restore_trash& x) { return changed(x); },
    [=](const msg::purge_trash& x) { return changed(x); },
    [=, &tree](const msg::find_purges& x) {
      return answer(self, tree.purges(x));
    },
    [=, &tree](const msg::get_usage& x) {
      return answer(self, tree.usage(x.path));
    },
    [=](const msg::commit_file& x) { return change_with_chunks(self, x); },
    [=](const msg::begin_upload& x) { return changed(x); },
    [=](const msg::extend_upload& x) { return change_with_chunks(self, x); },
    [=](const msg::finish_upload& x) { return changed(x); },
    [=](const msg::abort_upload& x) { return changed(x); },
    [=, &tree](const msg::find_upload& x) {
      return answer(self, tree.find_upload(x.path));
    },
    [=](const msg::open_file& x) { return open_file(self, x); },
    [=](const msg::add_chunk& x) { return add_chunk(self, x); },
    [=](const msg::adopt_orphans& x) { return adopt_orphans(self, x); },
    [=](const msg::allocate_chunks& x) { return allocate(self, x); },
    [=](const msg::locate_file& x) { return locate_versioned(self, x.path); },
    [=](const msg::create_versioned& x) { return create_versioned(self, x); },
    [=, &tree](const msg::list_versioned& x) {
      return answer(self, tree.versioned_names(x));
    },
    [=](const msg::unlink_file& x) { return changed(x); },
    [=](const msg::versions_noted& x) { return note_versions(self, x); },
    [=, &tree](const msg::find_told& x) { return find_told(tree, x); },
    [=](const msg::files_grown& x) { note_growth(self, x); },
    [=](caf::update_atom) { self->state.journal->wake(); },
    [=](caf::flush_atom) { go_on(self); },
    [=](caf::tick_atom) { tick(self); },
  };
}

} // namespace dfs::actors
