#pragma once

#include "core/filetree/tree_under_test.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace dfs::core {

/// A tree, what a test does to it, and what must hold whatever that was.
struct tree_fixture : ::testing::Test, test::tree_under_test {
  ~tree_fixture() override {
    tree->check();
    flush();
    // I3: whatever the test did, the rows say the same.
    auto again = loaded();
    tree_changes out;
    EXPECT_TRUE(again->begin_life(master_term{term + 1}, now, out));
    EXPECT_TRUE(out.rows.empty());
    EXPECT_EQ(test::describe(*again), test::describe(*tree));
    again->check();
    check_chunk_rows();
  }

  void mkdir(const std::string& path) {
    EXPECT_TRUE(change(msg::make_directory{0, path, true}));
  }

  inode_id
  file(const std::string& path, std::vector<msg::written_chunk> chunks = {}) {
    const auto made
      = change(msg::commit_file{0, path, true, true, std::move(chunks), 0});
    EXPECT_TRUE(made) << made.error().context;
    return made->inode;
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

  void collect() {
    for (int slices = 0;; ++slices) {
      ASSERT_LT(slices, 10'000);
      if (!apply(collect_garbage{100})->more)
        return;
    }
  }
};

} // namespace dfs::core
