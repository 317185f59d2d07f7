#include "core/filetree/request_check.hpp"

#include "support/golden.hpp"
#include "support/hex.hpp"
#include "tree_fixture.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dfs::core {
namespace {

using dfs::test::refusal;
using test::written;

/// A file of one chunk.
msg::commit_file put_of(std::uint64_t number, const std::string& path,
                        bool force = false, bool parents = false,
                        std::uint64_t chunk = 1) {
  return {number, path, force, parents, {written(chunk, 5)}, 0};
}

struct RequestCheck : tree_fixture {
  static constexpr auto other = ec::invalid_argument;

  /// Done under a new number; then that number is used for `others`, and for
  /// what was done; before and after a restart.
  template <class Operation>
  void try_others(Operation x, const std::vector<Operation>& others) {
    x.request = ++requests;
    const auto made = apply(x);
    ASSERT_TRUE(made) << made.error().context;
    for (const auto life : {1, 2}) {
      SCOPED_TRACE(life);
      const auto before = tree->applied();
      for (auto y : others) {
        y.request = x.request;
        EXPECT_EQ(refusal(apply(y)), other);
      }
      EXPECT_TRUE(apply(x));
      EXPECT_EQ(tree->applied(), before) << "something was done";
      restart();
    }
  }

  inode_id begin(const std::string& path, bool force = false) {
    return change(msg::begin_upload{0, path, force, false, 0, ""})->upload;
  }
};

// Goal: who uses a number for something else is not told that it was done.
TEST_F(RequestCheck, ANumberIsOfOneChange) { // SPEC S11
  try_others<msg::make_directory>(
    {0, "/d"}, {{0, "/e"},
                {0, "/d", true},
                {0, "/d", false, msg::storage_class::versioned},
                {0, "/d", false, msg::storage_class::as_above, 2}});
  try_others<msg::create_file>(
    {0, "/d/f"}, {{0, "/f"}, {0, "/d/f", true}, {0, "/d/f", false, 2}});
  try_others<msg::rename_entry>(
    {0, "/d/f", "/d/g"},
    {{0, "/d/g", "/d/f"}, {0, "/d/f", "/g"}, {0, "/d/f", "/d/g", true}});
  try_others<msg::remove_entry>({0, "/d/g"}, {{0, "/d"}, {0, "/d/g", true}});
  const auto id = tree->trash({}).answer->entries.front().trash_id;
  try_others<msg::restore_trash>(
    {0, id, {}, {}},
    {{0, id + 1, {}, {}}, {0, id, "/d", {}}, {0, id, {}, "/e"}});
  ASSERT_TRUE(change(msg::remove_entry{0, "/d", true}));
  const auto next = tree->trash({}).answer->entries.front().trash_id;
  try_others<msg::purge_trash>({0, next}, {{0, id}, {0, next, true}});
}

TEST_F(RequestCheck, ANumberIsOfOneName) { // SPEC S11
  ASSERT_TRUE(
    change(msg::make_directory{0, "/v", false, msg::storage_class::versioned}));
  try_others<msg::create_versioned>({0, "/v/f"},
                                    {{0, "/v/g"}, {0, "/v/f", true}});
}

TEST_F(RequestCheck, ANumberIsOfOneStepOfAnUpload) { // SPEC S11
  mkdir("/d");
  try_others<msg::begin_upload>(
    {0, "/d/f", false, false, 0, "5 7"},
    {{0, "/d/g", false, false, 0, "5 7"}, {0, "/d/f", false, false, 0, "5 8"}});
  const auto upload = begin("/d/f");
  try_others<msg::extend_upload>({0, upload, 0, {written(1, 5)}},
                                 {{0, upload, 0, {written(2, 5)}},
                                  {0, upload, 1, {written(1, 5)}},
                                  {0, begin("/x"), 0, {written(1, 5)}}});
}

// Chunks are another matter: another try may have written others.
TEST_F(RequestCheck, ANumberIsOfOnePut) { // SPEC S11
  try_others<msg::commit_file>(put_of(0, "/f", true, true),
                               {put_of(0, "/g", true, true),
                                put_of(0, "/f", false, true),
                                put_of(0, "/f", true, false)});
  EXPECT_TRUE(apply(put_of(requests, "/f", true, true, 2)));
  EXPECT_EQ(tree->status("/f").answer->chunks, 1u);
  EXPECT_EQ(tree->trash({}).answer->entries.size(), 0u);

  const auto again = begin("/l");
  try_others<msg::finish_upload>(
    {0, begin("/l")},
    {{0, begin("/m")}, {0, begin("/l", true)}, {0, inode_id{99}}});
  EXPECT_TRUE(apply(msg::finish_upload{requests, again}))
    << "what another try has brought";
  EXPECT_TRUE(apply(msg::finish_upload{requests, {}}))
    << "the question of older builds";
}

// Goal: who asks whether a file was made under a number need not know how.
TEST_F(RequestCheck, OneQuestionForAllPuts) { // SPEC S11
  const auto small = change(put_of(0, "/f"));
  const auto number = requests;
  const auto large = change(msg::finish_upload{0, begin("/l")});
  const auto second = requests;
  mkdir("/d");
  EXPECT_EQ(apply(msg::finish_upload{number, any_upload})->path, "/f");
  EXPECT_EQ(apply(msg::finish_upload{second, any_upload})->inode, large->inode);
  EXPECT_EQ(refusal(apply(msg::finish_upload{requests, any_upload})), other);
  EXPECT_EQ(refusal(apply(msg::finish_upload{requests + 1, any_upload})),
            ec::not_found);
  EXPECT_EQ(refusal(apply(msg::finish_upload{number, {}})), other)
    << "as older builds know it: their commit answers for itself";
  ASSERT_TRUE(change(msg::remove_entry{0, "/f"}));
  EXPECT_EQ(apply(msg::finish_upload{number, any_upload})->inode, small->inode);
}

// Goal: what an older master did is answered as it would have been by it.
TEST_F(RequestCheck, RowsOfOlderBuildsGoByTheKindOfChange) { // SPEC O5
  const auto made = change(msg::create_file{0, "/f"});
  const auto number = requests + 1;
  constexpr std::uint8_t commit = 6;
  tree->load_request(request_table::period_of(now), number,
                     {commit, made->inode.value(), 0, 0});
  EXPECT_EQ(apply(put_of(number, "/f"))->inode, made->inode);
  EXPECT_TRUE(apply(put_of(number, "/g")));
  EXPECT_EQ(refusal(apply(msg::make_directory{number, "/f"})), other);
  // Of a newer one, whose changes are not known here.
  for (const std::uint8_t kind : {31, 32, 38})
    tree->load_request(request_table::period_of(now), number + kind,
                       {kind, made->inode.value(), 0, 0});
  EXPECT_EQ(refusal(apply(msg::make_directory{number + 32, "/x"})), other);
  EXPECT_EQ(refusal(apply(put_of(number + 38, "/x"))), other);
}

// Rows that masters have on their disks (docs/formats/metadata.md).
TEST(RequestRows, AreAsTheyWere) { // SPEC O5
  const request_row older{6, 1'000, 0, 0};
  const request_row newer{3, 1'000, 5, 0xdead'beef};
  const auto text = dfs::test::hex(wire::encode(older)) + "\n"
                    + dfs::test::hex(wire::encode(newer)) + "\n";
  EXPECT_EQ(text, dfs::test::golden("request_rows_1"));
  for (const auto& row : {older, newer})
    EXPECT_EQ(*wire::decode<request_row>(wire::encode(row)), row);
  auto torn = wire::encode(newer);
  torn.pop_back();
  EXPECT_FALSE(wire::decode<request_row>(torn));
  EXPECT_FALSE(wire::decode<request_row>(wire::encode(newer) + '\0'));
}

// The numbers stand on the disk.
TEST(RequestChecks, AreAsTheyWere) { // SPEC O5
  EXPECT_EQ(check_of(msg::make_directory{1, "/d"}), 0xfec6e35u);
  EXPECT_EQ(check_of(msg::create_file{1, "/f"}), 0x1c2dfc15u);
  EXPECT_EQ(check_of(msg::rename_entry{1, "/a", "/b"}), 0xc2b8c78fu);
  EXPECT_EQ(check_of(msg::remove_entry{1, "/f"}), 0xff16765cu);
  EXPECT_EQ(check_of(msg::restore_trash{1, 5, {}, {}}), 0x8eacc59fu);
  EXPECT_EQ(check_of(msg::purge_trash{1, 5}), 0xb485371au);
  EXPECT_EQ(check_of(put_of(1, "/f", true)), 0x2d56421cu);
  EXPECT_EQ(check_of(msg::begin_upload{1, "/f", true, false, 0, "5 7"}),
            0x5772b55cu);
  EXPECT_EQ(check_of(msg::extend_upload{1, inode_id{5}, 0, {written(1, 5)}}),
            0x98335cddu);
  EXPECT_EQ(check_of(msg::abort_upload{1, inode_id{5}}), 0xb253ad5bu);
  EXPECT_EQ(check_of(msg::create_versioned{1, "/v/f"}), 0xb4b4321eu);
}

} // namespace
} // namespace dfs::core
