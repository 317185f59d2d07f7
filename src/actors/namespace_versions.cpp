#include "actors/namespace_versions.hpp"

#include <utility>

namespace dfs::actors {

namespace {

/// Who fills in the groups of files.
result<version_directory_actor> find_versions(namespace_self self) {
  const auto& find = self->state.options.versions;
  if (!find)
    return fail(ec::unsupported, "this master serves no versioned files");
  if (auto found = find())
    return found;
  return fail(ec::unavailable, "the master is starting");
}

/// One tick's, and one message.
constexpr std::size_t purged_at_once = 1'000;

/// Notes whose rows wait for the next ones to be written, or the next tick.
constexpr std::size_t notes_behind_max = 1'000;

} // namespace

promise_of<msg::file_located>
locate_versioned(namespace_self self, const std::string& path) {
  auto found = self->state.tree->locate(path);
  if (!found.answer)
    return answer(self, std::move(found));
  auto directory = find_versions(self);
  if (!directory)
    return refuse<msg::file_located>(self, directory.error());
  found.answer->names
    = self->state.names->grant(self->state.options.boottime());
  auto promise = self->make_response_promise<msg::file_located>();
  after_sync(
    self, found.seen,
    [promise, to = *directory, located = *std::move(found.answer)]() mutable {
      promise.delegate(to, std::move(located));
    });
  return promise;
}

promise_of<msg::file_located>
create_versioned(namespace_self self, const msg::create_versioned& x) {
  auto& tree = *self->state.tree;
  if (!tree.was_done(x.request) && tree.locate(x.path).answer)
    return locate_versioned(self, x.path);
  const auto directory = find_versions(self);
  if (!directory)
    return refuse<msg::file_located>(self, directory.error());
  if (auto may = may_change(self, x); !may)
    return refuse<msg::file_located>(self, may.error());
  core::tree_changes changes;
  const auto before = tree.applied();
  auto made = tree.apply(x, self->state.options.clock(), changes);
  if (!made)
    return refuse<msg::file_located>(self, made.error());
  auto promise = self->make_response_promise<msg::file_located>();
  auto give
    = [promise, to = *directory,
       located = msg::file_located{
         *made,
         tree.state().position(),
         {},
         tree.class_of_file(made->inode),
         self->state.names->grant(self->state.options.boottime())}]() mutable {
        promise.delegate(to, std::move(located));
      };
  if (tree.applied() == before) { // Done before.
    after_sync(self, before, std::move(give));
    return promise;
  }
  ++self->state.options.counters->changes;
  commit(self, std::move(changes), std::move(give));
  return promise;
}

promise_of<msg::notes_receipted>
note_versions(namespace_self self, const msg::versions_noted& x) {
  // A receipt is for ever, and the rows of older metadata are worth nothing.
  if (auto may = may_change<msg::unlink_file>(self); !may)
    return refuse<msg::notes_receipted>(self, may.error());
  auto& state = self->state;
  auto promise = self->make_response_promise<msg::notes_receipted>();
  core::tree_changes changes;
  (void) state.tree->apply(x, state.options.clock(), changes);
  const bool write
    = !changes.rows.empty() || state.tree->noted_behind() >= notes_behind_max;
  if (write)
    state.tree->take_grown(changes);
  const auto number = state.tree->applied();
  state.journal->commit(changes, number);
  state.noting.push_back(promise);
  // What it repeats may be among those that wait, too.
  if (write || state.tree->noted_behind() == 0)
    receipt_notes(self, number);
  state.journal->wake();
  return promise;
}

void receipt_notes(namespace_self self, std::uint64_t number) {
  if (self->state.noting.empty())
    return;
  after_sync(self, number,
             [self, asked = std::exchange(self->state.noting, {})]() mutable {
               DFS_CRASH_POINT("namespace.notes_durable");
               result<msg::notes_receipted> receipt = msg::notes_receipted{};
               if (auto may = may_change<msg::unlink_file>(self); !may)
                 receipt = may.error();
               for (auto& promise : asked)
                 deliver(promise, result<msg::notes_receipted>{receipt});
             });
}

void purge_at_once(namespace_self self, std::vector<msg::purged_file> files) {
  if (files.size() > purged_at_once)
    files.resize(purged_at_once); // The others are of some page.
  if (const auto to = find_versions(self))
    self->send(*to, msg::purge_versions{std::move(files)});
}

void purge_versions(namespace_self self) {
  auto& state = self->state;
  auto page = state.tree->released_versions(state.purged_up_to, purged_at_once);
  state.purged_up_to
    = page.size() < purged_at_once ? inode_id{} : page.back().file;
  if (page.empty())
    return;
  // Not before it is certain that they are purged.
  after_sync(self, state.tree->applied(), [self, page = std::move(page)] {
    if (const auto to = find_versions(self))
      self->send(*to, msg::purge_versions{page});
  });
}

} // namespace dfs::actors
