#include "actors/namespace_keeper.hpp"
#include "wire/codec.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dfs::actors {

namespace {

/// Calls `take(key, row)` for each row of a kind.
template <class Row, class Take>
result<nothing> load_rows(const storage::metadata_store& store,
                          std::string_view prefix, Take take) {
  result<nothing> loaded{done};
  auto read
    = store.for_each(prefix, [&](std::string_view key, std::string_view value) {
        auto row = wire::decode<Row>(value);
        if (!row)
          loaded = fail(ec::integrity, "a row of the namespace that is none: "
                                         + row.error().context);
        else
          loaded = take(key, *row);
        return static_cast<bool>(loaded);
      });
  return read ? loaded : read;
}

std::uint32_t index_of(std::string_view key) {
  std::uint32_t index = 0;
  for (const char byte : key.substr(9, 4))
    index = index << 8 | static_cast<unsigned char>(byte);
  return index;
}

result<nothing>
load_trees(const storage::metadata_store& store, core::file_tree& tree) {
  auto loaded = load_rows<core::node_row>(
    store, core::tree_keys::nodes,
    [&](std::string_view key, const core::node_row& row) {
      return tree.load_node(inode_id{core::number_of_key(key)}, key.substr(9),
                            row);
    });
  if (loaded)
    loaded = load_rows<core::trash_row>(
      store, core::tree_keys::trash,
      [&](std::string_view key, const core::trash_row& row) {
        return tree.load_trash(core::number_of_key(key), row);
      });
  if (loaded)
    loaded = load_rows<core::upload_row>(
      store, core::tree_keys::uploads,
      [&](std::string_view, const core::upload_row& row) {
        return tree.load_upload(row);
      });
  return loaded;
}

result<nothing>
load_rest(const storage::metadata_store& store, core::file_tree& tree) {
  auto loaded = load_rows<core::piece_row>(
    store, core::tree_keys::pieces,
    [&](std::string_view key, const core::piece_row& row) {
      return tree.load_pieces(inode_id{core::number_of_key(key)}, index_of(key),
                              row);
    });
  if (loaded)
    loaded = load_rows<core::request_row>(
      store, core::tree_keys::requests,
      [&](std::string_view key, const core::request_row& row) {
        // 'r' period, request
        tree.load_request(core::number_of_key(key),
                          core::number_of_key(key.substr(8)), row);
        return result<nothing>{done};
      });
  if (loaded)
    loaded = load_rows<core::purge_row>(
      store, core::tree_keys::purged,
      [&](std::string_view, const core::purge_row& row) {
        tree.load_purge(row);
        return result<nothing>{done};
      });
  return loaded;
}

} // namespace

std::vector<storage::row_change>
encode_rows(const core::tree_changes& changes) {
  std::vector<storage::row_change> rows;
  rows.reserve(changes.rows.size());
  for (const auto& row : changes.rows)
    std::visit(
      [&](const auto& value) {
        using kind = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<kind, core::no_row>)
          rows.push_back({row.key, std::nullopt});
        else if constexpr (std::is_same_v<kind, core::no_rows_until>)
          rows.push_back({row.key, std::nullopt, value.key});
        else if constexpr (std::is_same_v<kind, core::empty_row>)
          rows.push_back({row.key, std::string{}});
        else
          rows.push_back({row.key, wire::encode(value)});
      },
      row.value);
  return rows;
}

result<std::shared_ptr<core::file_tree>>
load_namespace(const namespace_keeper_options& options) {
  auto tree = std::make_shared<core::file_tree>(options.config);
  auto loaded = load_trees(*options.store, *tree);
  if (loaded)
    loaded = load_rest(*options.store, *tree);
  core::tree_changes begun;
  if (loaded)
    loaded = tree->begin_life(options.term, options.clock(), begun);
  if (loaded)
    loaded = options.store->commit_now(encode_rows(begun));
  if (!loaded)
    return loaded.error();
  return tree;
}

} // namespace dfs::actors
