#include "core/filetree/tree_orphans.hpp"

#include "base/counted.hpp"
#include "core/filetree/file_tree.hpp"
#include "core/filetree/operations.hpp"
#include "core/filetree/path.hpp"

#include <fmt/format.h>

#include <algorithm>

// Versioned files that are newer than a backup which was restored: their groups
// have them, and only the lost metadata had names for them.

namespace dfs::core {

namespace {

constexpr unsigned term_shift = 40; ///< `term << 40` is a term's first number.

orphan_phase phase_of(msg::version_kind x) {
  switch (x) {
    case msg::version_kind::content:
      return orphan_phase::waits;
    case msg::version_kind::deleted:
      return orphan_phase::deleted;
    case msg::version_kind::closed:
      break;
  }
  return orphan_phase::ended;
}

std::string name_of(inode_id file) {
  return fmt::format("file-{:016x}", file.value());
}

} // namespace

// -- what is lost -------------------------------------------------------------

bool tree_state::is_lost(inode_id x) const {
  return std::ranges::any_of(branches, [x](const auto& y) {
    return y.second <= x.value() && x.value() < y.first.value() << term_shift;
  });
}

void tree_state::take_number(std::uint64_t x) {
  next_number = std::max(next_number, x + 1);
  if (x < restored_at.value() << term_shift)
    lost_numbers = std::max(lost_numbers, x + 1);
}

void tree_state::set_orphan(inode_id file, const orphan_row& x) {
  orphans[file] = x;
  unnamed.erase(file);
  nameable.erase(file);
  if (x.phase != orphan_phase::waits)
    return;
  unnamed.insert(file);
  if (config.quorums.knows(x.of_class))
    nameable.insert(file);
}

void file_tree::load_restore(master_term at, master_term backup) {
  state_.restored_at = at;
  // All numbers of the terms before its last one were given before it.
  state_.lost_numbers = backup.value() << term_shift;
}

void file_tree::load_branch(master_term at, const branch_row& row) {
  state_.branches[at] = row.first;
}

result<nothing> file_tree::load_orphan(inode_id inode, const orphan_row& row) {
  const bool known = row.phase == orphan_phase::waits
                     || row.phase == orphan_phase::deleted
                     || row.phase == orphan_phase::ended;
  if (!known
      || (row.phase == orphan_phase::waits
          && (row.newest == version_number{}
              || state_.nodes.find(inode) != no_node)))
    return fail(ec::integrity, "the metadata of inode "
                                 + std::to_string(inode.value())
                                 + ", which had no name, cannot be");
  state_.set_orphan(inode, row);
  return done;
}

// Once after a restore: later its highest numbers may be gone from the rows.
void file_tree::begin_branch(tree_changes& out) {
  const auto at = state_.restored_at;
  if (at == master_term{} || state_.branches.contains(at))
    return;
  const branch_row row{std::max(state_.lost_numbers, root_inode.value() + 1)};
  state_.branches[at] = row.first;
  tree_edit edit{state_, state_.now, out};
  edit.put(numbered_key(tree_keys::branches, at.value()), row);
}

// -- notes --------------------------------------------------------------------

void tree_edit::set_orphan(inode_id file, const orphan_row& x) {
  state.set_orphan(file, x);
  put(numbered_key(tree_keys::orphans, file.value()), x);
}

void tree_edit::end_orphan(inode_id file) {
  if (!state.is_lost(file))
    return;
  auto row = state.orphans[file];
  if (row.phase == orphan_phase::ended)
    return;
  row.phase = orphan_phase::ended;
  set_orphan(file, row);
}

// A note that comes late must not bring back what has ended: so the row stays.
void note_orphan(tree_edit& edit, const msg::noted_version& x) {
  auto& tree = edit.state;
  if (!tree.is_lost(x.file) || tree.nodes.find(x.file) != no_node)
    return;
  // No server that works says so, and no file can have such a version.
  if (x.newest == version_number{} && x.kind != msg::version_kind::closed)
    return;
  const auto known = tree.orphans.find(x.file);
  if (known != tree.orphans.end()
      && (known->second.phase == orphan_phase::ended
          || (x.newest <= known->second.newest
              && x.kind != msg::version_kind::closed)))
    return;
  const auto phase = phase_of(x.kind);
  edit.set_orphan(x.file,
                  {phase, x.newest, phase == orphan_phase::waits ? x.bytes : 0,
                   x.time_ms, x.of_class});
}

// -- names for them -----------------------------------------------------------

result<adoption_plan> prepare(const tree_state& tree, const adopt_versions& x) {
  adoption_plan plan;
  for (const auto file : tree.nameable) {
    if (plan.files.size() == x.most) {
      plan.more = true;
      break;
    }
    plan.files.push_back(file);
  }
  if (plan.files.empty())
    return plan;
  plan.directory = x.to + (x.to.ends_with('/') ? "" : "/") + "versioned";
  if (auto good = check_path(plan.directory + '/' + name_of({})); !good)
    return good.error();
  const auto where = tree.find_spot(plan.directory, true);
  if (!where)
    return where.error();
  const auto there = where->existing;
  if (there == no_node)
    return plan;
  if (!tree.nodes[there].is_directory())
    return fail(ec::not_directory, printable(plan.directory) + " is a file");
  if (auto good
      = tree.check_class(plan.directory, *where, msg::storage_class::versioned);
      !good)
    return good.error();
  for (const auto file : plan.files)
    if (tree.nodes.child(there, name_of(file)) != no_node)
      return fail(ec::exists,
                  printable(plan.directory + '/' + name_of(file)) + " exists");
  return plan;
}

versions_adopted
perform(tree_edit& edit, const adopt_versions&, const adoption_plan& plan) {
  auto& tree = edit.state;
  versions_adopted made{{}, plan.more};
  if (plan.files.empty())
    return made;
  const auto where = *tree.find_spot(plan.directory, true);
  auto dir = where.existing;
  if (dir == no_node) {
    dir = edit.make(msg::entry_kind::directory, msg::storage_class::versioned);
    edit.place(dir, where, plan.directory);
  }
  for (const auto inode : plan.files) {
    const auto known = tree.orphans.at(inode);
    const auto file = tree.nodes.make(inode, msg::entry_kind::file,
                                      msg::storage_class::versioned);
    auto& it = tree.nodes[file];
    it.replication = known.of_class;
    it.created_ms = known.modified_ms;
    it.modified_ms = known.modified_ms;
    tree.nodes.set_version(file, known.newest, false, known.bytes);
    const auto name = name_of(inode);
    const auto path = plan.directory + '/' + name;
    edit.place(file, {dir, name, no_node}, path);
    edit.write_version(file);
    edit.end_orphan(inode);
    made.files.push_back({path, known.bytes});
  }
  return made;
}

// -- for people ---------------------------------------------------------------

std::vector<msg::health_finding> find_unnamed(std::uint64_t files) {
  if (files == 0)
    return {};
  return {{"NEWER_THAN_BACKUP", false,
           counted(files, "versioned file is", "versioned files are")
             + " newer than the backup, without a name since the restore: "
               "`dfsnode admin adopt-orphans --to DIR`"}};
}

} // namespace dfs::core
