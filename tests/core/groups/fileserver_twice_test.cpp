#include "core/groups/directory_steps.hpp"

#include <gtest/gtest.h>

// Two nodes with one data directory: a clone of a machine, a snapshot that was
// restored beside its original.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct FileserverTwice : LedGroup {
  static constexpr std::uint64_t original = 3;
  static constexpr store_id store{original};

  /// Registers the store from another address.
  std::optional<error> refusal(const std::string& name = {},
                               const std::string& ip = "10.0.0.9",
                               std::uint16_t data_port = 7'003) {
    msg::register_fileserver x;
    x.store = store;
    x.boot = boot_id{900};
    x.member = {*ip_address::parse(ip), original, 2};
    x.name = name;
    x.data = {x.member.ip, data_port};
    x.rows = stores[original];
    const auto answer = machine->register_server(x, now);
    drain();
    return answer ? std::nullopt : std::optional{answer.error()};
  }
  bool conflict() const {
    return !machine->claims().conflicts(now).empty();
  }
};

} // namespace

TEST_F(FileserverTwice, LeavesTheStoreWithItsHolder) { // SPEC S10, O7
  for (int i = 0; i < 5; ++i) {
    const auto why = refusal();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, ec::in_use);
    EXPECT_NE(why->context.find(" at 10.0.0.1:3"), std::string::npos)
      << why->context;
    EXPECT_NE(why->context.find(" at 10.0.0.9:3"), std::string::npos)
      << why->context;
    live(1s, {1, 2, 3});
    EXPECT_TRUE(conflict());
  }
  EXPECT_TRUE(notes.contains(version_note_line::kind::store_twice));
  EXPECT_TRUE(machine->fit(entry(), store));
  live(11s, {1, 2, 3});
  EXPECT_FALSE(conflict()) << "the copy has gone";
}

TEST_F(FileserverTwice, IsNoQuestionOfAddressesOnly) { // SPEC S10
  EXPECT_EQ(refusal("other", "10.0.0.1")->code, ec::in_use);
}

// Silent for a moment, or cut off from the master and not from the others.
TEST_F(FileserverTwice, WaitsForTheEndOfTheLinkAndOfTheSilence) {
  live(5s, {1, 2});
  EXPECT_EQ(refusal()->code, ec::in_use) << "its process may be alive";
  live(250ms, {1, 2, 3});
  machine->link_lost(store, boot(original), now);
  EXPECT_EQ(refusal()->code, ec::in_use) << "it may come back at once";
  live(1'500ms, {1, 2});
  EXPECT_FALSE(refusal());
}

// What the holder has accepted since nobody knows: SPEC V7.
TEST_F(FileserverTwice, CountsForNothingBeforeItIsRefilled) { // D5
  machine->link_lost(store, boot(original), now);
  live(1'500ms, {1, 2});
  ASSERT_FALSE(machine->servers().at(store).row.failed);
  ASSERT_FALSE(refusal());
  EXPECT_TRUE(machine->servers().at(store).row.failed);
  EXPECT_TRUE(entry().rejoining.contains(store));
  EXPECT_TRUE(rows.at(store).failed) << "a later master knows it, too";
  EXPECT_FALSE(conflict()) << "only one of them was there";
}

// Its ports were changed while the master was away.
TEST_F(FileserverTwice, OfTheSameHostGoesOn) { // D5
  begin(2);
  EXPECT_EQ(refusal({}, "10.0.0.1", 7'103)->code, ec::in_use);
  now += 1'500ms;
  EXPECT_FALSE(refusal({}, "10.0.0.1", 7'103));
  EXPECT_FALSE(machine->servers().at(store).row.failed);
}

// The row of a former master tells the name and the address of versions.
TEST_F(FileserverTwice, CountsTheTimeOfAFormerMaster) {
  begin(2);
  EXPECT_EQ(refusal()->code, ec::in_use);
  now += 1'500ms;
  EXPECT_FALSE(refusal());
  EXPECT_TRUE(machine->servers().at(store).row.failed);
}

} // namespace dfs::core
