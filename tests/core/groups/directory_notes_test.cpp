#include "core/groups/directory_notes.hpp"
#include "core/groups/directory_steps.hpp"

// Whose word about names of versioned files is handed on to the namespace.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct DirectoryNotes : LedGroup {
  /// Of its file, and of its group.
  result<msg::versions_noted> heed(std::uint64_t from) {
    msg::note_versions x;
    x.store = store_id{from};
    x.boot = boot(from);
    x.files = {{inode_id{5}, version_number{9}, msg::version_kind::closed}};
    x.told = {{group, group_ballot{7}}};
    return core::heed(*machine, x);
  }

  std::size_t files_of(std::uint64_t from) {
    const auto heeded = heed(from);
    EXPECT_TRUE(heeded);
    if (!heeded)
      return 0;
    EXPECT_EQ(heeded->files.size(), heeded->told.size());
    return heeded->files.size();
  }

  /// Server 4 takes the place of server 1, which is back then.
  void replace_first() {
    enrol(4);
    live(2s, {1, 2, 3, 4});
    kill(1);
    live(4s, {2, 3, 4});
    ASSERT_FALSE(of_set(entry().in_force, store_id{1}));
    enrol(1);
    live(1s, {1, 2, 3, 4});
  }
};

// It led the group in its former set, cut off from the others: it does not know
// that the file has been forgotten. After a restore of the metadata its name
// may be there again, and somebody has put to it.
TEST_F(DirectoryNotes, OfAFormerMemberAreNotHeeded) { // SPEC S9
  EXPECT_EQ(files_of(1), 1u);
  replace_first();
  EXPECT_EQ(files_of(1), 0u);
  for (const std::uint64_t i : {2, 3, 4})
    EXPECT_EQ(files_of(i), 1u) << i;
}

// The set in force is later than the one that is known here.
TEST_F(DirectoryNotes, OfALaterSetAreHeeded) { // SPEC S9
  const auto before = logged;
  replace_first();
  logged = before; // A backup of the time before.
  begin(2);
  for (const std::uint64_t i : {1, 2, 3, 4})
    enrol(i);
  live(1s, {1, 2, 3, 4});
  ASSERT_TRUE(entry().outrun);
  ASSERT_FALSE(of_set(entry().in_force, store_id{4}));
  EXPECT_EQ(files_of(4), 1u);
}

TEST_F(DirectoryNotes, OfGroupsThatHaveNoSetYetAreHeeded) { // SPEC S9
  logged.clear();
  begin(2);
  enrol(1);
  EXPECT_EQ(files_of(1), 1u);
}

TEST_F(DirectoryNotes, OfFormerLivesAreRefused) {
  ++lives[1];
  const auto heeded = heed(1);
  ASSERT_FALSE(heeded);
  EXPECT_EQ(heeded.error().code, ec::not_found);
}

} // namespace
} // namespace dfs::core
