#include "chunkserver/copy_steps.hpp"
#include "chunkserver/data_hands.hpp"
#include "storage/obeyed_master.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// SPEC G3, G10: copies at a server with two volumes, one of which fails, or has
// no room.

namespace dfs::chunkserver::copy_steps {
namespace {

using test::eventually;
using test::read_of;
using test::refusal;

/// Node 2 has two volumes; the one with the replica has failed.
struct DataCopyTwoVolumes : DataCopyBeside {
  void SetUp() override {
    DataCopyBeside::SetUp();
    servers.add_volume(2);
  }

  void fail_the_first() {
    servers.nodes[2]->store->give_up(fail(ec::io_error, "the disk is gone"));
  }

  void expect_on_the_second(chunk_version version, const std::string& bytes) {
    const auto& second = *servers.nodes[2]->second;
    const auto state = second.state(chunk);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->version, version);
    const auto read = servers.caller(2)->call(
      read_of(chunk, version, state->serial, 0, 1u << 18));
    ASSERT_TRUE(read.message) << read.message.error().context;
    EXPECT_EQ(read.data, bytes.substr(0, 1u << 18));
    const auto listed = servers.nodes[2]->service->list();
    ASSERT_EQ(listed.size(), 1u) << "what is on the first one is lost";
    EXPECT_EQ(listed[0].extent.version, version);
  }
};

// Equal in version and changes: it is here, and nobody can read it.
TEST_F(DataCopyTwoVolumes, MakesTheLostReplicaOnTheOtherOne) { // SPEC G3, I9
  ASSERT_TRUE(copy(2, what));
  const auto read = servers.caller(2)->call(
    read_of(chunk, chunk_version{2}, what.wanted.extent.serial, 0, 1'000));
  EXPECT_TRUE(read.message) << "now it is in use";
  fail_the_first();
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
}

TEST_F(DataCopyTwoVolumes, LeavesAnOlderReplicaWhereNothingCanReplaceIt) {
  fail_the_first(); // SPEC G10
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
}

// The failure is seen at any moment: also when the copy has been made.
TEST_F(DataCopyTwoVolumes, IsNotLostOnceItIsCopied) { // SPEC G3
  auto& node = *servers.nodes[2];
  fail_the_first();
  ASSERT_TRUE(copy(2, what));
  const test::temp_dir data_dir;
  data_hands hands{
    *node.service,
    {node.store.get(), node.second.get()},
    {.obeyed = std::make_shared<storage::obeyed_master>(
       storage::posix_files(), data_dir.path(), msg::master_mark{}),
     .volumes = {.interval = 5ms},
     .corrupt = {}}};
  const auto lost = [&] {
    (void) test::data_chain::wait<nothing>([&](auto done) {
      node.service->obey(master_term{1}, [done] { done(dfs::done); });
    });
    const std::lock_guard guard{node.mutex};
    return node.lost;
  };
  EXPECT_EQ(lost(), std::vector<chunk_id>{});
  node.second->give_up(fail(ec::io_error, "the disk is gone"));
  EXPECT_TRUE(test::eventually([&] { return lost() == std::vector{chunk}; }));
}

/// … or has room for the replica that is there, and for no copy.
struct DataCopyCrowded : DataCopyTwoVolumes {
  void SetUp() override {
    DataCopyTwoVolumes::SetUp();
    files.fill(servers.nodes[2]->directory / "volume");
    restart();
  }
};

// Nothing is missing at any moment.
TEST_F(DataCopyCrowded, MakesTheCopyOnTheOtherOne) { // SPEC G10
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
}

TEST_F(DataCopyCrowded, KeepsTheReplicaIfTheSourceFails) { // SPEC G10
  flip_byte(*servers.nodes[0], 2'500'000);
  EXPECT_FALSE(copy(2, what));
  expect_the_old_one();
  EXPECT_TRUE(servers.nodes[2]->second->list().empty());
}

// A master that lists before that counts the copy, and the older replica does
// not make up for it.
TEST_F(DataCopyCrowded, TellsOfACopyThatWasRefusedAfterwards) { // SPEC G3
  std::promise<void> release;
  files.hold_log(servers.nodes[2]->directory / "second",
                 release.get_future().share());
  auto& service = *servers.nodes[2]->service;
  auto outcome = std::async(std::launch::async, [&] { return copy(2, what); });
  EXPECT_TRUE(test::eventually([&] {
    const auto here = service.state(chunk);
    return here && here->extent.version == chunk_version{2};
  }));
  (void) test::data_chain::wait<nothing>([&](auto done) {
    service.obey(master_term{2}, [done] { done(dfs::done); });
  });
  release.set_value();
  EXPECT_EQ(refusal(outcome.get()), ec::stale);
  expect_the_old_one();
  const std::lock_guard guard{servers.nodes[2]->mutex};
  EXPECT_EQ(servers.nodes[2]->lost, std::vector{chunk});
}

TEST_F(DataCopyTwoVolumes, TellsNoReplicaOfAFailedOne) { // SPEC G3
  EXPECT_EQ(servers.nodes[2]->service->list().size(), 1u);
  fail_the_first();
  EXPECT_TRUE(servers.nodes[2]->service->list().empty());
}

} // namespace
} // namespace dfs::chunkserver::copy_steps
