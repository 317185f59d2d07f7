#pragma once

#include "core/filetree/file_tree.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core::test {

/// Everything that one can see, to be compared.
std::map<std::string, std::string> describe(const file_tree& tree);

/// A tree with its rows, as a store would have them: it can be loaded again.
class tree_under_test {
public:
  virtual ~tree_under_test() = default;

  explicit tree_under_test(tree_config wanted = {})
    : config{wanted},
      tree{std::make_unique<file_tree>(config)} {
    begin();
  }

  template <class Operation>
  result<answer_of_t<Operation>> apply(const Operation& x) {
    const auto before = tree->applied();
    const auto allowed = tree->can_apply(x);
    tree_changes out;
    auto answer = tree->apply(x, time(), out);
    EXPECT_EQ(static_cast<bool>(allowed), static_cast<bool>(answer)); // I1
    if (!answer) {
      EXPECT_EQ(allowed.error().code, answer.error().code);
      EXPECT_TRUE(out.rows.empty() && out.kept.empty() && out.released.empty()
                  && out.released_versions.empty());
      EXPECT_EQ(tree->applied(), before);
    }
    take(out);
    return answer;
  }

  /// As a change of a client: with a new number.
  template <class Operation>
  result<answer_of_t<Operation>> change(Operation x) {
    x.request = ++requests;
    return apply(x);
  }

  void take(const tree_changes& out) {
    for (const auto& [key, value] : out.rows) {
      if (std::holds_alternative<no_row>(value)) {
        rows.erase(key);
        if (key.starts_with(tree_keys::released_versions))
          unnamed.erase(inode_id{number_of_key(key)});
      } else if (const auto* until = std::get_if<no_rows_until>(&value)) {
        rows.erase(rows.lower_bound(key), rows.lower_bound(until->key));
      } else {
        rows.insert_or_assign(key, value);
      }
    }
    for (const auto chunk : out.released)
      EXPECT_TRUE(released.insert(chunk).second) << "released twice"; // I4
    for (const auto& x : out.released_versions)
      EXPECT_TRUE(unnamed.insert(x.file).second) << "released twice";
    for (const auto& x : out.kept)
      kept.push_back(x);
  }

  void flush() {
    tree_changes out;
    tree->take_grown(out);
    take(out);
  }

  /// I3: what the rows say.
  [[nodiscard]] std::unique_ptr<file_tree> loaded() const {
    auto made = std::make_unique<file_tree>(config);
    if (restored_at != master_term{})
      made->load_restore(restored_at, backup);
    for (const char* prefix :
         {"n", "t", "u", "v", "w", "y", "l", "p", "r", "x", "b", "o"})
      for (auto at = rows.lower_bound(prefix);
           at != rows.end() && at->first.starts_with(prefix); ++at) {
        const auto good = load(*made, at->first, at->second);
        EXPECT_TRUE(good) << good.error().context;
      }
    return made;
  }

  /// Whether the chunk rows are those of the chunks that are somewhere (I4).
  void check_chunk_rows() const {
    std::set<chunk_id> here;
    for (const auto& [key, value] : rows) {
      const auto add = [&](const std::vector<piece>& pieces) {
        for (const auto& x : pieces)
          EXPECT_TRUE(here.insert(x.chunk).second) << x.chunk << " is twice";
      };
      if (const auto* node = std::get_if<node_row>(&value))
        add(node->pieces);
      else if (const auto* trash = std::get_if<trash_row>(&value))
        add(trash->node.pieces);
      else if (const auto* upload = std::get_if<upload_row>(&value))
        add(upload->node.pieces);
      else if (const auto* pieces = std::get_if<piece_row>(&value))
        add(pieces->pieces);
    }
    std::set<chunk_id> rowed;
    std::set<chunk_id> gone;
    for (const auto& [key, value] : rows) {
      if (key.starts_with(chunk_rows))
        rowed.insert(chunk_id{number_of_key(key)});
      else if (key.starts_with(released_rows))
        gone.insert(chunk_id{number_of_key(key)});
    }
    EXPECT_EQ(rowed, here);
    EXPECT_EQ(gone, released);
  }

  /// Whether versions have rows of files that are somewhere only. @pre `flush`.
  void check_version_rows() const {
    for (const auto& [key, value] : rows)
      if (const auto* row = std::get_if<version_row>(&value)) {
        const auto file
          = tree->state().nodes.find(inode_id{number_of_key(key)});
        ASSERT_NE(file, no_node);
        EXPECT_EQ(*row, tree->state().version_of(file));
      }
  }

  /// I3: whatever was done, the rows say the same. @returns what the next life
  /// writes when it begins.
  tree_changes check_rows() {
    tree->check();
    flush();
    const auto again = loaded();
    tree_changes out;
    EXPECT_TRUE(again->begin_life(master_term{term + 1}, now, out));
    EXPECT_EQ(describe(*again), describe(*tree));
    again->check();
    return out;
  }

  [[nodiscard]] std::optional<ec> look(const std::string& path) const {
    return dfs::test::refusal(tree->status(path).answer);
  }

  [[nodiscard]] std::vector<std::string> names(const std::string& path) const {
    std::vector<std::string> all;
    const auto page = *tree->list({path, {}, 0, true, {}}).answer;
    for (const auto& x : page.entries)
      all.push_back(x.name);
    return all;
  }

  /// The rows of an earlier moment, as `admin metadata restore` takes them.
  /// @param then The term of that moment.
  void
  restore(const std::map<std::string, row_value>& earlier, std::uint64_t then) {
    rows = earlier;
    backup = master_term{then};
    term = ((term >> 16) + 1) << 16;
    restored_at = master_term{term};
    tree = loaded();
    begin();
  }

  /// Another life, from the rows.
  void restart() {
    flush();
    tree = loaded();
    ++term;
    begin();
  }

  static result<nothing>
  load(file_tree& to, const std::string& key, const row_value& value) {
    const auto number = key.size() >= 9 ? number_of_key(key) : 0;
    if (const auto* node = std::get_if<node_row>(&value))
      return to.load_node(inode_id{number}, key.substr(9), *node);
    if (const auto* trash = std::get_if<trash_row>(&value))
      return to.load_trash(number, *trash);
    if (const auto* upload = std::get_if<upload_row>(&value))
      return to.load_upload(*upload);
    if (const auto* version = std::get_if<version_row>(&value))
      return to.load_version(inode_id{number}, *version);
    if (const auto* pieces = std::get_if<piece_row>(&value)) {
      std::uint32_t index = 0;
      for (const char byte : key.substr(9))
        index = index << 8 | static_cast<unsigned char>(byte);
      return to.load_pieces(inode_id{number}, index, *pieces);
    }
    if (const auto* request = std::get_if<request_row>(&value))
      to.load_request(number, number_of_key(key.substr(8)), *request);
    if (const auto* purge = std::get_if<purge_row>(&value))
      to.load_purge(*purge);
    if (const auto* clock = std::get_if<clock_row>(&value))
      to.load_clock(*clock);
    if (const auto* gone = std::get_if<released_row>(&value))
      to.load_released_versions(inode_id{number}, *gone);
    if (const auto* deletion = std::get_if<deletion_row>(&value))
      to.load_released_deletion(inode_id{number}, *deletion);
    if (const auto* told = std::get_if<told_row>(&value))
      to.load_told(group_id{number}, *told);
    if (const auto* orphan = std::get_if<orphan_row>(&value))
      return to.load_orphan(inode_id{number}, *orphan);
    if (const auto* branch = std::get_if<branch_row>(&value))
      to.load_branch(master_term{number}, *branch);
    return done;
  }

  /// Two clocks, where a test has jumps.
  [[nodiscard]] virtual tree_time time() {
    return now;
  }

  tree_config config;
  std::unique_ptr<file_tree> tree;
  unix_milliseconds now{std::chrono::hours{480'000}};
  std::uint64_t requests = 0;
  std::uint64_t term = 1;
  master_term restored_at; ///< 0: they never were.
  master_term backup;      ///< The last term of what was restored.
  std::map<std::string, row_value> rows;
  std::set<chunk_id> released;
  std::set<inode_id> unnamed; ///< Versioned files that were purged.
  std::vector<msg::keep_chunks> kept;

private:
  void begin() {
    tree_changes out;
    const auto begun = tree->begin_life(master_term{term}, time(), out);
    EXPECT_TRUE(begun) << begun.error().context;
    take(out);
  }
};

/// A chunk with so many bytes, of a grant that somebody vouches for.
inline msg::written_chunk written(std::uint64_t chunk, std::uint32_t bytes) {
  msg::written_chunk made;
  made.grant.chunk = chunk_id{chunk};
  made.grant.version = chunk_version{1};
  made.grant.chain.push_back({store_id{7}, {}});
  made.extent = {chunk_version{1}, mutation_serial{1}, bytes, bytes};
  return made;
}

inline void describe(const file_tree& tree, const std::string& path,
                     std::map<std::string, std::string>& all) {
  const auto status = tree.status(path).answer;
  ASSERT_TRUE(status) << path << ": " << status.error().context;
  const auto usage = *tree.usage(path).answer;
  auto& text = all[path];
  for (const std::uint64_t x :
       {status->inode.value(), std::uint64_t(status->kind),
        std::uint64_t(status->where), status->version.value(), status->length,
        std::uint64_t{status->growing}, std::uint64_t{status->chunks},
        std::uint64_t{status->replication}, status->entries,
        static_cast<std::uint64_t>(status->modified.count()),
        static_cast<std::uint64_t>(status->created.count()), usage.files,
        usage.directories, usage.bytes, usage.chunks})
    text += std::to_string(x) + " ";
  if (status->kind == msg::entry_kind::file) {
    if (status->where == msg::storage_class::versioned)
      return;
    for (std::uint32_t first = 0; first < status->chunks;) {
      const auto layout = *tree.layout({path, first}).answer;
      for (const auto& x : layout.chunks)
        text += std::to_string(x.chunk.value()) + ",";
      first += static_cast<std::uint32_t>(layout.chunks.size());
    }
    return;
  }
  msg::list_directory asked{path, {}, 3, false, {}};
  for (auto more = true; more;) {
    const auto page = tree.list(asked).answer;
    ASSERT_TRUE(page);
    for (const auto& entry : page->entries)
      describe(tree, (path == "/" ? "" : path) + "/" + entry.name, all);
    more = page->more;
    asked.after = page->next;
  }
}

inline std::map<std::string, std::string> describe(const file_tree& tree) {
  std::map<std::string, std::string> all;
  describe(tree, "/", all);
  const auto& trash = tree.state().trash;
  const auto page = *tree.trash({}).answer;
  for (const auto& x : page.entries)
    all["trash " + std::to_string(x.trash_id)]
      = x.path + " " + std::to_string(x.files) + " " + std::to_string(x.bytes)
        + " " + std::to_string(x.removed.count()) + " "
        + std::to_string(x.purged.count());
  all["trash"] = std::to_string(trash.size());
  all["hidden"]
    = std::to_string(tree.state().nodes.totals(tree.state().root).hidden);
  for (const auto& [inode, x] : tree.state().orphans)
    all["orphan " + std::to_string(inode.value())]
      = std::to_string(static_cast<int>(x.phase)) + " "
        + std::to_string(x.newest.value()) + " " + std::to_string(x.bytes);
  for (const auto& [inode, x] : tree.state().uploads)
    all["upload " + std::to_string(inode.value())]
      = x.path + " " + x.source + " " + std::to_string(x.touched_ms) + " "
        + std::to_string(tree.state().nodes[x.node].length);
  return all;
}

} // namespace dfs::core::test
