#include "core/versions/group_placement.hpp"
#include "core/versions/quorum.hpp"
#include "core/versions/quorum_classes.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

const msg::quorum_rule usual{3, 2, 2};

quorum_classes assign(const std::map<std::string, quorum_class>& numbers,
                      const std::map<std::string, msg::quorum_rule>& wanted) {
  auto made = quorum_classes::assign(numbers, wanted);
  EXPECT_TRUE(made);
  return *made;
}

TEST(QuorumClasses, TheLongestPathOfWholeNamesCounts) { // SPEC V2
  const auto x = assign({}, {{"/docs", {5, 3, 3}}, {"/docs/raw", {3, 3, 1}}});
  const auto docs = x.of_path("/docs/a/b");
  const auto raw = x.of_path("/docs/raw/b");
  EXPECT_EQ(x.rules(usual).at(docs), (msg::quorum_rule{5, 3, 3}));
  EXPECT_EQ(x.rules(usual).at(raw), (msg::quorum_rule{3, 3, 1}));
  EXPECT_EQ(x.of_path("/docs"), docs);
  EXPECT_EQ(x.of_path("/docs2/a"), 0);
  EXPECT_EQ(x.of_path("/"), 0);
  EXPECT_EQ(x.rules(usual).at(0), usual);
}

TEST(QuorumClasses, TheRootIsAPathLikeAnother) {
  const auto x = assign({}, {{"/", {5, 3, 3}}, {"/a", {4, 3, 2}}});
  EXPECT_EQ(x.rules(usual).at(x.of_path("/f")), (msg::quorum_rule{5, 3, 3}));
  EXPECT_EQ(x.rules(usual).at(x.of_path("/a/f")), (msg::quorum_rule{4, 3, 2}));
}

// Files in groups of a number rely on it: it is nobody else's, ever.
TEST(QuorumClasses, ANumberIsGivenOnce) {
  const auto first = assign({}, {{"/a", {5, 3, 3}}});
  EXPECT_EQ(first.added().size(), 1u);
  const auto without = assign(first.added(), {{"/b", {4, 3, 2}}});
  EXPECT_NE(without.of_path("/b/f"), first.of_path("/a/f"));
  EXPECT_EQ(without.of_path("/a/f"), 0);
  EXPECT_EQ(without.rules(usual).at(first.of_path("/a/f")), usual);
  auto numbers = first.added();
  numbers.insert(without.added().begin(), without.added().end());
  const auto again = assign(numbers, {{"/a", {4, 3, 2}}});
  EXPECT_TRUE(again.added().empty());
  EXPECT_EQ(again.of_path("/a/f"), first.of_path("/a/f"));
}

TEST(QuorumClasses, Are255) {
  std::map<std::string, msg::quorum_rule> wanted;
  for (int i = 0; i < 255; ++i)
    wanted["/" + std::to_string(i)] = usual;
  EXPECT_TRUE(quorum_classes::assign({}, wanted));
  wanted["/one-more"] = usual;
  const auto failed = quorum_classes::assign({}, wanted);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ec::full);
}

TEST(QuorumClasses, HaveGroupsOfTheirOwn) {
  const auto group = group_of_file(inode_id{77}, 3, 64);
  EXPECT_EQ(class_of_group(group), 3);
  EXPECT_EQ(class_of_group(group_of_file(inode_id{77}, 0, 64)), 0);
  EXPECT_NE(group, group_of_file(inode_id{77}, 0, 64));
}

TEST(Quorum, IsReadFromTheLeastThatIsSaid) {
  EXPECT_EQ(*parse_quorum("5"), (msg::quorum_rule{5, 3, 3}));
  EXPECT_EQ(*parse_quorum("5:4"), (msg::quorum_rule{5, 4, 2}));
  EXPECT_EQ(*parse_quorum("3:3:1"), (msg::quorum_rule{3, 3, 1}));
  for (const auto* wrong : {"", "x", "3:", "3:2:2:1", "3:1:3", "3:2:1", "0",
                            "10", "300", "-3", "3 ", ":2", "3:4"})
    EXPECT_FALSE(parse_quorum(wrong)) << wrong;
}

} // namespace
} // namespace dfs::core
