#include "storage/versions/version_codec.hpp"

#include "support/golden.hpp"
#include "support/hex.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// The released rows of versioned files: written once, read for ever after.

namespace dfs::storage {
namespace {

using test::hex;
using test::refusal;

constexpr group_id group{0x0102};

msg::group_set example_set() {
  return {group,
          group_epoch{(2ull << 40) + 5},
          {3, 2, 2},
          {store_id{0xfedcba9876543210}, store_id{2}, store_id{3}}};
}

msg::file_state example_file(std::uint64_t serial) {
  msg::file_state x;
  x.stamp = {group_ballot{(2ull << 40) + 6}, serial};
  x.manifest.versions = {{version_number{2},
                          msg::version_kind::deleted,
                          {put_writer{9}, 3},
                          {},
                          0,
                          0,
                          1'700'000'000'001},
                         {version_number{1},
                          msg::version_kind::content,
                          {put_writer{8}, 1},
                          {put_writer{8}, 1},
                          70'000,
                          0xcafef00d,
                          1'700'000'000'000}};
  x.manifest.outcomes = {{{put_writer{8}, 1}, version_number{1}},
                         {{put_writer{9}, 3}, version_number{2}}};
  x.manifest.floor = put_writer{7};
  return x;
}

msg::row_changes all_changes() {
  msg::group_row row{msg::replica_role::sealed, example_set(), group_ballot{11},
                     group_ballot{12},          true,          13};
  msg::installed_group next{
    example_set(), 14, {{inode_id{5}, example_file(4)}}};
  return {row,
          msg::file_change{inode_id{5}, example_file(3)},
          msg::file_change{inode_id{6}, {}},
          msg::settled_change{inode_id{5}, {group_ballot{1}, 3}},
          msg::next_change{next},
          msg::next_change{},
          msg::next_change{next},
          msg::become_next{}};
}

content_row example_content() {
  return {(3ull << 40) + 1,
          (64ull << 20) + 5,
          0xdeadbeef,
          {{store_id{0xabcdef}, chunk_id{(3ull << 40) + 2}, 0, 64u << 20},
           {store_id{0xabcdee}, chunk_id{(3ull << 40) + 3}, 64ull << 20, 5}}};
}

pending_row example_pending() {
  return {group, {{{put_writer{8}, 1}, (3ull << 40) + 1}}, all_changes()};
}

std::string released_rows() {
  std::string text;
  const auto add = [&](const std::string& key, const std::string& value) {
    text += hex(key) + ' ' + hex(value) + '\n';
  };
  add(std::string{version_keys::store}, encode(store_row{1, store_id{7}}));
  add(version_keys::volume(store_id{0xabcdef}), "/disk1/versions");
  add(version_keys::content({put_writer{8}, 1}), encode(example_content()));
  add(version_keys::pending_of((3ull << 40) + 4), encode(example_pending()));
  group_layout layout;
  for (const auto& row :
       rows_of(group, all_changes(), layout, (3ull << 40) + 9)) {
    if (row.value)
      add(row.key, *row.value);
    else
      text += hex(row.key) + (row.until.empty() ? "" : ".." + hex(row.until))
              + " gone\n";
  }
  return text;
}

TEST(VersionRows, HaveTheBytesThatAreReleased) {
  EXPECT_EQ(released_rows(), test::golden("version_store_rows_1"));
}

// SPEC S11
TEST(VersionRows, OfPastOutcomesHaveTheBytesThatAreReleased) {
  auto state = example_file(3);
  state.manifest.floor = put_writer{8};
  const msg::past_change drop{{{inode_id{5}, put_writer{8}}}, put_writer{300}};
  group_layout layout;
  const auto kept
    = rows_of(group, {msg::file_change{inode_id{5}, state}}, layout, 1);
  const auto gone = rows_of(group, {drop}, layout, 1);
  ASSERT_EQ(kept.size(), 3u) << "the file, its outcome, not settled";
  ASSERT_EQ(gone.size(), 2u);
  EXPECT_FALSE(gone[0].value);
  const auto key = version_keys::pending_of((3ull << 40) + 4);
  const pending_row pending{group, {}, {drop}};
  EXPECT_EQ(hex(gone[1].key) + ' ' + hex(*gone[1].value) + '\n'
              + hex(kept[1].key) + ' ' + hex(*kept[1].value) + '\n'
              + hex(gone[0].key) + " gone\n" + hex(key) + ' '
              + hex(encode(pending)) + '\n',
            test::golden("version_store_rows_2"));
  const auto again = decode_pending(encode(pending));
  ASSERT_TRUE(again);
  const auto& read = std::get<msg::past_change>(again->changes.at(0));
  EXPECT_EQ(read.gone, drop.gone);
  EXPECT_EQ(read.floor, drop.floor);
}

// Where a file was not forgotten before, the bytes are those of before.
TEST(VersionRows, OfFilesThatBeganAgainComeBackAsTheyWere) { // SPEC S11
  auto state = example_file(3);
  state.manifest.born = 77;
  group_layout layout;
  const auto rows
    = rows_of(group, {msg::file_change{inode_id{5}, state}}, layout, 1);
  EXPECT_EQ(*decode_file(*rows.at(0).value), state);
  const pending_row pending{
    group,
    {},
    {msg::file_change{inode_id{5}, state},
     msg::next_change{msg::installed_group{
       example_set(),
       14,
       {{inode_id{5}, state}, {inode_id{6}, example_file(4)}}}}}};
  const auto again = decode_pending(encode(pending));
  ASSERT_TRUE(again);
  msg::replica_rows told;
  msg::apply_rows(told, again->changes);
  msg::replica_rows meant;
  msg::apply_rows(meant, pending.changes);
  EXPECT_EQ(told, meant);
  EXPECT_EQ(hex(rows[0].key) + ' ' + hex(*rows[0].value) + '\n'
              + hex(version_keys::pending_of((3ull << 40) + 4)) + ' '
              + hex(encode(pending)) + '\n',
            test::golden("version_store_rows_3"));
}

TEST(VersionRows, ComeBackAsTheyWere) {
  EXPECT_EQ(*decode_content(encode(example_content())), example_content());
  const auto pending = decode_pending(encode(example_pending()));
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->group, group);
  ASSERT_EQ(pending->contents.size(), 1u);
  EXPECT_EQ(pending->contents[0].put, (msg::put_id{put_writer{8}, 1}));
  EXPECT_EQ(pending->contents[0].number, (3ull << 40) + 1);
  // What they do is the same.
  msg::replica_rows told;
  msg::replica_rows meant;
  msg::apply_rows(told, pending->changes);
  msg::apply_rows(meant, all_changes());
  EXPECT_EQ(told, meant);
  EXPECT_EQ(told.files.size(), 1u);
  ASSERT_EQ(pending->changes.size(), all_changes().size());
  for (std::size_t i = 0; i < pending->changes.size(); ++i)
    EXPECT_EQ(pending->changes[i].index(), all_changes()[i].index());
  group_layout layout{4, {{example_set(), 14, 5}}};
  const auto again = decode_layout(encode(layout));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->generation, 4u);
  EXPECT_EQ(again->next->set, example_set());
  EXPECT_EQ(again->next->forgotten, 14u);
  EXPECT_EQ(again->next->generation, 5u);
}

// Bytes that are cut or changed are refused, or something else, never a crash.
TEST(VersionRows, OfAnyOtherBytesAreNone) {
  const auto whole = encode(example_pending());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(refusal(decode_pending(std::string_view{whole}.substr(0, size))),
              ec::integrity)
      << size;
  EXPECT_EQ(refusal(decode_pending(whole + '\0')), ec::integrity);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto other = whole;
    other[i] = static_cast<char>(other[i] ^ 0xff);
    static_cast<void>(decode_pending(other));
  }
  EXPECT_EQ(refusal(decode_group("\x03")), ec::integrity);
  EXPECT_EQ(refusal(decode_layout("")), ec::integrity);
  EXPECT_EQ(refusal(decode_file("x")), ec::integrity);
}

} // namespace
} // namespace dfs::storage
