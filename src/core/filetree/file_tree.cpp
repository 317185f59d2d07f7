#include "core/filetree/file_tree.hpp"

#include "base/assert.hpp"
#include "core/filetree/operations.hpp"
#include "core/filetree/path.hpp"

#include <utility>

namespace dfs::core {

namespace {

template <class Operation>
constexpr bool has_number = requires(Operation x) {
  x.request;
};

template <class Operation, std::size_t Index = 0>
constexpr std::uint8_t index_of() {
  if constexpr (std::is_same_v<
                  std::variant_alternative_t<Index, tree_operation>, Operation>)
    return Index;
  else
    return index_of<Operation, Index + 1>();
}

// What of an answer is remembered.

request_row summary_of(const msg::file_status& x) {
  return {0, x.inode.value(), 0, 0};
}

request_row summary_of(const msg::entry_removed& x) {
  return {0, x.trash_id, x.files, 0};
}

request_row summary_of(const msg::upload_status& x) {
  return {0, x.upload.value(), 0, 0};
}

// What was asked for.

template <class Operation>
request_check check_in(const tree_state&, const Operation& x) {
  return check_of(x);
}

/// Its upload says what it was for, as long as it is there. 0: it is not.
request_check check_in(const tree_state& tree, const msg::finish_upload& x) {
  const auto found = tree.uploads.find(x.upload);
  if (found == tree.uploads.end())
    return 0;
  const auto& of = found->second;
  return check_of_file(of.path, of.force, of.parents);
}

bool makes_file(std::uint8_t operation) {
  return operation == index_of<msg::commit_file>()
         || operation == index_of<msg::finish_upload>();
}

/// May the change that was done under its number have been this one?
template <class Operation>
bool may_be(const tree_state& tree, const Operation& x,
            const request_row& known) {
  if constexpr (std::is_same_v<Operation, msg::finish_upload>)
    if (x.upload == any_upload)
      return makes_file(known.operation);
  if (known.operation != index_of<Operation>())
    return false;
  const auto check = check_in(tree, x);
  // What was made of an upload has its inode; without one it is a question.
  if constexpr (std::is_same_v<Operation, msg::finish_upload>)
    if (check == 0)
      return x.upload == inode_id{} || x.upload.value() == known.subject;
  return known.check == 0 || known.check == check;
}

/// The path that an operation makes something at.
template <class Operation>
std::string target_of(const Operation& x) {
  if constexpr (requires { x.to; })
    return x.to;
  else if constexpr (requires { x.path; })
    return x.path;
  else
    return {};
}

} // namespace

template <class Operation>
result<nothing> file_tree::can_apply(const Operation& x) const {
  if constexpr (has_number<Operation>) {
    if (x.request == 0)
      return fail(ec::invalid_argument, "a change needs a request number");
    if (const auto known = state_.requests.find(x.request)) {
      if (auto answer = answer_again(x, *known); !answer)
        return answer.error();
      return done;
    }
    if (state_.requests.full())
      return fail(ec::busy, "too many changes to remember; again in a minute");
  }
  if (auto plan = prepare(state_, x); !plan)
    return plan.error();
  return done;
}

template <class Operation>
result<answer_of_t<Operation>>
file_tree::apply(const Operation& x, const tree_time& now, tree_changes& out) {
  if constexpr (has_number<Operation>) {
    if (const auto known = state_.requests.find(x.request))
      return answer_again(x, *known);
    if (x.request == 0 || state_.requests.full())
      return can_apply(x).error();
  }
  const auto plan = prepare(state_, x);
  if (!plan)
    return plan.error();
  request_check check = 0;
  if constexpr (has_number<Operation>)
    check = check_in(state_, x); // Before its upload has ended.
  ++state_.applied;
  state_.now = now;
  tree_edit edit{state_, now, out};
  auto answer = perform(edit, x, *plan);
  if constexpr (has_number<Operation>) {
    auto row = summary_of(answer);
    row.operation = index_of<Operation>();
    row.check = check;
    const auto period = request_table::period_of(now.kept);
    state_.requests.insert(period, x.request, row);
    edit.put(tree_keys::request(period, x.request), row);
  }
  return answer;
}

/// As of now: what was made may have been moved since.
template <class Operation>
result<answer_of_t<Operation>>
file_tree::answer_again(const Operation& x, const request_row& known) const {
  if constexpr (has_number<Operation>) {
    if (!may_be(state_, x, known))
      return fail(ec::invalid_argument, "request number "
                                          + std::to_string(x.request)
                                          + " was used for another change");
    using answer = answer_of_t<Operation>;
    if constexpr (std::is_same_v<answer, msg::entry_removed>) {
      return answer{known.subject, known.count};
    } else if constexpr (std::is_same_v<answer, msg::upload_status>) {
      return state_.upload_of(inode_id{known.subject});
    } else {
      const auto node = state_.nodes.find(inode_id{known.subject});
      if (node != no_node && state_.nodes.is_within(node, state_.root))
        return state_.status_of(node, state_.nodes.path(node));
      // With a position of now its group would take it for one that is there.
      if constexpr (std::is_same_v<Operation, msg::create_versioned>) {
        return fail(ec::not_found,
                    printable(x.path) + " was made, and is gone since");
      } else {
        msg::file_status gone;
        gone.inode = inode_id{known.subject};
        gone.path = target_of(x);
        return gone;
      }
    }
  } else {
    return fail(ec::invalid_argument);
  }
}

void file_tree::take_grown(tree_changes& out) {
  tree_edit edit{state_, {}, out};
  for (const auto inode : std::exchange(state_.noted, {}))
    if (const auto file = state_.nodes.find(inode); file != no_node)
      edit.write_version(file);
  for (const auto& [inode, index] : std::exchange(state_.grown, {})) {
    const auto file = state_.nodes.find(inode);
    if (file == no_node)
      continue;
    edit.write(file);
    if (index > 0 && index * pieces_per_row < state_.nodes.piece_count(file))
      edit.write_pieces(file, index);
  }
}

// One of each for every operation.
#define DFS_OPERATION(type)                                                    \
  template result<nothing> file_tree::can_apply(const type&) const;            \
  template result<answer_of_t<type>> file_tree::apply(                         \
    const type&, const tree_time&, tree_changes&);

DFS_OPERATION(msg::make_directory)
DFS_OPERATION(msg::create_file)
DFS_OPERATION(msg::rename_entry)
DFS_OPERATION(msg::remove_entry)
DFS_OPERATION(msg::restore_trash)
DFS_OPERATION(msg::purge_trash)
DFS_OPERATION(msg::commit_file)
DFS_OPERATION(msg::begin_upload)
DFS_OPERATION(msg::extend_upload)
DFS_OPERATION(msg::finish_upload)
DFS_OPERATION(msg::abort_upload)
DFS_OPERATION(append_chunk)
DFS_OPERATION(msg::files_grown)
DFS_OPERATION(collect_garbage)
DFS_OPERATION(msg::create_versioned)
DFS_OPERATION(msg::versions_noted)
DFS_OPERATION(msg::unlink_file)
DFS_OPERATION(adopt_versions)

#undef DFS_OPERATION

result<nothing> can_apply(const file_tree& tree, const tree_operation& x) {
  return std::visit([&](const auto& each) { return tree.can_apply(each); }, x);
}

result<tree_answer> apply(file_tree& tree, const tree_operation& x,
                          const tree_time& now, tree_changes& out) {
  return std::visit(
    [&](const auto& each) -> result<tree_answer> {
      auto answer = tree.apply(each, now, out);
      if (!answer)
        return answer.error();
      return tree_answer{*std::move(answer)};
    },
    x);
}

} // namespace dfs::core
