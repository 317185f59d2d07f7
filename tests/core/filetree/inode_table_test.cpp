#include "core/filetree/inode_table.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace dfs::core {
namespace {

using kind = msg::entry_kind;

std::vector<std::string> names_of(const inode_table& nodes, node_index dir) {
  std::vector<std::string> names;
  const auto& children = nodes.list(dir).children;
  for (child_set::position at; children.get(at) != no_node;
       children.advance(at))
    names.emplace_back(nodes.name(children.get(at)));
  return names;
}

struct InodeTable : ::testing::Test {
  inode_table nodes{1};
  std::uint64_t next = 1;
  node_index root = make(kind::directory);

  node_index make(kind what) {
    return nodes.make(inode_id{next++}, what);
  }

  node_index make(kind what, node_index dir, std::string_view name) {
    const auto x = make(what);
    nodes.link(x, dir, name);
    return x;
  }
};

TEST_F(InodeTable, KeepsTotalsOfAllBelow) { // I2
  const auto a = make(kind::directory, root, "a");
  const auto b = make(kind::directory, a, "b");
  const auto file = make(kind::file, b, "f");
  nodes.append_piece(file, {chunk_id{1}, 100});
  nodes.append_piece(file, {chunk_id{2}, 50});
  nodes.set_bytes(file, 1, 60);
  const subtree_totals expected{1, 2, 160, 2};
  EXPECT_EQ(nodes.totals(root), expected);
  nodes.unlink(b);
  EXPECT_EQ(nodes.totals(root), (subtree_totals{0, 1, 0, 0}));
  EXPECT_EQ(nodes.totals(b), (subtree_totals{1, 0, 160, 2}));
  nodes.link(b, root, "c");
  EXPECT_EQ(nodes.totals(root), expected);
  EXPECT_EQ(nodes.path(file), "/c/f");
  nodes.drop_last_piece(file);
  EXPECT_EQ(nodes.piece_at(file, 0), (piece{chunk_id{1}, 100}));
  nodes.drop_last_piece(file);
  EXPECT_EQ(nodes.totals(root), (subtree_totals{1, 2, 0, 0}));
  nodes.check();
}

TEST_F(InodeTable, KnowsTheLongestPathBelow) {
  const auto a = make(kind::directory, root, "aa");
  const auto b = make(kind::directory, a, "bbb");
  make(kind::file, b, "cccc");
  make(kind::file, root, "0"); // Before and behind the directory.
  make(kind::file, root, "zz");
  EXPECT_GE(nodes.list(root).longest, 12u);
  EXPECT_EQ(nodes.measure_longest(root), 12u);
  nodes.unlink(b);
  EXPECT_EQ(nodes.measure_longest(root), 3u);
  nodes.link(b, root, "b");
  EXPECT_EQ(nodes.measure_longest(root), 7u);
  nodes.check();
}

// Goal: I1 and I3 under any traffic, with names that share hashes' shards,
// leaves that split and merge, and cells that are used again. Method: the same
// done to a map.
TEST(InodeTableTraffic, AgreesWithAMap) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    inode_table nodes{seed};
    const auto root = nodes.make(inode_id{1}, kind::directory);
    std::map<std::string, node_index> model;
    std::uint64_t next = 2;
    const auto names = 100 * seed;
    for (int step = 0; step < 4'000; ++step) {
      const auto name = "name-" + std::to_string(random.below(names))
                        + std::string(random.below(3), 'x');
      const auto known = model.find(name);
      ASSERT_EQ(nodes.child(root, name),
                known == model.end() ? no_node : known->second);
      // Phases of growing and of shrinking.
      const auto grow = step / 1'000 % 2 == 0;
      if (known == model.end() && (grow || random.one_in(8))) {
        const auto x = nodes.make(inode_id{next++}, kind::file);
        nodes.link(x, root, name);
        model.emplace(name, x);
      } else if (known != model.end() && (!grow || random.one_in(8))) {
        nodes.unlink(known->second);
        nodes.destroy(known->second);
        model.erase(known);
      }
    }
    std::vector<std::string> expected;
    for (const auto& [name, x] : model)
      expected.push_back(name);
    ASSERT_EQ(names_of(nodes, root), expected);
    nodes.check();
  }
}

TEST(InodeTableOrder, ListsAnyNumberInOrder) {
  inode_table nodes{7};
  const auto root = nodes.make(inode_id{1}, kind::directory);
  std::map<std::string, int> expected;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const auto name = std::to_string(i * 7'919 % 20'000);
    nodes.link(nodes.make(inode_id{i + 2}, kind::file), root, name);
    expected.emplace(name, 0);
  }
  std::vector<std::string> sorted;
  for (const auto& [name, ignored] : expected)
    sorted.push_back(name);
  EXPECT_EQ(names_of(nodes, root), sorted);
  const auto& children = nodes.list(root).children;
  const auto first = children.get(children.lower_bound("19", nodes));
  const auto second = children.get(children.upper_bound("19", nodes));
  EXPECT_EQ(nodes.name(first), "19");
  EXPECT_EQ(nodes.name(second), "190");
}

} // namespace
} // namespace dfs::core
