#include "base/assert.hpp"
#include "core/filetree/file_tree.hpp"
#include "core/filetree/path.hpp"
#include "core/filetree/tree_edit.hpp"

#include <algorithm>

// From rows to a tree, and what must hold of it.

namespace dfs::core {

namespace {

error broken(inode_id inode, const std::string& what) {
  return fail(ec::integrity, "the metadata of inode "
                               + std::to_string(inode.value()) + " " + what);
}

/// The node of a row, filled in; it may have been named as a parent before.
result<node_index> take_node(tree_state& tree, const node_row& row) {
  if (row.inode == inode_id{}
      || (row.kind != msg::entry_kind::file
          && row.kind != msg::entry_kind::directory)
      || (row.where != msg::storage_class::chunked
          && row.where != msg::storage_class::versioned)
      || (row.kind == msg::entry_kind::file && row.chunks > 0
          && row.where == msg::storage_class::versioned)
      || row.pieces.size() != std::min<std::size_t>(row.chunks, pieces_per_row))
    return broken(row.inode, "cannot be");
  auto x = tree.nodes.find(row.inode);
  if (x == no_node)
    x = tree.nodes.make(row.inode, row.kind, row.where);
  else if (tree.nodes[x].known || tree.nodes[x].kind != row.kind)
    return broken(row.inode, "is there twice");
  else
    --tree.unknown;
  auto& it = tree.nodes[x];
  it.known = true;
  it.where = row.where;
  it.replication = row.replication;
  it.growing = row.growing;
  it.created_ms = row.created_ms;
  it.modified_ms = row.modified_ms;
  for (const auto& each : row.pieces)
    tree.nodes.append_piece(x, each);
  if (row.chunks > pieces_per_row)
    tree.expected_pieces[row.inode] = row.chunks;
  tree.take_number(row.inode.value());
  return x;
}

} // namespace

result<nothing> file_tree::load_node(inode_id parent, std::string_view name,
                                     const node_row& row) {
  auto& nodes = state_.nodes;
  const auto x = take_node(state_, row);
  if (!x)
    return x.error();
  if (parent == inode_id{}) {
    if (row.inode != root_inode || !name.empty() || !nodes[*x].is_directory())
      return broken(row.inode, "has no parent");
    state_.root = *x;
    nodes[*x].place = node_place::tree;
    return done;
  }
  if (!check_name(name) || row.inode == root_inode)
    return broken(row.inode, "has an impossible name");
  auto dir = nodes.find(parent);
  if (dir == no_node) {
    dir = nodes.make(parent, msg::entry_kind::directory);
    nodes[dir].known = false;
    ++state_.unknown;
  }
  if (!nodes[dir].is_directory() || nodes.is_within(dir, *x))
    return broken(row.inode, "has a parent that cannot be one");
  const auto& children = nodes.list(dir).children;
  if (children.size() == 0 || nodes.name(children.last()) < name)
    nodes.link_last(*x, dir, name); // As the keys are sorted.
  else if (nodes.child(dir, name) != no_node)
    return broken(row.inode, "has a name that is taken");
  else
    nodes.link(*x, dir, name);
  return done;
}

result<nothing> file_tree::load_pieces(inode_id inode, std::uint32_t index,
                                       const piece_row& row) {
  const auto x = state_.nodes.find(inode);
  if (x == no_node || state_.nodes[x].is_directory() || row.pieces.empty()
      || state_.nodes.piece_count(x) != index * pieces_per_row
      || row.pieces.size() > pieces_per_row)
    return broken(inode, "has chunks that do not fit");
  for (const auto& each : row.pieces)
    state_.nodes.append_piece(x, each);
  return done;
}

result<nothing>
file_tree::load_version(inode_id inode, const version_row& row) {
  const auto x = state_.nodes.find(inode);
  if (x == no_node || !state_.nodes.is_versioned_file(x)
      || row.newest == version_number{} || (row.hidden && row.bytes > 0))
    return broken(inode, "has a version that does not fit");
  state_.nodes.set_version(x, row.newest, row.hidden, row.bytes);
  state_.nodes[x].modified_ms = row.modified_ms;
  return done;
}

result<nothing> file_tree::load_trash(std::uint64_t id, const trash_row& row) {
  const auto x = take_node(state_, row.node);
  if (!x)
    return x.error();
  state_.add_trash(id,
                   {*x, row.path, row.removed_ms, row.purged_ms, row.purging});
  state_.take_number(id);
  return done;
}

result<nothing> file_tree::load_upload(const upload_row& row) {
  const auto x = take_node(state_, row.node);
  if (!x)
    return x.error();
  if (row.node.kind != msg::entry_kind::file
      || row.node.where != msg::storage_class::chunked)
    return broken(row.node.inode, "is an upload and no file");
  state_.nodes[*x].place = node_place::upload;
  state_.uploads[row.node.inode]
    = {*x, row.path, row.source, row.force, row.parents, row.touched_ms};
  return done;
}

void file_tree::load_request(std::uint64_t period, std::uint64_t number,
                             const request_row& row) {
  if (number != 0 && !state_.requests.find(number))
    state_.requests.insert(period, number, row);
}

void file_tree::load_purge(const purge_row& row) {
  state_.purged_up_to = row.up_to;
}

void file_tree::load_clock(const clock_row& row) {
  state_.clock = row;
}

void file_tree::load_released_deletion(inode_id inode,
                                       const deletion_row& row) {
  state_.released_versions[inode].deletion = row;
}

void file_tree::load_released_versions(inode_id inode,
                                       const released_row& row) {
  state_.released_versions[inode].of_class = row.of_class;
  state_.take_number(inode.value());
}

void file_tree::load_told(group_id group, const told_row& row) {
  state_.told[group] = row.below;
}

result<nothing> file_tree::begin_life(master_term term, const tree_time& now,
                                      tree_changes& out) {
  const auto first
    = std::max<std::uint64_t>(term.value() << 40, root_inode.value() + 1);
  if (state_.next_number > first)
    return fail(ec::integrity, "the metadata is newer than its term "
                                 + std::to_string(term.value()));
  state_.next_number = first;
  state_.term = term;
  state_.now = now;
  begin_branch(out);
  if (state_.root == no_node) {
    if (state_.nodes.size() > 0)
      return fail(ec::integrity, "the metadata has no root");
    state_.root = state_.nodes.make(root_inode, msg::entry_kind::directory);
    auto& root = state_.nodes[state_.root];
    root.place = node_place::tree;
    tree_edit edit{state_, now, out};
    root.created_ms = edit.wall_ms;
    root.modified_ms = edit.wall_ms;
    edit.write(state_.root);
  }
  if (state_.unknown > 0)
    return fail(ec::integrity, "the metadata lacks "
                                 + std::to_string(state_.unknown)
                                 + " directories that others are in");
  for (const auto& [inode, chunks] : state_.expected_pieces)
    if (state_.nodes.piece_count(state_.nodes.find(inode)) != chunks)
      return broken(inode, "lacks chunks");
  state_.expected_pieces.clear();
  for (const auto& [inode, x] : state_.released_versions)
    if (state_.nodes.find(inode) != no_node)
      state_.held_names.insert(inode);
  // What hangs together in a circle is below nothing.
  std::uint64_t reached = 1 + state_.uploads.size() + state_.trash.size();
  const auto count = [&](node_index x) {
    const auto sum = state_.nodes.totals(x);
    reached += sum.directories
               + (state_.nodes[x].is_directory() ? sum.files + sum.hidden : 0);
  };
  count(state_.root);
  for (const auto& [id, item] : state_.trash) {
    count(item.node);
    if (!state_.is_purging(id, item))
      state_.trashed_files += state_.nodes.totals(item.node).files;
  }
  if (reached != state_.nodes.size())
    return fail(ec::integrity, "the metadata has directories that are in "
                               "themselves");
  return done;
}

void file_tree::check() const {
  state_.nodes.check();
  std::uint64_t files = 0;
  for (const auto& [id, item] : state_.trash) {
    DFS_ASSERT(state_.nodes[item.node].place == node_place::trash);
    DFS_ASSERT(state_.nodes.parent(item.node) == no_node);
    DFS_ASSERT(item.purging == state_.purging.contains(id));
    DFS_ASSERT(state_.trash_id_of(item.node) == id);
    DFS_ASSERT(id < state_.next_number);
    if (!state_.is_purging(id, item))
      files += state_.nodes.totals(item.node).files;
  }
  DFS_ASSERT(files == state_.trashed_files);
  DFS_ASSERT(state_.purging.size() <= state_.trash.size());
  for (const auto inode : state_.held_names)
    DFS_ASSERT(state_.released_versions.contains(inode)
               && state_.nodes.find(inode) != no_node);
  DFS_ASSERT(state_.trash_ids.size() == state_.trash.size());
  for (const auto& [inode, item] : state_.uploads) {
    DFS_ASSERT(state_.nodes[item.node].place == node_place::upload);
    DFS_ASSERT(state_.nodes[item.node].inode == inode);
  }
  DFS_ASSERT(state_.nodes[state_.root].inode == root_inode);
  for (const auto& [inode, row] : state_.orphans) {
    DFS_ASSERT(state_.is_lost(inode));
    DFS_ASSERT((row.phase == orphan_phase::waits)
               == state_.unnamed.contains(inode));
    DFS_ASSERT(row.phase == orphan_phase::ended
               || state_.nodes.find(inode) == no_node);
  }
  DFS_ASSERT(state_.unnamed.size() <= state_.orphans.size());
  for (const auto inode : state_.nameable)
    DFS_ASSERT(state_.unnamed.contains(inode));
}

} // namespace dfs::core
