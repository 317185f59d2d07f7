#include "core/filetree/operations.hpp"
#include "core/filetree/path.hpp"

// Operations on names: making, renaming, removing.

namespace dfs::core {

namespace {

constexpr std::uint8_t replication_max = 8;

error exists(std::string_view path) {
  return fail(ec::exists, printable(path) + " exists");
}

/// Whether no path gets too long when a tree is put at `path`.
result<nothing>
check_depth(const tree_state& tree, node_index what, std::string_view path) {
  if (!tree.nodes[what].is_directory()
      || path.size() + tree.nodes.list(what).longest <= path_bytes_max
      || path.size() + tree.nodes.measure_longest(what) <= path_bytes_max)
    return done;
  return fail(ec::invalid_argument,
              printable(path) + ": paths below it would be longer than "
                + std::to_string(path_bytes_max) + " bytes");
}

/// Whether a rename may put `what` in the place of `over`.
result<nothing> check_replace(const tree_state& tree, node_index what,
                              node_index over, const msg::rename_entry& x) {
  const auto to = printable(x.to);
  if (!x.force)
    return exists(x.to);
  if (over == tree.root)
    return fail(ec::invalid_argument, "the root cannot be replaced");
  const auto from_directory = tree.nodes[what].is_directory();
  if (!tree.nodes[over].is_directory())
    return from_directory
             ? result<nothing>{fail(ec::not_directory, to + " is a file")}
             : done;
  if (!from_directory)
    return fail(ec::is_directory, to + " is a directory");
  if (!tree.is_empty(over))
    return fail(ec::not_empty, to + " is not empty");
  return done;
}

/// Whether a file or directory may be put there: a file is of the class of its
/// directory.
result<nothing> check_move(const tree_state& tree, node_index what,
                           node_index dir, std::string_view path) {
  const auto& it = tree.nodes[what];
  const auto there = tree.nodes[dir].where;
  if (it.is_directory() || it.where == there)
    return done;
  return fail(ec::unsupported,
              printable(path) + " would be of class "
                + std::string{to_string(there)} + ", the file is "
                + std::string{to_string(it.where)} + ": copy it");
}

result<nothing> check_new_directory(const msg::make_directory& x) {
  switch (x.where) {
    case msg::storage_class::as_above:
    case msg::storage_class::chunked:
    case msg::storage_class::versioned:
      return check_replication(x.replication);
    case msg::storage_class::content:
    case msg::storage_class::shared:
      break;
  }
  return fail(ec::unsupported, "this cluster keeps no files of class "
                                 + std::string{to_string(x.where)});
}

/// Whether the one that is there is as asked for.
result<nothing>
check_same(const inode_table::node& there, const msg::make_directory& x) {
  if (!x.parents || !there.is_directory())
    return exists(x.path);
  if (x.where != msg::storage_class::as_above && x.where != there.where)
    return fail(ec::exists, printable(x.path) + " exists and is of class "
                              + std::string{to_string(there.where)}
                              + ": a directory gets its class when it is made");
  if (x.replication != 0 && x.replication != there.replication)
    return fail(ec::exists,
                printable(x.path) + " exists, with another number of replicas");
  return done;
}

msg::storage_class
class_below(const tree_state& tree, const spot& x, msg::storage_class wanted) {
  return wanted == msg::storage_class::as_above ? tree.nodes[x.dir].where
                                                : wanted;
}

} // namespace

result<nothing> check_replication(std::uint8_t x) {
  if (x > replication_max)
    return fail(ec::invalid_argument, "replication " + std::to_string(x)
                                        + ": the limit is "
                                        + std::to_string(replication_max));
  return done;
}

result<spot> prepare(const tree_state& tree, const msg::make_directory& x) {
  if (auto good = check_new_directory(x); !good)
    return good.error();
  auto where = tree.find_spot(x.path, x.parents);
  if (!where)
    return where;
  if (!tree.is_free(*where)) {
    const auto& there = tree.nodes[where->existing];
    if (auto good = check_same(there, x); !good)
      return good.error();
  } else if (x.replication != 0
             && class_below(tree, *where, x.where)
                  != msg::storage_class::chunked) {
    return fail(ec::unsupported,
                "only chunked files have copies by directory; those of "
                "versioned ones are a matter of the configuration");
  }
  return where;
}

msg::file_status
perform(tree_edit& edit, const msg::make_directory& x, const spot& plan) {
  if (!edit.state.is_free(plan))
    return edit.state.status_of(plan.existing, x.path);
  const auto made = edit.make(msg::entry_kind::directory,
                              class_below(edit.state, plan, x.where));
  edit.state.nodes[made].replication = x.replication;
  edit.place(made, plan, x.path);
  return edit.state.status_of(made, x.path);
}

result<spot> prepare(const tree_state& tree, const msg::create_file& x) {
  if (auto good = check_replication(x.replication); !good)
    return good.error();
  auto where = tree.find_spot(x.path, false);
  if (!where)
    return where;
  const auto there = where->existing;
  if (there != no_node && tree.nodes[there].is_directory())
    return fail(ec::is_directory, printable(x.path) + " is a directory");
  if (auto good = tree.check_class(x.path, *where, msg::storage_class::chunked);
      !good)
    return good.error();
  if (there != no_node && x.exclusive)
    return exists(x.path);
  return where;
}

msg::file_status
perform(tree_edit& edit, const msg::create_file& x, const spot& plan) {
  auto& tree = edit.state;
  auto file = plan.existing;
  if (file == no_node) {
    file = edit.make(msg::entry_kind::file);
    tree.nodes[file].replication
      = x.replication != 0 ? x.replication : tree.replication_below(plan.dir);
    edit.place(file, plan, x.path);
  } else {
    edit.touch(file);
    edit.write(file);
  }
  return tree.status_of(file, x.path);
}

result<move_plan> prepare(const tree_state& tree, const msg::rename_entry& x) {
  const auto what = tree.find(x.from);
  if (!what)
    return what.error();
  if (*what == tree.root)
    return fail(ec::invalid_argument, "the root cannot be renamed");
  auto to = tree.find_spot(x.to, false);
  if (!to)
    return to.error();
  if (to->existing == *what)
    return move_plan{*what, *to};
  if (!tree.is_free(*to))
    if (auto good = check_replace(tree, *what, to->existing, x); !good)
      return good.error();
  if (tree.nodes.is_within(to->dir, *what))
    return fail(ec::invalid_argument, printable(x.from)
                                        + " cannot be moved into itself, to "
                                        + printable(x.to));
  if (auto good = check_move(tree, *what, to->dir, x.to); !good)
    return good.error();
  if (auto good = check_depth(tree, *what, x.to); !good)
    return good.error();
  return move_plan{*what, *to};
}

msg::file_status
perform(tree_edit& edit, const msg::rename_entry& x, const move_plan& plan) {
  const auto& [what, to] = plan;
  if (to.existing != what) {
    edit.displace(what);
    edit.place(what, to, x.to);
  }
  return edit.state.status_of(what, x.to);
}

result<node_index> prepare(const tree_state& tree, const msg::remove_entry& x) {
  auto what = tree.find(x.path);
  if (!what)
    return what;
  if (*what == tree.root)
    return fail(ec::invalid_argument, "the root cannot be removed");
  if (tree.nodes[*what].is_directory() && !x.recursive && !tree.is_empty(*what))
    return fail(ec::not_empty,
                printable(x.path)
                  + (tree.nodes.list(*what).unborn > 0
                       ? " has names that files are being put under"
                       : " is not empty"));
  return what;
}

msg::entry_removed
perform(tree_edit& edit, const msg::remove_entry& x, node_index plan) {
  const auto files = edit.state.nodes.totals(plan).files;
  return {edit.to_trash(plan, x.path), files};
}

// Out of the trash, and whole files, are put at a spot just as well.

namespace {

/// The name of a deleted file that is meant, if one is.
node_index find_deleted(const tree_state& tree, const msg::restore_trash& x) {
  auto found = tree.nodes.find(inode_id{x.trash_id});
  if (x.trash_id == 0 && check_path(x.path)) {
    const auto reached = tree.walk_to(x.path);
    found = reached.rest.empty() ? reached.deepest : no_node;
  }
  return found != no_node && tree.is_deleted(found)
             && tree.nodes.is_within(found, tree.root)
           ? found
           : no_node;
}

} // namespace

result<restore_plan>
prepare(const tree_state& tree, const msg::restore_trash& x) {
  auto found = tree.trash.end();
  if (x.trash_id != 0)
    found = tree.trash.find(x.trash_id);
  else
    for (auto at = tree.trash.rbegin(); at != tree.trash.rend(); ++at)
      if (at->second.path == x.path
          && !tree.is_purging(at->first, at->second)) {
        found = std::prev(at.base());
        break;
      }
  if (found == tree.trash.end()
      || tree.is_purging(found->first, found->second)) {
    if (const auto deleted = find_deleted(tree, x); deleted != no_node)
      return fail(ec::unsupported,
                  printable(tree.nodes.path(deleted))
                    + " is a versioned file; a version brings it back: restore "
                    + printable(tree.nodes.path(deleted)));
    return fail(ec::not_found,
                x.trash_id != 0
                  ? "nothing in the trash has the id "
                      + std::to_string(x.trash_id)
                  : "nothing in the trash was at " + printable(x.path));
  }
  restore_plan plan{found->first, x.to.empty() ? found->second.path : x.to};
  auto to = tree.find_spot(plan.path, true);
  if (!to)
    return to.error();
  if (!tree.is_free(*to))
    return exists(plan.path);
  // Directories on the way are made as the file needs them.
  if (to->existing != no_node || to->rest.find('/') == to->rest.npos)
    if (auto good = check_move(tree, found->second.node, to->dir, plan.path);
        !good)
      return good.error();
  if (auto good = check_depth(tree, found->second.node, plan.path); !good)
    return good.error();
  return plan;
}

msg::file_status
perform(tree_edit& edit, const msg::restore_trash&, const restore_plan& plan) {
  auto& tree = edit.state;
  const auto x = tree.trash.at(plan.id).node;
  tree.trashed_files -= tree.nodes.totals(x).files;
  tree.drop_trash(plan.id);
  edit.erase(numbered_key(tree_keys::trash, plan.id));
  edit.place(x, *tree.find_spot(plan.path, true), plan.path);
  return tree.status_of(x, plan.path);
}

} // namespace dfs::core
