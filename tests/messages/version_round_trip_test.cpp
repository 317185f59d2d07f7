#include "messages/round_trip.hpp"
#include "messages/version_data.hpp"
#include "wire/codec.hpp"

#include <chrono>

namespace dfs::msg {
namespace {

using namespace std::chrono_literals;

using VersionRoundTrip = test::round_trip;

const endpoint somewhere = *endpoint::parse("10.0.0.9:7406");
const put_id put{put_writer{3}, 4};
const version_stamp stamp{group_ballot{5}, 6};
const file_version version{version_number{7},
                           version_kind::deleted,
                           put,
                           {put_writer{8}, 9},
                           10,
                           11,
                           12};
const file_manifest manifest{
  {version}, {{put, version_number{7}}}, put_writer{2}};
const group_set set{
  group_id{1}, group_epoch{2}, {5, 4, 3}, {store_id{1}, store_id{2}}};
const group_location where{set, {{store_id{1}, somewhere}}, store_id{2}};
const volume_status volume{1, 2, 3, true, "/mnt/a"};
const file_status status{inode_id{1},
                         "/a",
                         entry_kind::file,
                         storage_class::versioned,
                         2,
                         true,
                         3,
                         4,
                         5,
                         6ms,
                         7ms,
                         version_number{8}};

TEST_F(VersionRoundTrip, Client) {
  expect_unchanged(locate_file{"/a"});
  expect_unchanged(create_versioned{1, "/a", true});
  expect_unchanged(file_located{status, 8, where});
  expect_unchanged(locate_group{group_id{1}, store_id{2}, group_epoch{3}});
  expect_unchanged(where);
  expect_unchanged(number_writer{});
  expect_unchanged(writer_numbered{put_writer{7}});
}

TEST_F(VersionRoundTrip, Operator) {
  expect_unchanged(list_groups{group_id{1}, 2});
  expect_unchanged(group_list{
    {{where, group_phase::lost, 1, 2, 3, {store_id{4}}, {store_id{5}}, "why"}},
    true});
  expect_unchanged(list_fileservers{});
  expect_unchanged(fileserver_list{{{store_id{1},
                                     "fs-1",
                                     "a",
                                     somewhere,
                                     fileserver_phase::failed,
                                     1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     6,
                                     7,
                                     8,
                                     9ms,
                                     {volume},
                                     {volume},
                                     true}},
                                   {{store_id{1}, "fs-1", 2, 3, 4, 5ms}},
                                   1,
                                   2,
                                   3,
                                   4});
  expect_unchanged(force_group{group_id{1}});
  expect_unchanged(group_forced{group_epoch{1}});
  expect_unchanged(rebuild_directory{});
  expect_unchanged(directory_rebuilt{1, {"group 2: nobody knows it"}});
  expect_unchanged(forget_fileserver{"fs1"});
  expect_unchanged(fileserver_forgotten{"fs1", store_id{2}});
  expect_unchanged(list_versioned{"/docs", "a", 3});
  expect_unchanged(versioned_page{
    {{"b", inode_id{1}, version_number{2}, true, 3, 4}}, true, "b"});
}

TEST_F(VersionRoundTrip, FileServer) {
  const member_id id{*ip_address::parse("10.0.0.5"), 7401, 1'700'000'000'000};
  expect_unchanged(find_version_directory{});
  expect_unchanged(get_version_directory{});
  expect_unchanged(register_fileserver{store_id{1},
                                       boot_id{2},
                                       id,
                                       "fs-1",
                                       "a",
                                       somewhere,
                                       {volume},
                                       {master_term{3}, 4, 5},
                                       {volume},
                                       true,
                                       6});
  expect_unchanged(
    fileserver_registered{master_term{1}, 2, master_term{3}, 4, 5, true});
  expect_unchanged(
    fileserver_beat{store_id{1},
                    boot_id{2},
                    master_term{3},
                    4,
                    5,
                    {volume},
                    {{group_id{1}, group_epoch{2}, group_epoch{3}, true, true,
                      group_ballot{4}, true, 5, 6, 7, true, group_epoch{9}}},
                    true,
                    {volume},
                    true,
                    8});
  expect_unchanged(fileserver_beat_ack{
    master_term{1}, 2, 3, {{store_id{4}, somewhere}}, 5, true});
}

TEST_F(VersionRoundTrip, OrdersAndNews) {
  group_orders orders;
  orders.term = master_term{1};
  orders.servers = {{store_id{1}, somewhere}};
  orders.seal = {{group_id{1}, group_epoch{2}, group_ballot{3}}};
  orders.install = {{set, group_epoch{1}, {store_id{3}}}};
  orders.activate = {{group_id{1}, group_epoch{2}}};
  orders.rejoin = {{group_id{1},
                    group_epoch{2},
                    rejoin_order::refill,
                    {store_id{3}},
                    group_ballot{4}}};
  orders.lead = {{set, group_ballot{3}}};
  orders.unlinked = {{group_id{1}, inode_id{2}, 3}};
  orders.drop = {{group_id{4}, group_epoch{5}}};
  orders.testify = {group_id{5}};
  orders.fill = {{set, {store_id{3}}}};
  expect_unchanged(orders);
  group_news news;
  news.store = store_id{1};
  news.boot = boot_id{2};
  news.term = master_term{3};
  news.led = {{group_id{1}, group_ballot{2}}};
  news.resigned = {{group_id{1}, group_ballot{3}}};
  news.sealed = {{group_id{1}, group_epoch{2}, group_ballot{3}}};
  news.installed = {{group_id{1}, group_epoch{2}}};
  news.activated = {{group_id{1}, group_epoch{3}}};
  news.rejoined = {{group_id{1}, group_epoch{2}, rejoin_order::refill}};
  news.refused
    = {{group_id{1}, inode_id{2}, group_epoch{3}, group_ballot{4}, ec::stale}};
  news.unlink = {{group_id{1}, inode_id{2}}};
  news.unreachable = {store_id{9}};
  news.testimonies = {{store_id{1}, set, true, set}};
  expect_unchanged(news);
  const noted_version note{
    inode_id{1}, version_number{2}, version_kind::deleted, 3, 4, 5};
  const told_group told{group_id{5}, group_ballot{6}};
  expect_unchanged(versions_noted{{note}, {told}});
  expect_unchanged(note_versions{store_id{7}, boot_id{8}, {note}, {told}});
  expect_unchanged(notes_receipted{});
  expect_unchanged(find_told{{group_id{5}}});
  expect_unchanged(told_found{{told}});
  expect_unchanged(unlink_file{group_id{1}, inode_id{2}});
  expect_unchanged(file_unlinked{group_id{1}, inode_id{2}, 3});
}

/// What travels on the data port, and stands in rows, is no CAF message.
template <class T>
void expect_same(const T& x) {
  const auto back = wire::decode<T>(wire::encode(x));
  ASSERT_TRUE(back);
  EXPECT_EQ(wire::encode(*back), wire::encode(x));
}

TEST(VersionWire, ComesOutAsItWentIn) {
  const file_state state{stamp, true, manifest};
  const auto back = wire::decode<file_state>(wire::encode(state));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, state);
  put_file what;
  what.group = group_id{1};
  what.put = put;
  what.kind = version_kind::deleted;
  what.checksum = 7;
  what.shown = version_number{41};
  expect_same(put_bytes{what, {1, 2}});
  state_read read;
  read.said.what
    = {{group_id{1}, group_epoch{2}, inode_id{3}, group_ballot{4}, state, 5}};
  read.crcs = {9};
  expect_same(read);
  replica_said<manifest_accepted> refused;
  refused.refused
    = {{group_id{1}, inode_id{2}, group_epoch{3}, group_ballot{4}, ec::stale}};
  const auto again
    = wire::decode<replica_said<manifest_accepted>>(wire::encode(refused));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->refused, refused.refused);
  EXPECT_TRUE(again->what.empty());
  expect_same(stage_content{
    put, 65'536, {1}, 70'000, 5, true, {{store_id{4}, somewhere}}});
  expect_same(content_staged{put, 70'000, {store_id{4}}});
}

} // namespace
} // namespace dfs::msg
