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
  if (tree.nodes.list(over).children.size() > 0)
    return fail(ec::not_empty, to + " is not empty");
  return done;
}

/// After something that stood there has gone, its directory is the spot.
spot emptied(const spot& x, std::string_view path) {
  return {x.dir, last_name(path), no_node};
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
  if (x.where != msg::storage_class::chunked)
    return fail(ec::unsupported, "this cluster keeps files in chunks only");
  if (auto good = check_replication(x.replication); !good)
    return good.error();
  auto where = tree.find_spot(x.path, x.parents);
  if (!where || where->existing == no_node)
    return where;
  const auto& there = tree.nodes[where->existing];
  if (!x.parents || !there.is_directory())
    return exists(x.path);
  if (x.replication != 0 && x.replication != there.replication)
    return fail(ec::exists,
                printable(x.path) + " exists, with another number of replicas");
  return where;
}

msg::file_status
perform(tree_edit& edit, const msg::make_directory& x, const spot& plan) {
  auto made = plan.existing;
  if (made == no_node) {
    made = edit.make(msg::entry_kind::directory);
    edit.state.nodes[made].replication = x.replication;
    edit.place(made, plan);
  }
  return edit.state.status_of(made, x.path);
}

result<spot> prepare(const tree_state& tree, const msg::create_file& x) {
  if (auto good = check_replication(x.replication); !good)
    return good.error();
  auto where = tree.find_spot(x.path, false);
  if (!where || where->existing == no_node)
    return where;
  if (tree.nodes[where->existing].is_directory())
    return fail(ec::is_directory, printable(x.path) + " is a directory");
  if (x.exclusive)
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
    edit.place(file, plan);
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
  if (to->existing != no_node)
    if (auto good = check_replace(tree, *what, to->existing, x); !good)
      return good.error();
  if (tree.nodes.is_within(to->dir, *what))
    return fail(ec::invalid_argument, printable(x.from)
                                        + " cannot be moved into itself, to "
                                        + printable(x.to));
  if (auto good = check_depth(tree, *what, x.to); !good)
    return good.error();
  return move_plan{*what, *to};
}

msg::file_status
perform(tree_edit& edit, const msg::rename_entry& x, const move_plan& plan) {
  const auto& [what, to] = plan;
  if (to.existing != what) {
    auto where = to;
    if (to.existing != no_node) {
      edit.to_trash(to.existing, x.to);
      where = emptied(to, x.to);
    }
    edit.displace(what);
    edit.place(what, where);
  }
  return edit.state.status_of(what, x.to);
}

result<node_index> prepare(const tree_state& tree, const msg::remove_entry& x) {
  auto what = tree.find(x.path);
  if (!what)
    return what;
  if (*what == tree.root)
    return fail(ec::invalid_argument, "the root cannot be removed");
  if (tree.nodes[*what].is_directory() && !x.recursive
      && tree.nodes.list(*what).children.size() > 0)
    return fail(ec::not_empty, printable(x.path) + " is not empty");
  return what;
}

msg::entry_removed
perform(tree_edit& edit, const msg::remove_entry& x, node_index plan) {
  const auto files = edit.state.nodes.totals(plan).files;
  return {edit.to_trash(plan, x.path), files};
}

// Out of the trash, and whole files, are put at a spot just as well.

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
  if (found == tree.trash.end() || tree.is_purging(found->first, found->second))
    return fail(ec::not_found,
                x.trash_id != 0
                  ? "nothing in the trash has the id "
                      + std::to_string(x.trash_id)
                  : "nothing in the trash was at " + printable(x.path));
  restore_plan plan{found->first, x.to.empty() ? found->second.path : x.to};
  auto to = tree.find_spot(plan.path, true);
  if (!to)
    return to.error();
  if (to->existing != no_node)
    return exists(plan.path);
  if (auto good = check_depth(tree, found->second.node, plan.path); !good)
    return good.error();
  return plan;
}

msg::file_status
perform(tree_edit& edit, const msg::restore_trash&, const restore_plan& plan) {
  auto& tree = edit.state;
  const auto x = tree.trash.at(plan.id).node;
  tree.trashed_files -= tree.nodes.totals(x).files;
  tree.trash.erase(plan.id);
  edit.erase(numbered_key(tree_keys::trash, plan.id));
  edit.place(x, *tree.find_spot(plan.path, true));
  return tree.status_of(x, plan.path);
}

} // namespace dfs::core
