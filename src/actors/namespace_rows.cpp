#include "actors/namespace_rows.hpp"

#include "actors/support/log.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

namespace tree_keys = core::tree_keys;

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

constexpr std::size_t numbered = 9;
constexpr std::size_t twice_numbered = 17;

/// Kind after kind, until something is wrong.
class row_loader {
public:
  explicit row_loader(const storage::metadata_store& store) : store_{store} {
    // nop
  }

  /// @param take What may be refused, or nothing that may.
  template <class Row, class Take>
  row_loader&
  each(std::string_view prefix, std::size_t key_bytes_min, Take take) {
    if (outcome_)
      outcome_ = load_rows<Row>(
        store_, prefix, key_bytes_min,
        [&](std::string_view key, const Row& row) -> result<nothing> {
          using answer = decltype(take(key, row));
          if constexpr (std::is_void_v<answer>) {
            take(key, row);
            return done;
          } else {
            return take(key, row);
          }
        });
    return *this;
  }

  [[nodiscard]] const result<nothing>& outcome() const {
    return outcome_;
  }

private:
  const storage::metadata_store& store_;
  result<nothing> outcome_ = done;
};

void load_nodes(row_loader& load, core::file_tree& tree) {
  load.each<core::node_row>(
    tree_keys::nodes, numbered, [&](auto key, const auto& row) {
      return tree.load_node(inode_id{core::number_of_key(key)},
                            key.substr(numbered), row);
    });
  load.each<core::trash_row>(
    tree_keys::trash, numbered, [&](auto key, const auto& row) {
      return tree.load_trash(core::number_of_key(key), row);
    });
  load.each<core::upload_row>(
    tree_keys::uploads, numbered,
    [&](auto, const auto& row) { return tree.load_upload(row); });
  load.each<core::version_row>(
    tree_keys::versions, numbered, [&](auto key, const auto& row) {
      return tree.load_version(inode_id{core::number_of_key(key)}, row);
    });
  load.each<core::piece_row>(
    tree_keys::pieces, numbered + 4, [&](auto key, const auto& row) {
      return tree.load_pieces(inode_id{core::number_of_key(key)},
                              index_of_key(key), row);
    });
}

/// An older build wrote such a row for what a faulty file server reported. No
/// file has a version 0: the row says nothing.
bool says_nothing(const core::orphan_row& x) {
  return x.phase == core::orphan_phase::waits && x.newest == version_number{};
}

/// @param idle Keys of rows that say nothing, to be removed.
void load_rest(row_loader& load, core::file_tree& tree,
               std::vector<std::string>& idle) {
  load.each<core::request_row>(
    tree_keys::requests, twice_numbered, [&](auto key, const auto& row) {
      tree.load_request(core::number_of_key(key),
                        core::number_of_key(key.substr(8)), row);
    });
  load.each<core::released_row>(
    tree_keys::released_versions, numbered, [&](auto key, const auto& row) {
      tree.load_released_versions(inode_id{core::number_of_key(key)}, row);
    });
  load.each<core::deletion_row>(
    tree_keys::released_deletions, numbered, [&](auto key, const auto& row) {
      tree.load_released_deletion(inode_id{core::number_of_key(key)}, row);
    });
  load.each<core::told_row>(
    tree_keys::told, numbered, [&](auto key, const auto& row) {
      tree.load_told(group_id{core::number_of_key(key)}, row);
    });
  load.each<core::branch_row>(
    tree_keys::branches, numbered, [&](auto key, const auto& row) {
      tree.load_branch(master_term{core::number_of_key(key)}, row);
    });
  load.each<core::orphan_row>(
    tree_keys::orphans, numbered,
    [&](auto key, const auto& row) -> result<nothing> {
      if (says_nothing(row)) {
        idle.emplace_back(key);
        return done;
      }
      return tree.load_orphan(inode_id{core::number_of_key(key)}, row);
    });
  load.each<core::clock_row>(
    tree_keys::clock, 0, [&](auto, const auto& row) { tree.load_clock(row); });
  load.each<core::purge_row>(
    tree_keys::purged, 0, [&](auto, const auto& row) { tree.load_purge(row); });
}

result<nothing>
tell_restore(const storage::metadata_store& store, core::file_tree& tree) {
  const auto at = store.restored_at();
  if (at <= master_term{1})
    return done;
  const auto lives = store.lives();
  if (!lives)
    return lives.error();
  master_term backup;
  for (const auto& x : *lives)
    if (x.term < at)
      backup = std::max(backup, x.term);
  tree.load_restore(at, backup);
  return done;
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
  if (auto told = tell_restore(store, *tree); !told)
    return told.error();
  row_loader load{store};
  load_nodes(load, *tree);
  std::vector<std::string> idle;
  load_rest(load, *tree, idle);
  if (!load.outcome())
    return load.outcome().error();
  core::tree_changes first;
  if (auto begun = tree->begin_life(term, now, first); !begun)
    return begun.error();
  auto changes = encode_rows(first.rows);
  for (const auto& key : idle) {
    log_event(*log_for("namespace"), spdlog::level::warn,
              "a note of version 0 was removed",
              {{"inode", std::to_string(core::number_of_key(key))}});
    changes.push_back({key, {}});
  }
  if (!changes.empty())
    if (auto made = store.commit_now(std::move(changes)); !made)
      return made.error();
  return tree;
}

} // namespace dfs::actors
