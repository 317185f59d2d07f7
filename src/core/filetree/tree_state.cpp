#include "core/filetree/tree_state.hpp"

#include "base/assert.hpp"
#include "core/filetree/kept_clock.hpp"
#include "core/filetree/path.hpp"

#include <algorithm>

namespace dfs::core {

tree_state::tree_state(const tree_config& wanted)
  : config{wanted},
    nodes{wanted.hash_seed},
    // For that long even while the kept clock is fast.
    requests{wanted.request_life + wanted.request_life / kept_clock::gain,
             wanted.requests_max} {
  // nop
}

walk tree_state::walk_to(std::string_view path) const {
  walk reached{root, path.substr(1), 0};
  while (!reached.rest.empty() && nodes[reached.deepest].is_directory()) {
    const auto slash = reached.rest.find('/');
    const auto next
      = nodes.child(reached.deepest, reached.rest.substr(0, slash));
    if (next == no_node) {
      reached.seen
        = std::max(reached.seen, nodes.list(reached.deepest).entries_changed);
      return reached;
    }
    reached.deepest = next;
    reached.seen = std::max(reached.seen, nodes[next].changed);
    reached.rest
      = slash == reached.rest.npos ? "" : reached.rest.substr(slash + 1);
  }
  return reached;
}

error tree_state::missing(std::string_view path, const walk& reached) const {
  const auto here = nodes.path(reached.deepest);
  if (nodes[reached.deepest].hidden)
    return fail(ec::not_found,
                printable(path)
                  + (reached.rest.empty()
                       ? ": not found"
                       : ": " + printable(here) + " has no content"));
  if (!nodes[reached.deepest].is_directory())
    return fail(ec::not_directory,
                printable(path) + ": " + printable(here) + " is a file");
  const auto slash = reached.rest.find('/');
  if (slash == reached.rest.npos)
    return fail(ec::not_found, printable(path) + ": not found");
  const auto next = (here == "/" ? "" : here) + "/"
                    + std::string{reached.rest.substr(0, slash)};
  return fail(ec::not_found,
              printable(path) + ": there is no " + printable(next));
}

result<node_index>
tree_state::find(std::string_view path, std::uint64_t* seen) const {
  if (auto good = check_path(path); !good)
    return good.error();
  const auto reached = walk_to(path);
  if (seen)
    *seen = reached.seen;
  if (!reached.rest.empty() || nodes[reached.deepest].hidden)
    return missing(path, reached);
  return reached.deepest;
}

result<spot> tree_state::find_spot(std::string_view path, bool parents) const {
  if (auto good = check_path(path); !good)
    return good.error();
  const auto reached = walk_to(path);
  if (reached.rest.empty())
    return spot{nodes.parent(reached.deepest), {}, reached.deepest};
  if (!nodes[reached.deepest].is_directory()
      || (!parents && reached.rest.find('/') != reached.rest.npos))
    return missing(path, reached);
  return spot{reached.deepest, reached.rest, no_node};
}

result<nothing> tree_state::check_class(std::string_view path, const spot& x,
                                        msg::storage_class wanted) const {
  const auto here = nodes[x.existing == no_node ? x.dir : x.existing].where;
  if (here == wanted)
    return done;
  return fail(ec::unsupported, printable(path) + " is of class "
                                 + std::string{to_string(here)} + ", not "
                                 + std::string{to_string(wanted)});
}

std::uint64_t tree_state::trash_id_of(node_index x) const {
  while (nodes.parent(x) != no_node)
    x = nodes.parent(x);
  const auto found = trash_ids.find(x);
  return found == trash_ids.end() ? 0 : found->second;
}

void tree_state::add_trash(std::uint64_t id, trash_item x) {
  nodes[x.node].place = node_place::trash;
  trash_ids[x.node] = id;
  if (x.purging)
    purging.insert(id);
  trash[id] = std::move(x);
}

void tree_state::drop_trash(std::uint64_t id) {
  const auto found = trash.find(id);
  trash_ids.erase(found->second.node);
  trash.erase(found);
  purging.erase(id);
}

std::string tree_state::former_path(std::uint64_t id, node_index x) const {
  const auto& top = trash.at(id);
  return x == top.node ? top.path : top.path + nodes.path(x);
}

void tree_state::recount_trash(node_index x, const subtree_totals& before) {
  if (const auto id = trash_id_of(x); id != 0 && !is_purging(id, trash.at(id)))
    trashed_files += nodes.totals(x).files - before.files;
}

std::uint8_t tree_state::replication_below(node_index dir) const {
  for (; dir != no_node; dir = nodes.parent(dir))
    if (nodes[dir].replication != 0)
      return nodes[dir].replication;
  return config.replication;
}

msg::file_status tree_state::status_of(node_index x, std::string path) const {
  const auto& it = nodes[x];
  msg::file_status made;
  made.inode = it.inode;
  made.path = std::move(path);
  made.kind = it.kind;
  made.where = it.where;
  made.growing = it.growing;
  made.modified = std::chrono::milliseconds{it.modified_ms};
  made.created = std::chrono::milliseconds{it.created_ms};
  if (it.is_directory()) {
    made.entries = nodes.list(x).children.size() - nodes.list(x).hidden;
  } else {
    made.length = it.length;
    made.chunks = nodes.piece_count(x);
    if (nodes.is_versioned_file(x))
      made.version = nodes.version(x);
  }
  if (!nodes.is_versioned_file(x)) // The others' is known to their group.
    made.replication = it.replication;
  return made;
}

msg::upload_status tree_state::upload_of(inode_id inode) const {
  const auto found = uploads.find(inode);
  if (found == uploads.end())
    return {.upload = inode, .path = {}, .source = {}};
  const auto& x = found->second;
  return {.upload = inode,
          .path = x.path,
          .source = x.source,
          .length = nodes[x.node].length,
          .chunks = nodes.piece_count(x.node)};
}

std::uint64_t tree_state::seen_at(node_index x) const {
  const auto changed = nodes[x].changed;
  return nodes[x].is_directory()
           ? std::max(changed, nodes.list(x).entries_changed)
           : changed;
}

node_row tree_state::row_of(node_index x) const {
  const auto& it = nodes[x];
  node_row row;
  row.inode = it.inode;
  row.kind = it.kind;
  row.where = it.where;
  row.replication = it.replication;
  row.growing = it.growing;
  row.created_ms = it.created_ms;
  row.modified_ms = it.modified_ms;
  if (!it.is_directory()) {
    row.chunks = nodes.piece_count(x);
    row.pieces = pieces_of(x, 0).pieces;
  }
  return row;
}

version_row tree_state::version_of(node_index file) const {
  const auto& it = nodes[file];
  return {nodes.version(file), it.hidden, it.length, it.modified_ms};
}

trash_row tree_state::row_of(const trash_item& x) const {
  return {x.path, x.removed_ms, x.purged_ms, x.purging, row_of(x.node)};
}

upload_row tree_state::row_of(const upload& x) const {
  return {x.path, x.source, x.force, x.parents, x.touched_ms, row_of(x.node)};
}

piece_row tree_state::pieces_of(node_index x, std::uint32_t index) const {
  piece_row row;
  const auto first = index * pieces_per_row;
  const auto end = std::min(nodes.piece_count(x), first + pieces_per_row);
  for (auto i = first; i < end; ++i)
    row.pieces.push_back(nodes.piece_at(x, i));
  return row;
}

} // namespace dfs::core
