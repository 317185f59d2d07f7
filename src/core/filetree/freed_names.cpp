#include "core/filetree/freed_names.hpp"

#include "core/filetree/path.hpp"

namespace dfs::core {

namespace {

/// What has this name, hidden or not.
node_index find_any(const tree_state& tree, std::string_view path) {
  if (!check_path(path))
    return no_node;
  const auto reached = tree.walk_to(path);
  return reached.rest.empty() ? reached.deepest : no_node;
}

bool is_versioned_file(const tree_state& tree, std::string_view path) {
  const auto found = find_any(tree, path);
  return found != no_node && tree.nodes.is_versioned_file(found);
}

/// Is one, or may hold some.
bool has_versioned_files(const tree_state& tree, std::string_view path) {
  const auto found = find_any(tree, path);
  return found != no_node
         && (tree.nodes[found].is_directory()
             || tree.nodes.is_versioned_file(found));
}

} // namespace

bool frees_names(const tree_state& tree, const msg::make_directory& x) {
  return is_versioned_file(tree, x.path);
}

bool frees_names(const tree_state& tree, const msg::rename_entry& x) {
  return has_versioned_files(tree, x.from) || is_versioned_file(tree, x.to);
}

bool frees_names(const tree_state& tree, const msg::remove_entry& x) {
  return has_versioned_files(tree, x.path);
}

// People restore, seldom: where it goes is not worked out twice.
bool frees_names(const tree_state&, const msg::restore_trash&) {
  return true;
}

} // namespace dfs::core
