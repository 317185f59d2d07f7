#include "base/assert.hpp"
#include "core/filetree/kept_clock.hpp"
#include "core/filetree/operations.hpp"

#include <algorithm>
#include <optional>
#include <utility>

// What ends for good: purges, uploads that nobody goes on with, old requests.

namespace dfs::core {

namespace {

/// A crash sets the kept clock back by this at most; one sync.
constexpr std::chrono::minutes clock_row_pace{1};

/// Takes one thing apart from its leaves, as far as the budget goes.
class dismantler {
public:
  dismantler(tree_edit& edit, std::uint64_t id, std::uint32_t& budget)
    : edit_{edit},
      tree_{edit.state},
      id_{id},
      top_{edit.state.trash.at(id).node},
      budget_{budget} {
    // nop
  }

  /// @returns whether nothing is left of it.
  bool run() {
    auto x = top_;
    while (budget_ > 0) {
      // Free: a slice has to get to the deepest leaf, and take that away.
      if (tree_.nodes[x].is_directory()
          && tree_.nodes.list(x).children.size() > 0) {
        x = tree_.nodes.list(x).children.last();
        continue;
      }
      --budget_;
      if (tree_.nodes[x].is_directory()) {
        // Empty.
      } else if (tree_.nodes.is_versioned_file(x)) {
        edit_.erase(
          numbered_key(tree_keys::versions, tree_.nodes[x].inode.value()));
        edit_.release_versions(x, tree_.former_path(id_, x));
      } else if (!release_chunks(x)) {
        return false;
      }
      if (x == top_) {
        edit_.end_trash(id_);
        return true;
      }
      const auto up = tree_.nodes.parent(x);
      edit_.destroy(x);
      x = up;
    }
    return false;
  }

private:
  /// From the end, so that what is left is a shorter file.
  bool release_chunks(node_index file) {
    const auto before = tree_.nodes.piece_count(file);
    auto left = before;
    for (; left > 0 && budget_ > 0; --left, --budget_)
      edit_.release_last(file);
    const auto rows = [](std::uint32_t pieces) {
      return (pieces + pieces_per_row - 1) / pieces_per_row;
    };
    for (auto index = std::max(rows(left), 1u); index < rows(before); ++index)
      edit_.erase_pieces(file, index);
    if (left == 0)
      return true;
    if (left != before && rows(left) > 1)
      edit_.write_pieces(file, rows(left) - 1);
    if (file == top_)
      edit_.write_trash(id_);
    else
      edit_.write(file);
    return false;
  }

  tree_edit& edit_;
  tree_state& tree_;
  std::uint64_t id_;
  node_index top_;
  std::uint32_t& budget_;
};

/// What is to be taken apart next; marks what has lain there long enough.
std::optional<std::uint64_t> next_victim(tree_edit& edit) {
  auto& tree = edit.state;
  if (!tree.purging.empty())
    return *tree.purging.begin();
  if (tree.trash.empty())
    return std::nullopt;
  auto& [id, oldest] = *tree.trash.begin(); // Ids rise with time.
  if (tree.is_purging(id, oldest))
    return id;
  if (oldest.purged_ms > edit.kept_ms)
    return std::nullopt;
  // From here on it is not restored: half of it would be wrong.
  oldest.purging = true;
  tree.purging.insert(id);
  tree.trashed_files -= tree.nodes.totals(oldest.node).files;
  edit.write_trash(id);
  return id;
}

/// A restart resumes from here: what is not written yet makes things live
/// longer, never shorter. A jump of the wall clock is written at once, or the
/// next life would compare with a time that has been corrected since.
void write_clock(tree_edit& edit) {
  auto& written = edit.state.clock;
  const clock_row read{edit.kept_ms, edit.wall_ms};
  if (written && passed(*written, read) < clock_row_pace
      && !has_jumped(*written, read))
    return;
  written = read;
  edit.put(std::string{tree_keys::clock}, *written);
}

void forget_requests(tree_edit& edit) {
  const unix_milliseconds now{std::chrono::milliseconds{edit.kept_ms}};
  while (const auto period = edit.state.requests.forgettable(now)) {
    edit.state.requests.forget(*period);
    edit.put(numbered_key(tree_keys::requests, *period),
             no_rows_until{numbered_key(tree_keys::requests, *period + 1)});
  }
}

void drop_uploads(tree_edit& edit, std::uint32_t& budget) {
  auto& uploads = edit.state.uploads;
  const auto before = edit.kept_ms - edit.state.config.upload_life.count();
  for (auto at = uploads.begin(); at != uploads.end() && budget > 0;) {
    if (at->second.touched_ms > before) {
      ++at;
      continue;
    }
    --budget;
    edit.erase(numbered_key(tree_keys::uploads, at->first.value()));
    const auto [node, path]
      = std::pair{at->second.node, std::move(at->second.path)};
    at = uploads.erase(at);
    edit.discard(node, path);
  }
}

/// Its name stays, hidden, until its group has closed it: a put may be done
/// that is not noted yet.
void purge_deleted(tree_edit& edit, node_index x) {
  // The row may be behind: after a crash an old note, repeated, would be newer
  // than it, and end the purge.
  edit.write_version(x);
  edit.release_versions(x, {});
  edit.state.held_names.insert(edit.state.nodes[x].inode);
}

} // namespace

result<purge_plan> prepare(const tree_state& tree, const msg::purge_trash& x) {
  if (x.all)
    return purge_plan{};
  const auto found = tree.trash.find(x.trash_id);
  if (found != tree.trash.end()
      && !tree.is_purging(found->first, found->second))
    return purge_plan{.id = x.trash_id};
  if (const auto deleted = tree.nodes.find(inode_id{x.trash_id});
      deleted != no_node && tree.is_deleted(deleted)
      && !tree.is_released(deleted) && tree.nodes.is_within(deleted, tree.root))
    return purge_plan{.deleted = deleted};
  return fail(ec::not_found,
              "nothing in the trash has the id " + std::to_string(x.trash_id));
}

msg::entry_removed
perform(tree_edit& edit, const msg::purge_trash&, const purge_plan& plan) {
  auto& tree = edit.state;
  if (plan.deleted != no_node) {
    const auto inode = tree.nodes[plan.deleted].inode;
    purge_deleted(edit, plan.deleted);
    return {inode.value(), 1};
  }
  if (plan.id == 0) {
    const auto deleted = tree.deleted_files();
    for (const auto& [inode, x] : deleted)
      purge_deleted(edit, x);
    tree.purged_up_to = tree.next_number - 1;
    edit.put(std::string{tree_keys::purged}, purge_row{tree.purged_up_to});
    return {0, std::exchange(tree.trashed_files, 0) + deleted.size()};
  }
  auto& item = tree.trash.at(plan.id);
  item.purging = true;
  tree.purging.insert(plan.id);
  edit.write_trash(plan.id);
  const auto files = tree.nodes.totals(item.node).files;
  tree.trashed_files -= files;
  return {plan.id, files};
}

result<garbage_plan> prepare(const tree_state&, const collect_garbage&) {
  return garbage_plan{};
}

garbage_collected
perform(tree_edit& edit, const collect_garbage& x, garbage_plan) {
  auto budget = x.budget;
  write_clock(edit);
  forget_requests(edit);
  drop_uploads(edit, budget);
  while (budget > 0) {
    const auto victim = next_victim(edit);
    if (!victim)
      return {false};
    if (!dismantler{edit, *victim, budget}.run())
      break;
  }
  return {true};
}

} // namespace dfs::core
