#include "core/filetree/tree_rows.hpp"

#include "support/golden.hpp"
#include "support/hex.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

/// A line of the golden file: the prefix as it is, the rest in hex.
std::string line(const std::string& key, const std::string& value) {
  return key.substr(0, 1) + test::hex(key.substr(1)) + " " + test::hex(value)
         + "\n";
}

// Rows that masters have on their disks (docs/formats/metadata.md).
TEST(TreeRows, AreAsTheyWere) { // SPEC O5
  node_row directory;
  directory.inode = inode_id{7};
  directory.kind = msg::entry_kind::directory;
  directory.where = msg::storage_class::versioned;
  directory.replication = 3;
  directory.growing = true;
  directory.created_ms = 1'000;
  directory.modified_ms = 2'000;
  auto file = directory;
  file.inode = inode_id{8};
  file.kind = msg::entry_kind::file;
  file.where = msg::storage_class::chunked;
  file.growing = false;
  file.chunks = 1;
  file.pieces = {{chunk_id{1}, 5}};
  const version_row content{version_number{5}, false, 300, 1'000};
  const version_row deleted{version_number{6}, true, 0, 1'000};
  const auto text
    = line(tree_keys::node(inode_id{1}, "d"), wire::encode(directory))
      + line(tree_keys::node(inode_id{7}, "f1"), wire::encode(file))
      + line(numbered_key(tree_keys::versions, 9), wire::encode(content))
      + line(numbered_key(tree_keys::versions, 10), wire::encode(deleted))
      + line(numbered_key(tree_keys::released_versions, 11),
             wire::encode(released_row{2}))
      + line(numbered_key(tree_keys::released_deletions, 11),
             wire::encode(deletion_row{version_number{7}, "/d/f", 1'000}))
      + line(numbered_key(tree_keys::branches, 65'536),
             wire::encode(branch_row{12}))
      + line(numbered_key(tree_keys::orphans, 13),
             wire::encode(orphan_row{orphan_phase::ended, version_number{3},
                                     300, 1'000, 2}));
  EXPECT_EQ(text, dfs::test::golden("namespace_rows_1"));
  const auto back = wire::decode<version_row>(wire::encode(content));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, content);
}

} // namespace
} // namespace dfs::core
