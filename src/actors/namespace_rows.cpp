#include "actors/namespace_rows.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using core::tree_keys::nodes;

/// Decodes the rows behind one prefix and hands them on.
template <class Row, class Take>
result<nothing>
load_rows(const storage::metadata_store& store, std::string_view prefix,
          std::size_t key_bytes_min, Take take) {
  result<nothing> outcome = done;
  auto read
    = store.for_each(prefix, [&](std::string_view key, std::string_view value) {
        const auto row = wire::decode<Row>(value);
        if (!row || key.size() < key_bytes_min)
          outcome
            = fail(ec::integrity, "the metadata has a row '"
                                    + std::string{prefix} + "' that is none");
        else
          outcome = take(key, *row);
        return static_cast<bool>(outcome);
      });
  return read ? outcome : read;
}

std::uint32_t index_of_key(std::string_view key) {
  std::uint32_t index = 0;
  for (const char byte : key.substr(9))
    index = index << 8 | static_cast<unsigned char>(byte);
  return index;
}

result<nothing>
load_nodes(const storage::metadata_store& store, core::file_tree& tree) {
  constexpr std::size_t numbered = 9;
  if (auto read = load_rows<core::node_row>(
        store, nodes, numbered,
        [&](auto key, const auto& row) {
          return tree.load_node(inode_id{core::number_of_key(key)},
                                key.substr(numbered), row);
        });
      !read)
    return read;
  if (auto read = load_rows<core::trash_row>(
        store, core::tree_keys::trash, numbered,
        [&](auto key, const auto& row) {
          return tree.load_trash(core::number_of_key(key), row);
        });
      !read)
    return read;
  if (auto read = load_rows<core::upload_row>(
        store, core::tree_keys::uploads, numbered,
        [&](auto, const auto& row) { return tree.load_upload(row); });
      !read)
    return read;
  if (auto read = load_rows<core::version_row>(
        store, core::tree_keys::versions, numbered,
        [&](auto key, const auto& row) {
          return tree.load_version(inode_id{core::number_of_key(key)}, row);
        });
      !read)
    return read;
  return load_rows<core::piece_row>(
    store, core::tree_keys::pieces, numbered + 4,
    [&](auto key, const auto& row) {
      return tree.load_pieces(inode_id{core::number_of_key(key)},
                              index_of_key(key), row);
    });
}

result<nothing>
load_rest(const storage::metadata_store& store, core::file_tree& tree) {
  constexpr std::size_t numbered = 9;
  constexpr std::size_t twice_numbered = 17;
  if (auto read = load_rows<core::request_row>(
        store, core::tree_keys::requests, twice_numbered,
        [&](auto key, const auto& row) {
          tree.load_request(core::number_of_key(key),
                            core::number_of_key(key.substr(8)), row);
          return result<nothing>{done};
        });
      !read)
    return read;
  if (auto read = load_rows<core::released_row>(
        store, core::tree_keys::released_versions, numbered,
        [&](auto key, const auto& row) {
          tree.load_released_versions(inode_id{core::number_of_key(key)}, row);
          return result<nothing>{done};
        });
      !read)
    return read;
  if (auto read = load_rows<core::told_row>(
        store, core::tree_keys::told, numbered,
        [&](auto key, const auto& row) {
          tree.load_told(group_id{core::number_of_key(key)}, row);
          return result<nothing>{done};
        });
      !read)
    return read;
  if (auto read = load_rows<core::clock_row>(store, core::tree_keys::clock, 0,
                                             [&](auto, const auto& row) {
                                               tree.load_clock(row);
                                               return result<nothing>{done};
                                             });
      !read)
    return read;
  return load_rows<core::purge_row>(store, core::tree_keys::purged, 0,
                                    [&](auto, const auto& row) {
                                      tree.load_purge(row);
                                      return result<nothing>{done};
                                    });
}

storage::row_change encode_row(const core::tree_row& row) {
  return std::visit(
    [&](const auto& x) -> storage::row_change {
      using kind = std::decay_t<decltype(x)>;
      if constexpr (std::is_same_v<kind, core::no_row>)
        return {row.key, {}};
      else if constexpr (std::is_same_v<kind, core::no_rows_until>)
        return {row.key, {}, x.key};
      else if constexpr (std::is_same_v<kind, core::empty_row>)
        return {row.key, std::string{}};
      else
        return {row.key, wire::encode(x)};
    },
    row.value);
}

} // namespace

std::vector<storage::row_change>
encode_rows(const std::vector<core::tree_row>& rows) {
  std::vector<storage::row_change> changes;
  changes.reserve(rows.size());
  for (const auto& row : rows)
    changes.push_back(encode_row(row));
  return changes;
}

result<std::shared_ptr<core::file_tree>>
load_file_tree(storage::metadata_store& store, const core::tree_config& config,
               master_term term, const core::tree_time& now) {
  auto tree = std::make_shared<core::file_tree>(config);
  if (auto read = load_nodes(store, *tree); !read)
    return read.error();
  if (auto read = load_rest(store, *tree); !read)
    return read.error();
  core::tree_changes first;
  if (auto begun = tree->begin_life(term, now, first); !begun)
    return begun.error();
  if (!first.rows.empty())
    if (auto made = store.commit_now(encode_rows(first.rows)); !made)
      return made.error();
  return tree;
}

} // namespace dfs::actors
