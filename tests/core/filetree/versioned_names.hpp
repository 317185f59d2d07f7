#pragma once

#include "core/filetree/tree_under_test.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::core::test {

/// A tree with a directory of each class.
struct versioned_names : ::testing::Test, tree_under_test {
  versioned_names() {
    EXPECT_TRUE(mkdir("/docs", msg::storage_class::versioned));
    EXPECT_TRUE(mkdir("/raw"));
  }

  ~versioned_names() override {
    (void) check_rows();
    check_version_rows();
  }

  result<msg::file_status>
  mkdir(const std::string& path,
        msg::storage_class where = msg::storage_class::as_above,
        bool parents = false) {
    return change(msg::make_directory{0, path, parents, where});
  }

  result<msg::file_status> create(const std::string& path) {
    return change(msg::create_versioned{0, path, true});
  }

  void note(inode_id file, std::uint64_t newest, std::uint64_t bytes,
            msg::version_kind kind = msg::version_kind::content,
            std::int64_t time_ms = 5) {
    EXPECT_TRUE(apply(msg::versions_noted{
      {{file, version_number{newest}, kind, bytes, time_ms}}, {}}));
  }

  /// One that has a version.
  inode_id file(const std::string& path, std::uint64_t bytes = 10) {
    const auto made = create(path);
    EXPECT_TRUE(made) << made.error().context;
    note(made->inode, 1, bytes);
    return made->inode;
  }

  [[nodiscard]] msg::tree_usage usage(const std::string& path) const {
    return *tree->usage(path).answer;
  }

  void purge() {
    EXPECT_TRUE(change(msg::purge_trash{0, 0, true}));
    while (apply(collect_garbage{3})->more) {
    }
  }
};

} // namespace dfs::core::test
