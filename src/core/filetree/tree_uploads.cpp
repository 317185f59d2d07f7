#include "core/filetree/file_tree.hpp"
#include "core/filetree/operations.hpp"
#include "core/filetree/path.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

// Operations that bring chunks into files.

namespace dfs::core {

namespace {

constexpr std::size_t chunks_max = 16; ///< Of one request.

/// Where a whole file may be put: over another file with `force` only.
result<spot> find_file_spot(const tree_state& tree, std::string_view path,
                            bool force, bool parents) {
  auto where = tree.find_spot(path, parents);
  if (!where)
    return where;
  const auto there = where->existing;
  if (there != no_node && tree.nodes[there].is_directory())
    return fail(ec::is_directory, printable(path) + " is a directory");
  if (auto good = tree.check_class(path, *where, msg::storage_class::chunked);
      !good)
    return good.error();
  if (there != no_node && !force)
    return fail(ec::exists, printable(path) + " exists");
  return where;
}

result<nothing> check_chunks(const tree_state& tree,
                             const std::vector<msg::written_chunk>& chunks) {
  if (chunks.size() > chunks_max)
    return fail(ec::invalid_argument, "one request brings at most "
                                        + std::to_string(chunks_max)
                                        + " chunks");
  std::set<chunk_id> all;
  for (const auto& x : chunks) {
    if (x.grant.chunk == chunk_id{} || !all.insert(x.grant.chunk).second)
      return fail(ec::invalid_argument, "a chunk is named twice, or is none");
    if (x.extent.length > tree.config.chunk_size
        && x.extent.length > x.grant.chunk_size)
      return fail(ec::invalid_argument, "a chunk is longer than chunks are");
  }
  return done;
}

result<node_index> find_upload(const tree_state& tree, inode_id upload) {
  const auto found = tree.uploads.find(upload);
  if (found == tree.uploads.end())
    return fail(ec::not_found, "there is no upload "
                                 + std::to_string(upload.value())
                                 + "; it was finished or dropped");
  return found->second.node;
}

void add_chunks(tree_edit& edit, node_index file,
                const std::vector<msg::written_chunk>& chunks) {
  if (chunks.empty())
    return;
  auto& tree = edit.state;
  msg::keep_chunks kept;
  kept.file = tree.nodes[file].inode;
  kept.replication = tree.nodes[file].replication;
  const auto first = tree.nodes.piece_count(file);
  for (const auto& x : chunks) {
    edit.append(file, x);
    kept.chunks.push_back({x.grant.chunk, x.extent});
  }
  const auto last = tree.nodes.piece_count(file) - 1;
  for (auto index = std::max(first / pieces_per_row, 1u);
       index <= last / pieces_per_row; ++index)
    edit.write_pieces(file, index);
  edit.keep(std::move(kept));
}

std::uint8_t wanted_replication(const tree_state& tree, const spot& where,
                                std::uint8_t asked) {
  return asked != 0 ? asked : tree.replication_below(where.dir);
}

} // namespace

result<spot> prepare(const tree_state& tree, const msg::commit_file& x) {
  if (auto good = check_replication(x.replication); !good)
    return good.error();
  if (auto good = check_chunks(tree, x.chunks); !good)
    return good.error();
  return find_file_spot(tree, x.path, x.force, x.parents);
}

result<std::uint8_t>
file_tree::replication_of_new(const msg::allocate_chunks& x) const {
  const bool again = x.request != 0 && was_done(x.request);
  const auto where
    = find_file_spot(state_, x.path, x.force || again, x.parents);
  if (!where)
    return where.error();
  return wanted_replication(state_, *where, 0);
}

msg::file_status
perform(tree_edit& edit, const msg::commit_file& x, const spot& plan) {
  const auto file = edit.make(msg::entry_kind::file);
  edit.state.nodes[file].replication
    = wanted_replication(edit.state, plan, x.replication);
  add_chunks(edit, file, x.chunks);
  edit.place(file, plan, x.path);
  return edit.state.status_of(file, x.path);
}

result<spot> prepare(const tree_state& tree, const msg::begin_upload& x) {
  if (auto good = check_replication(x.replication); !good)
    return good.error();
  if (x.source.size() > path_bytes_max)
    return fail(ec::invalid_argument, "the source is longer than "
                                        + std::to_string(path_bytes_max)
                                        + " bytes");
  if (tree.uploads.size() >= tree.config.uploads_max)
    return fail(ec::busy, "too many uploads are under way");
  return find_file_spot(tree, x.path, x.force, x.parents);
}

msg::upload_status
perform(tree_edit& edit, const msg::begin_upload& x, const spot& plan) {
  auto& tree = edit.state;
  const auto file = edit.make(msg::entry_kind::file);
  auto& it = tree.nodes[file];
  it.replication = wanted_replication(tree, plan, x.replication);
  it.place = node_place::upload;
  tree.uploads[it.inode] = {.node = file,
                            .path = x.path,
                            .source = x.source,
                            .force = x.force,
                            .parents = x.parents,
                            .touched_ms = edit.kept_ms};
  edit.write(file);
  return tree.upload_of(it.inode);
}

result<node_index>
prepare(const tree_state& tree, const msg::extend_upload& x) {
  auto file = find_upload(tree, x.upload);
  if (!file)
    return file;
  if (auto good = check_chunks(tree, x.chunks); !good)
    return good.error();
  if (const auto here = tree.nodes.piece_count(*file); here != x.first)
    return fail(ec::invalid_argument,
                "the upload has " + std::to_string(here)
                  + " chunks, the next one cannot be number "
                  + std::to_string(x.first));
  return file;
}

msg::upload_status
perform(tree_edit& edit, const msg::extend_upload& x, node_index plan) {
  auto& upload = edit.state.uploads.at(x.upload);
  upload.touched_ms = edit.kept_ms;
  edit.touch(plan);
  add_chunks(edit, plan, x.chunks);
  edit.write(plan);
  return edit.state.upload_of(x.upload);
}

result<spot> prepare(const tree_state& tree, const msg::finish_upload& x) {
  const auto file = find_upload(tree, x.upload);
  if (!file)
    return file.error();
  const auto& upload = tree.uploads.at(x.upload);
  return find_file_spot(tree, upload.path, upload.force, upload.parents);
}

msg::file_status
perform(tree_edit& edit, const msg::finish_upload& x, const spot& plan) {
  auto& tree = edit.state;
  const auto ended = tree.uploads.extract(x.upload); // The spot looks into it.
  const auto& [node, path]
    = std::pair{ended.mapped().node, std::string_view{ended.mapped().path}};
  edit.erase(numbered_key(tree_keys::uploads, x.upload.value()));
  edit.touch(node);
  edit.place(node, plan, path);
  return tree.status_of(node, std::string{path});
}

result<node_index> prepare(const tree_state& tree, const msg::abort_upload& x) {
  return find_upload(tree, x.upload);
}

msg::upload_status
perform(tree_edit& edit, const msg::abort_upload& x, node_index plan) {
  const auto answer = edit.state.upload_of(x.upload);
  edit.state.uploads.erase(x.upload);
  edit.erase(numbered_key(tree_keys::uploads, x.upload.value()));
  edit.discard(plan, answer.path);
  return answer;
}

// -- files that grow ----------------------------------------------------------

namespace {

/// From the end: what changes is nearly always the last one.
std::optional<std::uint32_t>
index_of(const tree_state& tree, node_index file, chunk_id chunk) {
  for (auto i = tree.nodes.piece_count(file); i-- > 0;)
    if (tree.nodes.piece_at(file, i).chunk == chunk)
      return i;
  return std::nullopt;
}

void grow(tree_edit& edit, node_index file, std::uint32_t index,
          const msg::chunk_extent& extent) {
  auto& tree = edit.state;
  const auto bytes = data_bytes(extent);
  if (tree.nodes.piece_at(file, index).bytes >= bytes)
    return; // Old news.
  tree.nodes.set_bytes(file, index, bytes);
  tree.nodes[file].modified_ms = edit.wall_ms;
  tree.grown.insert({tree.nodes[file].inode, index / pieces_per_row});
}

} // namespace

result<node_index> prepare(const tree_state& tree, const append_chunk& x) {
  const auto file = tree.nodes.find(x.file);
  if (file == no_node || tree.nodes[file].is_directory()
      || !tree.nodes.is_within(file, tree.root))
    return fail(ec::not_found,
                "the file " + std::to_string(x.file.value()) + " is gone");
  if (tree.nodes.is_versioned_file(file))
    return fail(ec::unsupported, "a versioned file has no chunks");
  const auto count = tree.nodes.piece_count(file);
  const auto last
    = count == 0 ? chunk_id{} : tree.nodes.piece_at(file, count - 1).chunk;
  if (last != x.last || x.chunk == chunk_id{})
    return fail(ec::stale, "the file has gone on already");
  return file;
}

chunk_appended
perform(tree_edit& edit, const append_chunk& x, node_index plan) {
  auto& tree = edit.state;
  const auto index = tree.nodes.piece_count(plan);
  if (index > 0)
    grow(edit, plan, index - 1, x.end);
  if (index > 0 && (index - 1) / pieces_per_row > 0)
    edit.write_pieces(plan, (index - 1) / pieces_per_row);
  chunk_row row;
  row.chunk = x.chunk;
  row.extent.version = x.version;
  row.set = x.set;
  edit.append(plan, row);
  edit.keep({tree.nodes[plan].inode,
             {{x.chunk, row.extent}},
             tree.nodes[plan].replication});
  tree.nodes[plan].growing = true;
  edit.touch(plan);
  if (index / pieces_per_row > 0)
    edit.write_pieces(plan, index / pieces_per_row);
  edit.write(plan);
  return {index};
}

result<nothing> prepare(const tree_state&, const msg::files_grown&) {
  return done;
}

nothing perform(tree_edit& edit, const msg::files_grown& x, nothing) {
  auto& tree = edit.state;
  for (const auto& each : x.files) {
    const auto file = tree.nodes.find(each.file);
    if (file == no_node || tree.nodes[file].is_directory())
      continue; // Purged meanwhile.
    const auto index = index_of(tree, file, each.chunk.chunk);
    if (!index)
      continue;
    grow(edit, file, *index, each.chunk.extent);
    // Only the last chunk of a file says whether it goes on.
    if (*index + 1 == tree.nodes.piece_count(file)
        && tree.nodes[file].growing != each.growing) {
      tree.nodes[file].growing = each.growing;
      tree.grown.insert({each.file, *index / pieces_per_row});
    }
  }
  return done;
}

} // namespace dfs::core
