#include "core/filetree/file_tree.hpp"
#include "core/filetree/operations.hpp"
#include "core/filetree/path.hpp"

#include <algorithm>

// Names of versioned files. What they hold is a matter of their groups; here is
// only whether they are to be seen, and how long they are.

namespace dfs::core {

reading<msg::file_located> file_tree::locate(std::string_view path) const {
  if (auto good = check_path(path); !good)
    return {good.error(), 0};
  const auto reached = state_.walk_to(path);
  const auto& it = state_.nodes[reached.deepest];
  const auto chunked = it.where != msg::storage_class::versioned;
  if (reached.rest.empty() && it.is_directory())
    return {fail(ec::is_directory, printable(path) + " is a directory"),
            reached.seen};
  if (chunked && (reached.rest.empty() || it.is_directory()))
    return {state_
              .check_class(path, {.existing = reached.deepest},
                           msg::storage_class::versioned)
              .error(),
            reached.seen};
  if (!reached.rest.empty())
    return {state_.missing(path, reached), reached.seen};
  return {
    msg::file_located{state_.status_of(reached.deepest, std::string{path}),
                      state_.position(),
                      {},
                      it.replication},
    std::max(reached.seen, it.changed)};
}

namespace {

/// Of one page; names are 255 bytes at most.
constexpr std::uint32_t versioned_entries_max = 1'000;

msg::versioned_entry entry_of(const tree_state& tree, node_index x) {
  const auto& it = tree.nodes[x];
  return {std::string{tree.nodes.name(x)},
          it.inode,
          tree.nodes.version(x),
          it.hidden,
          it.length,
          it.modified_ms};
}

} // namespace

reading<msg::versioned_page>
file_tree::versioned_names(const msg::list_versioned& x) const {
  if (auto good = check_path(x.path); !good)
    return {good.error(), 0};
  const auto reached = state_.walk_to(x.path);
  if (!reached.rest.empty())
    return {state_.missing(x.path, reached), reached.seen};
  // What is hidden, or behind, is shown, too: all that was applied counts.
  const auto seen = state_.applied;
  const auto& nodes = state_.nodes;
  msg::versioned_page page;
  if (nodes.is_versioned_file(reached.deepest)) {
    page.entries.push_back(entry_of(state_, reached.deepest));
    page.entries.back().name.clear();
    return {std::move(page), seen};
  }
  if (!nodes[reached.deepest].is_directory())
    return {std::move(page), seen};
  const auto& children = nodes.list(reached.deepest).children;
  const auto limit = x.limit == 0 ? versioned_entries_max
                                  : std::min(x.limit, versioned_entries_max);
  auto at = x.after.empty() ? child_set::position{}
                            : children.upper_bound(x.after, nodes);
  for (auto y = children.get(at); y != no_node; y = children.get(at)) {
    if (page.entries.size() == limit) {
      page.more = true;
      page.next = page.entries.back().name;
      break;
    }
    if (nodes.is_versioned_file(y))
      page.entries.push_back(entry_of(state_, y));
    children.advance(at);
  }
  return {std::move(page), seen};
}

std::map<inode_id, node_index> tree_state::deleted_files() const {
  std::map<inode_id, node_index> found;
  std::vector<node_index> open{root};
  while (!open.empty()) {
    const auto dir = open.back();
    open.pop_back();
    if (nodes.totals(dir).hidden == 0)
      continue;
    const auto& children = nodes.list(dir).children;
    for (child_set::position i; children.get(i) != no_node;
         children.advance(i)) {
      const auto x = children.get(i);
      if (nodes[x].is_directory())
        open.push_back(x);
      else if (is_deleted(x) && !is_released(x))
        found.emplace(nodes[x].inode, x);
    }
  }
  return found;
}

std::vector<msg::purged_file>
file_tree::released_versions(inode_id after, std::size_t limit) const {
  std::vector<msg::purged_file> page;
  const auto& all = state_.released_versions;
  for (auto i = all.upper_bound(after); i != all.end() && page.size() < limit;
       ++i)
    page.push_back({i->first, i->second.of_class, i->second.seen()});
  return page;
}

group_ballot file_tree::told_below(group_id x) const {
  const auto it = state_.told.find(x);
  return it == state_.told.end() ? group_ballot{} : it->second;
}

quorum_class file_tree::class_of_file(inode_id file) const {
  const auto x = state_.nodes.find(file);
  return x == no_node ? quorum_class{} : state_.nodes[x].replication;
}

result<spot> prepare(const tree_state& tree, const msg::create_versioned& x) {
  auto where = tree.find_spot(x.path, x.parents);
  if (!where)
    return where;
  const auto there = where->existing;
  if (there != no_node && tree.nodes[there].is_directory())
    return fail(ec::is_directory, printable(x.path) + " is a directory");
  if (auto good
      = tree.check_class(x.path, *where, msg::storage_class::versioned);
      !good)
    return good.error();
  return where;
}

msg::file_status
perform(tree_edit& edit, const msg::create_versioned& x, const spot& plan) {
  auto file = plan.existing;
  if (file == no_node) {
    file = edit.make(msg::entry_kind::file, msg::storage_class::versioned);
    edit.state.nodes[file].replication
      = edit.state.config.quorums.of_path(x.path);
    edit.place(file, plan, x.path);
  }
  return edit.state.status_of(file, x.path);
}

// -- versions -----------------------------------------------------------------

namespace {

/// A file without a name that was purged as a deletion has newer versions.
void note_released(tree_edit& edit, const msg::noted_version& x) {
  auto& tree = edit.state;
  const auto found = tree.released_versions.find(x.file);
  if (found == tree.released_versions.end()
      || x.kind == msg::version_kind::closed || !found->second.deletion
      || x.newest <= found->second.deletion->seen)
    return;
  auto released = found->second;
  if (x.kind == msg::version_kind::content) {
    edit.end_release(x.file);
    edit.back_to_trash(x, released);
  } else { // Deleted again: this was purged with it.
    released.deletion->seen = x.newest;
    edit.release_versions(x.file, std::move(released));
  }
}

void note(tree_edit& edit, const msg::noted_version& x) {
  auto& tree = edit.state;
  const auto file = tree.nodes.find(x.file);
  if (file == no_node) {
    note_released(edit, x);
    return note_orphan(edit, x);
  }
  if (!tree.nodes.is_versioned_file(file))
    return;
  // Nothing follows, whatever its number: the name is free. Its group asks for
  // the rest (`unlink_file`).
  if (x.kind == msg::version_kind::closed)
    return edit.unlink_versioned(file);
  if (x.newest <= tree.nodes.version(file))
    return;                 // Old news. I7
  edit.end_release(x.file); // What was purged is not the newest.
  const auto hidden = x.kind != msg::version_kind::content;
  const auto before = tree.nodes.totals(file);
  const auto was_hidden = tree.nodes[file].hidden;
  tree.nodes.set_version(file, x.newest, hidden, hidden ? 0 : x.bytes);
  tree.nodes[file].modified_ms = x.time_ms;
  if (hidden == was_hidden) {
    tree.noted.insert(x.file);
    return;
  }
  // Who sees that a name has come or gone relies on it.
  tree.nodes[file].changed = tree.applied;
  tree.recount_trash(file, before);
  edit.write_version(file);
  if (was_hidden)
    edit.rescue(file);
}

} // namespace

result<nothing> prepare(const tree_state&, const msg::versions_noted&) {
  return done;
}

nothing perform(tree_edit& edit, const msg::versions_noted& x, nothing) {
  for (const auto& each : x.files)
    note(edit, each);
  for (const auto& [group, below] : x.told) {
    auto& known = edit.state.told[group];
    if (below <= known)
      continue;
    known = below;
    edit.put(numbered_key(tree_keys::told, group.value()), told_row{below});
  }
  return done;
}

// -- the end of a file --------------------------------------------------------

result<node_index> prepare(const tree_state& tree, const msg::unlink_file& x) {
  const auto file = tree.nodes.find(x.file);
  if (file != no_node && !tree.nodes.is_versioned_file(file))
    return fail(ec::invalid_argument, "inode " + std::to_string(x.file.value())
                                        + " is no versioned file");
  return file;
}

msg::file_unlinked
perform(tree_edit& edit, const msg::unlink_file& x, node_index plan) {
  edit.end_release(x.file);
  if (plan != no_node)
    edit.unlink_versioned(plan);
  else
    edit.end_orphan(x.file);
  return {x.group, x.file, edit.state.position()};
}

} // namespace dfs::core
