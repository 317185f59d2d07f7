#include "core/filetree/tree_edit.hpp"

#include "base/assert.hpp"
#include "core/filetree/path.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

node_index tree_edit::make(msg::entry_kind kind, msg::storage_class where) {
  const auto x = state.nodes.make(inode_id{state.next_number++}, kind, where);
  auto& it = state.nodes[x];
  it.created_ms = wall_ms;
  it.modified_ms = wall_ms;
  it.changed = state.applied;
  return x;
}

void tree_edit::place(node_index x, const spot& where, std::string_view path) {
  auto dir = where.dir;
  auto rest = where.rest;
  if (where.existing != no_node) {
    to_trash(where.existing, path);
    rest = last_name(path);
  }
  DFS_ASSERT(!rest.empty());
  entries_changed(dir);
  const auto made_as
    = state.nodes[state.nodes[x].is_directory() ? dir : x].where;
  for (auto slash = rest.find('/'); slash != rest.npos;
       slash = rest.find('/')) {
    const auto made = make(msg::entry_kind::directory, made_as);
    state.nodes.link(made, dir, rest.substr(0, slash));
    write(made);
    dir = made;
    rest.remove_prefix(slash + 1);
  }
  state.nodes.link(x, dir, rest);
  state.nodes[x].changed = state.applied;
  write(x);
}

void tree_edit::displace(node_index x) {
  const auto dir = state.nodes.parent(x);
  drop_row(x);
  state.nodes.unlink(x);
  entries_changed(dir);
}

void tree_edit::destroy(node_index x) {
  drop_row(x);
  state.held_names.erase(state.nodes[x].inode);
  state.nodes.unlink(x);
  state.nodes.destroy(x);
}

void tree_edit::unlink_versioned(node_index file) {
  const auto before = state.nodes.totals(file);
  keep_former_path(file);
  erase(numbered_key(tree_keys::versions, state.nodes[file].inode.value()));
  if (const auto dir = state.nodes.parent(file); dir != no_node) {
    state.nodes.list(dir).entries_changed = state.applied;
    if (before.files > 0) { // Its last note was lost.
      state.nodes.set_version(file, state.nodes.version(file), true, 0);
      state.recount_trash(file, before);
    }
    return destroy(file);
  }
  const auto id = state.trash_id_of(file);
  DFS_ASSERT(id != 0);
  if (!state.is_purging(id, state.trash.at(id)))
    state.trashed_files -= before.files;
  end_trash(id);
}

// Its group may lose that it closed it (`admin force-group`), and have a newer
// content: that goes to the trash under this path.
void tree_edit::keep_former_path(node_index file) {
  const auto found = state.released_versions.find(state.nodes[file].inode);
  if (found == state.released_versions.end() || !found->second.deletion)
    return;
  auto released = found->second;
  const auto id = state.trash_id_of(file);
  released.deletion->path
    = id == 0 ? state.nodes.path(file) : state.former_path(id, file);
  release_versions(found->first, std::move(released));
}

void tree_edit::end_trash(std::uint64_t id) {
  const auto node = state.trash.at(id).node;
  state.held_names.erase(state.nodes[node].inode);
  state.drop_trash(id);
  state.nodes[node].place = node_place::nowhere;
  state.nodes.destroy(node);
  erase(numbered_key(tree_keys::trash, id));
}

void tree_edit::release_versions(node_index file, std::string path) {
  const auto& it = state.nodes[file];
  released_file x{it.replication, {}};
  if (it.hidden)
    x.deletion = {state.nodes.version(file), std::move(path), it.created_ms};
  release_versions(it.inode, std::move(x));
}

void tree_edit::release_versions(inode_id file, released_file x) {
  put(numbered_key(tree_keys::released_versions, file.value()),
      released_row{x.of_class});
  const auto deletion
    = numbered_key(tree_keys::released_deletions, file.value());
  if (x.deletion)
    put(deletion, *x.deletion);
  else
    erase(deletion);
  const msg::purged_file told{file, x.of_class, x.seen()};
  if (state.released_versions.insert_or_assign(file, std::move(x)).second)
    out_.released_versions.push_back(told);
}

void tree_edit::end_release(inode_id file) {
  if (state.released_versions.erase(file) == 0)
    return;
  state.held_names.erase(file);
  erase(numbered_key(tree_keys::released_versions, file.value()));
  erase(numbered_key(tree_keys::released_deletions, file.value()));
}

void tree_edit::rescue(node_index file) {
  const auto id = state.trash_id_of(file);
  if (id == 0 || !state.is_purging(id, state.trash.at(id)))
    return;
  const auto path = state.former_path(id, file);
  if (state.nodes.parent(file) == no_node) {
    state.drop_trash(id);
    erase(numbered_key(tree_keys::trash, id));
  } else {
    displace(file);
  }
  put_into_trash(file, path);
}

void tree_edit::back_to_trash(const msg::noted_version& x,
                              const released_file& of) {
  const auto file = state.nodes.make(x.file, msg::entry_kind::file,
                                     msg::storage_class::versioned);
  auto& it = state.nodes[file];
  it.replication = of.of_class;
  it.created_ms = of.deletion->created_ms;
  it.modified_ms = x.time_ms;
  it.changed = state.applied;
  state.nodes.set_version(file, x.newest, false, x.bytes);
  write_version(file);
  put_into_trash(file, of.deletion->path);
}

std::uint64_t tree_edit::to_trash(node_index x, std::string_view path) {
  displace(x);
  state.nodes[x].changed = state.applied;
  return put_into_trash(x, path);
}

std::uint64_t tree_edit::put_into_trash(node_index x, std::string_view path) {
  const auto id = state.next_number++;
  state.add_trash(id, {.node = x,
                       .path = std::string{path},
                       .removed_ms = wall_ms,
                       .purged_ms = kept_ms + state.config.trash_life.count()});
  state.trashed_files += state.nodes.totals(x).files;
  write_trash(id);
  return id;
}

void tree_edit::discard(node_index x, std::string_view path) {
  const auto id = state.next_number++;
  state.add_trash(id, {.node = x,
                       .path = std::string{path},
                       .removed_ms = wall_ms,
                       .purged_ms = kept_ms,
                       .purging = true});
  write_trash(id);
}

void tree_edit::append(node_index file, const msg::written_chunk& x) {
  chunk_row row;
  row.chunk = x.grant.chunk;
  row.extent = x.extent;
  row.extent.version = std::max(x.extent.version, x.grant.version);
  for (const auto& replica : x.grant.chain)
    row.set.push_back(replica.store);
  append(file, row);
}

void tree_edit::append(node_index file, const chunk_row& x) {
  auto row = x;
  row.file = state.nodes[file].inode;
  row.replication = state.nodes[file].replication;
  state.nodes.append_piece(
    file, {x.chunk, std::min(x.extent.padded_from, x.extent.length)});
  put(chunk_row_key(x.chunk, chunk_row_writer::file), std::move(row));
}

void tree_edit::release_last(node_index file) {
  const auto last
    = state.nodes.piece_at(file, state.nodes.piece_count(file) - 1).chunk;
  state.nodes.drop_last_piece(file);
  erase(chunk_row_key(last, chunk_row_writer::file));
  put(released_row_key(last), empty_row{});
  out_.released.push_back(last);
}

void tree_edit::write(node_index x) {
  const auto& it = state.nodes[x];
  switch (it.place) {
    case node_place::tree: {
      const auto dir = state.nodes.parent(x);
      const auto parent = dir == no_node ? inode_id{} : state.nodes[dir].inode;
      return put(tree_keys::node(parent, state.nodes.name(x)), state.row_of(x));
    }
    case node_place::upload:
      return put(numbered_key(tree_keys::uploads, it.inode.value()),
                 state.row_of(state.uploads.at(it.inode)));
    case node_place::trash:
      // Seldom: a file that grows while it is in the trash.
      if (const auto id = state.trash_id_of(x); id != 0)
        write_trash(id);
      return;
    case node_place::nowhere:
      DFS_ASSERT(false);
  }
}

void tree_edit::write_pieces(node_index x, std::uint32_t index) {
  put(tree_keys::piece_group(state.nodes[x].inode, index),
      state.pieces_of(x, index));
}

void tree_edit::erase_pieces(node_index x, std::uint32_t index) {
  erase(tree_keys::piece_group(state.nodes[x].inode, index));
}

void tree_edit::write_trash(std::uint64_t id) {
  put(numbered_key(tree_keys::trash, id), state.row_of(state.trash.at(id)));
}

void tree_edit::write_version(node_index file) {
  put(numbered_key(tree_keys::versions, state.nodes[file].inode.value()),
      state.version_of(file));
}

void tree_edit::touch(node_index x) {
  state.nodes[x].modified_ms = wall_ms;
  state.nodes[x].changed = state.applied;
}

void tree_edit::entries_changed(node_index dir) {
  state.nodes.list(dir).entries_changed = state.applied;
  state.nodes[dir].modified_ms = wall_ms;
  // What is in the trash has one row, written by whoever takes it apart.
  if (state.nodes[dir].place == node_place::tree)
    write(dir);
}

void tree_edit::drop_row(node_index x) {
  erase(tree_keys::node(state.nodes[state.nodes.parent(x)].inode,
                        state.nodes.name(x)));
}

} // namespace dfs::core
