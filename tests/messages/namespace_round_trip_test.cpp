#include "messages/round_trip.hpp"

#include <string>

namespace dfs::msg {
namespace {

using namespace std::chrono_literals;

using NamespaceRoundTrip = test::round_trip;

const file_status status{
  inode_id{1}, "/a", entry_kind::directory, storage_class{}, 2, true, 3, 4, 5,
  6ms,         7ms,  version_number{8}};
const chunk_replica replica{store_id{8}, *endpoint::parse("10.0.0.9:7400")};
const chunk_grant grant{
  chunk_id{1},    chunk_version{2}, {replica}, 3, true, master_term{4},
  lease_epoch{5}, boot_id{6},       7,         8, 9,    "seal"};
const chunk_extent extent{chunk_version{1}, mutation_serial{2}, 3, 4};
const chunk_state state{chunk_id{5}, extent};

TEST_F(NamespaceRoundTrip, Names) {
  expect_unchanged(status);
  expect_unchanged(get_status{"/a"});
  expect_unchanged(make_directory{1, "/a", true, storage_class::content, 2});
  expect_unchanged(create_file{1, "/a", true, 2});
  expect_unchanged(list_directory{"/a", "b", 1, true, "*"});
  expect_unchanged(directory_page{
    {{"a", entry_kind::directory, 1, 2ms, storage_class::versioned}},
    true,
    "b"});
  expect_unchanged(rename_entry{1, "/a", "/b", true});
  expect_unchanged(remove_entry{1, "/a", true});
  expect_unchanged(entry_removed{1, 2});
  expect_unchanged(get_usage{"/a"});
  expect_unchanged(tree_usage{1, 2, 3, 4});
  expect_unchanged(backup_metadata{"/backup"});
  expect_unchanged(metadata_backed_up{1, 2});
  expect_unchanged(read_backup{1, 2});
  expect_unchanged(backup_page{1, 2, true, 3, "bytes"});
}

TEST_F(NamespaceRoundTrip, Trash) {
  expect_unchanged(list_trash{1, 2});
  expect_unchanged(
    trash_list{{{1, "/a", entry_kind::directory, 2, 3, 4ms, 5ms}}, true});
  expect_unchanged(restore_trash{1, 2, "/a", "/b"});
  expect_unchanged(purge_trash{1, 2, true});
  expect_unchanged(find_purges{1});
  expect_unchanged(purges_found{2});
}

TEST_F(NamespaceRoundTrip, Uploads) {
  expect_unchanged(allocate_chunks{2, 3, "/a", true, true, 7});
  expect_unchanged(chunks_allocated{{grant}, 3, 1'024});
  expect_unchanged(commit_file{1, "/a", true, true, {{grant, extent}}, 2});
  expect_unchanged(begin_upload{1, "/a", true, true, 2, "source"});
  expect_unchanged(upload_status{inode_id{1}, "/a", "source", 2, 3});
  expect_unchanged(extend_upload{1, inode_id{2}, 3, {{grant, extent}}});
  expect_unchanged(finish_upload{1, inode_id{2}});
  expect_unchanged(abort_upload{1, inode_id{2}});
  expect_unchanged(find_upload{"/a"});
}

TEST_F(NamespaceRoundTrip, Chunks) {
  expect_unchanged(open_file{"/a", 1});
  const file_layout layout{
    status, 1, 2, {{chunk_id{3}, extent, true, {replica}, store_id{4}}}};
  expect_unchanged(layout);
  expect_unchanged(lease_chunk{chunk_id{1}, {store_id{2}}, chunk_version{3}});
  expect_unchanged(chunk_leased{grant, extent});
  expect_unchanged(add_chunk{"/a", inode_id{1}, chunk_id{2}, extent});
  expect_unchanged(report_replica{chunk_id{1}, store_id{2}, 3});
  expect_unchanged(replica_reported{});
  expect_unchanged(locate_chunks{layout});
  expect_unchanged(adopt_chunks{{{grant, extent}}});
  expect_unchanged(chunks_adopted{});
  expect_unchanged(keep_chunks{inode_id{1}, {state}, 2});
  expect_unchanged(release_chunks{{chunk_id{1}}});
  expect_unchanged(files_grown{{{inode_id{1}, state, true}}});
}

} // namespace
} // namespace dfs::msg
