#pragma once

#include "core/filetree/tree_under_test.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dfs::core {

/// A tree, what a test does to it, and what must hold whatever that was.
struct tree_fixture : ::testing::Test, test::tree_under_test {
  ~tree_fixture() override {
    EXPECT_TRUE(check_rows().rows.empty());
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

  void collect() {
    for (int slices = 0;; ++slices) {
      ASSERT_LT(slices, 10'000);
      if (!apply(collect_garbage{100})->more)
        return;
    }
  }
};

} // namespace dfs::core
