#include "fileserver/version_service.hpp"

#include "support/chunk_data.hpp"
#include "support/version_group.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

using namespace std::chrono_literals;

constexpr inode_id file{42};

msg::put_id put_number(std::uint64_t n) {
  return {put_writer{3}, n};
}

const msg::file_state& state_of(const result<msg::state_read>& x) {
  static const msg::file_state none;
  return x && !x->said.what.empty() ? x->said.what.front().state : none;
}

struct VersionService : ::testing::Test {
  test::version_group group;

  VersionService() {
    group.found();
  }
};

// SPEC V1
TEST_F(VersionService, APutIsReadFromEveryReplica) {
  group.appoint(0);
  const auto bytes = test::pattern(100'000, 1);
  const auto done = group.put(0, file, put_number(1), bytes);
  ASSERT_TRUE(done) << done.error().context;
  EXPECT_EQ(done->version, version_number{1});
  EXPECT_GE(done->copies, 2);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(test::eventually([&] {
      const auto read = group.read(i, file);
      return read.data == bytes
             && state_of(read.message).manifest.versions.size() == 1;
    }))
      << i;
}

TEST_F(VersionService, AnEmptyFileIsAVersion) {
  group.appoint(0);
  const auto done = group.put(0, file, put_number(1), "");
  ASSERT_TRUE(done) << done.error().context;
  EXPECT_TRUE(test::eventually([&] {
    const auto read = group.read(0, file);
    const auto& versions = state_of(read.message).manifest.versions;
    return versions.size() == 1 && versions[0].bytes == 0;
  }));
}

// SPEC V4
TEST_F(VersionService, ARepetitionIsAnsweredAndDoesNothing) {
  group.appoint(0);
  ASSERT_TRUE(group.put(0, file, put_number(1), "one"));
  ASSERT_TRUE(group.put(0, file, put_number(2), "two"));
  const auto again = group.put(0, file, put_number(2), "two");
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(again->version, version_number{2});
  // Two of three have it; this one may be the third.
  EXPECT_TRUE(test::eventually([&] {
    return state_of(group.read(0, file).message).manifest.versions.size() == 2;
  }));
}

TEST_F(VersionService, WhoDoesNotLeadSaysSo) {
  group.appoint(0);
  const auto refused = group.put(1, file, put_number(1), "one");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::not_primary);
}

TEST_F(VersionService, AnotherLeadsOnWithWhatWasPut) {
  group.appoint(0);
  ASSERT_TRUE(group.put(0, file, put_number(1), "one"));
  group.stop(0);
  group.appoint(1);
  const auto next = group.put(1, file, put_number(2), "two");
  ASSERT_TRUE(next) << next.error().context;
  EXPECT_EQ(next->version, version_number{2});
  const auto read = group.read(1, file);
  EXPECT_EQ(read.data, "two");
  ASSERT_EQ(state_of(read.message).manifest.versions.size(), 2u);
}

TEST_F(VersionService, WhoWasAwayGetsWhatItMissed) {
  group.appoint(0);
  ASSERT_TRUE(group.put(0, file, put_number(1), "one"));
  group.stop(2);
  const auto bytes = test::pattern(300'000, 2);
  ASSERT_TRUE(group.put(0, file, put_number(2), bytes));
  group.start(2);
  EXPECT_TRUE(
    test::eventually([&] { return group.read(2, file).data == bytes; }, 20s));
}

// SPEC S11
TEST_F(VersionService, WhatBecameOfAPutIsToldLongAfterItsFileForgotIt) {
  const auto settled = [&](std::size_t at, std::uint64_t who) {
    return group.nodes[at]
      ->client
      ->call(msg::ask_settle_put{
        {group.group, group.set.epoch, file, {put_writer{who}, 1}, 1}})
      .message;
  };
  const auto expect_told = [&](std::size_t at) {
    for (std::uint64_t who = 1; who <= 160; ++who) {
      const auto told = settled(at, who);
      ASSERT_TRUE(told) << who << ": " << told.error().context;
      EXPECT_EQ(told->version,
                version_number{who % 2 == 0 && who > 2 ? who / 2 - 1 : 0})
        << who;
    }
  };
  group.appoint(0);
  ASSERT_TRUE(settled(0, 2)) << "barred";
  for (std::uint64_t who = 4; who <= 160; who += 2) {
    if (who == 100)
      group.stop(2);
    ASSERT_TRUE(group.put(0, file, {put_writer{who}, 1}, "x")) << who;
  }
  group.start(2);
  expect_told(0);
  group.stop(0);
  group.stop(1);
  group.start(1);
  group.appoint(1);
  expect_told(1);
}

TEST_F(VersionService, AllIsThereAfterAllWereRestarted) {
  group.appoint(0);
  const auto bytes = test::pattern(70'000, 3);
  ASSERT_TRUE(group.put(0, file, put_number(1), "one"));
  ASSERT_TRUE(group.put(0, file, put_number(2), bytes));
  for (std::size_t i = 0; i < 3; ++i)
    group.stop(i);
  for (std::size_t i = 0; i < 3; ++i)
    group.start(i);
  group.appoint(1);
  const auto next = group.put(1, file, put_number(3), "three");
  ASSERT_TRUE(next) << next.error().context;
  EXPECT_EQ(next->version, version_number{3});
}

// SPEC V2
TEST_F(VersionService, TooFewToWriteAreRefusedOrNotKnown) {
  group.appoint(0);
  group.stop(1);
  group.stop(2);
  const auto refused = group.put(0, file, put_number(1), "one");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().code == ec::no_redundancy
              || refused.error().code == ec::outcome_unknown)
    << to_string(refused.error().code);
}

TEST_F(VersionService, ALargeContentIsStagedAlongTheChain) {
  group.appoint(0);
  const auto bytes = test::pattern(1'700'000, 4);
  const auto id = put_number(1);
  auto servers = group.addresses();
  servers.erase(servers.begin());
  std::size_t holders = 0;
  for (std::size_t at = 0; at < bytes.size(); at += msg::stage_bytes) {
    const auto part = bytes.substr(at, msg::stage_bytes);
    msg::stage_content what;
    what.content = id;
    what.offset = at;
    what.crcs = wire::piece_crcs(0, part);
    what.bytes = bytes.size();
    what.checksum = crc32c(bytes);
    what.whole = at + part.size() == bytes.size();
    what.chain = servers;
    const auto answer = group.nodes[0]->client->call(what, part);
    ASSERT_TRUE(answer.message) << answer.message.error().context;
    holders = answer.message->holders.size();
  }
  EXPECT_EQ(holders, 3u);
  auto put = group.put_of(file, id, bytes);
  put.crcs.clear();
  const auto done = group.nodes[0]->client->call(put);
  ASSERT_TRUE(done.message) << done.message.error().context;
  const auto piece = group.nodes[1]->client->call(
    msg::read_content{id, 1'048'576, msg::data_max});
  ASSERT_TRUE(piece.message) << piece.message.error().context;
  EXPECT_EQ(piece.data, bytes.substr(1'048'576));
  EXPECT_TRUE(wire::pieces_match(0, piece.data, piece.message->crcs));
}

// Nobody waits for bytes that will not come.
TEST_F(VersionService, WhatWasNotStagedIsRefusedAtOnce) {
  group.appoint(0);
  auto put = group.put_of(file, put_number(1), test::pattern(1'700'000, 4));
  put.crcs.clear();
  const auto refused = group.nodes[0]->client->call(put);
  ASSERT_FALSE(refused.message);
  EXPECT_EQ(refused.message.error().code, ec::not_found);
}

// SPEC S2
TEST_F(VersionService, OnlyServersSpeakAsServers) {
  const auto refused = group.nodes[0]->client->call(
    msg::ask_promise{{group.group, group.set.epoch, group_ballot{99}}});
  ASSERT_FALSE(refused.message);
  EXPECT_EQ(refused.message.error().code, ec::denied);
}

TEST_F(VersionService, DamagedBytesAreNotTaken) {
  group.appoint(0);
  const auto what = group.put_of(file, put_number(1), "good");
  const auto refused = group.nodes[0]->client->call(what, "evil");
  ASSERT_FALSE(refused.message);
  EXPECT_EQ(refused.message.error().code, ec::integrity);
}

// One writer that announces other bytes than it has brought must not hold up
// its whole group. SPEC V2
TEST_F(VersionService, WhatIsAnnouncedIsComparedWithWhatCame) {
  group.appoint(0);
  const auto bytes = test::pattern(300'000, 8);
  const auto stage = [&](const msg::put_id& id) {
    for (std::size_t at = 0; at < bytes.size(); at += msg::stage_bytes) {
      const auto part = bytes.substr(at, msg::stage_bytes);
      msg::stage_content what;
      what.content = id;
      what.offset = at;
      what.crcs = wire::piece_crcs(0, part);
      what.bytes = bytes.size();
      what.checksum = crc32c(bytes);
      what.whole = at + part.size() == bytes.size();
      ASSERT_TRUE(group.nodes[0]->client->call(what, part).message);
    }
  };
  const auto refused_as = [&](msg::put_bytes put) {
    put.crcs.clear();
    const auto answer = group.nodes[0]->client->call(put).message;
    return answer ? std::nullopt : std::optional{answer.error().code};
  };
  stage(put_number(1));
  auto wrong = group.put_of(file, put_number(1), bytes);
  wrong.what.bytes += 1;
  EXPECT_EQ(refused_as(wrong), ec::integrity);
  wrong = group.put_of(file, put_number(1), bytes);
  wrong.what.checksum ^= 1;
  EXPECT_EQ(refused_as(wrong), ec::integrity);
  EXPECT_EQ(refused_as(group.put_of(file, put_number(1), bytes)), std::nullopt);
  // The same of a version that is put again.
  auto again = group.put_of(file, put_number(2), bytes);
  again.what.content = put_number(1);
  again.what.checksum ^= 1;
  EXPECT_EQ(refused_as(again), ec::integrity);
  again.what.checksum ^= 1;
  again.what.bytes = 0;
  EXPECT_EQ(refused_as(again), ec::integrity);
  again.what.bytes = bytes.size();
  EXPECT_EQ(refused_as(again), std::nullopt);
  EXPECT_EQ(group.nodes[0]->service->counters().puts, 2u);
  EXPECT_TRUE(group.standings(0).front().leads != group_ballot{});
}

// The client dies before its put, or the put is refused: on all servers that
// have the content. What is put stays. SPEC V2, S6
TEST_F(VersionService, AContentThatNobodyPutsGoes) {
  group.store_options.staged_life = 500ms;
  for (std::size_t i = 0; i < 3; ++i)
    group.stop(i);
  for (std::size_t i = 0; i < 3; ++i)
    group.start(i);
  group.appoint(0);
  const auto stage = [&](const msg::put_id& id, const std::string& bytes) {
    msg::stage_content what;
    what.content = id;
    what.crcs = wire::piece_crcs(0, bytes);
    what.bytes = bytes.size();
    what.checksum = crc32c(bytes);
    what.whole = true;
    what.chain = group.addresses();
    what.chain.erase(what.chain.begin());
    EXPECT_TRUE(group.nodes[0]->client->call(what, bytes).message);
  };
  const auto bytes = test::pattern(100'000, 9);
  ASSERT_TRUE(group.put(0, file, put_number(1), bytes));
  stage(put_number(2), bytes);
  auto refused = group.put_of(file, put_number(3), bytes);
  refused.what.epoch = group_epoch{77};
  EXPECT_FALSE(group.nodes[0]->client->call(refused, bytes).message);
  EXPECT_TRUE(group.nodes[0]->store->contents().holds(put_number(3)));
  const auto left
    = [&](std::size_t i) { return group.nodes[i]->store->contents().list(); };
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(
      test::eventually([&] { return left(i) == std::vector{put_number(1)}; }))
      << i;
  EXPECT_EQ(group.nodes[0]->service->counters().contents_dropped, 2u);
  // A put that comes after all finds nothing, and may bring it again.
  auto late = group.put_of(file, put_number(2), bytes);
  late.crcs.clear();
  const auto gone = group.nodes[0]->client->call(late).message;
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ec::not_found);
  stage(put_number(2), bytes);
  EXPECT_TRUE(group.nodes[0]->client->call(late).message);
  EXPECT_EQ(group.read(0, file).data, bytes);
}

// SPEC V6
TEST_F(VersionService, AChangeOfTheSetBringsTheFilesAlong) {
  group.appoint(0);
  const auto bytes = test::pattern(200'000, 5);
  ASSERT_TRUE(group.put(0, file, put_number(1), bytes));
  const auto from = group.set;
  auto to = from;
  to.epoch = group_epoch{1'000};
  group.nodes.push_back(
    std::make_unique<test::version_node>(test::memory_directory_path()));
  group.nodes[3]->id = store_id{103};
  group.start(3);
  to.servers = {store_id{101}, store_id{102}, store_id{103}};
  for (const std::size_t i : {1u, 2u}) {
    msg::group_orders seal;
    seal.seal = {{group.group, from.epoch, group_ballot{1'000}}};
    group.order(i, seal);
    group.wait_for<msg::group_sealed>(i, &msg::group_news::sealed);
  }
  for (const std::size_t i : {1u, 2u, 3u}) {
    msg::group_orders install;
    install.install = {{to, from.epoch, {store_id{101}, store_id{102}}}};
    group.order(i, install);
    group.wait_for<msg::group_installed>(i, &msg::group_news::installed);
    msg::group_orders activate;
    activate.activate = {{group.group, to.epoch}};
    group.order(i, activate);
    group.wait_for<msg::group_activated>(i, &msg::group_news::activated);
  }
  group.set = to;
  EXPECT_EQ(group.read(3, file).data, bytes);
}

// SPEC V7
TEST_F(VersionService, WhatTheGroupHasElsewhereIsWiped) {
  group.appoint(0);
  const auto bytes = test::pattern(200'000, 6);
  ASSERT_TRUE(group.put(0, file, put_number(1), bytes));
  EXPECT_TRUE(
    test::eventually([&] { return group.read(2, file).data == bytes; }));
  msg::group_orders drop;
  drop.drop = {{group.group, group.set.epoch}};
  group.order(2, drop); // Of the set itself: it came late.
  drop.drop = {{group.group, group_epoch{1'000}}};
  EXPECT_EQ(group.standings(2).size(), 1u);
  group.order(2, drop);
  EXPECT_TRUE(test::eventually([&] { return group.standings(2).empty(); }));
  EXPECT_TRUE(test::eventually(
    [&] { return group.nodes[2]->store->contents().list().empty(); }));
  group.stop(2);
  group.start(2);
  EXPECT_TRUE(group.standings(2).empty());
  EXPECT_TRUE(group.nodes[2]->store->contents().list().empty());
  EXPECT_EQ(group.read(0, file).data, bytes);
}

// SPEC V8
TEST_F(VersionService, SaysWhatItKnowsOfAGroup) {
  msg::group_orders ask;
  ask.testify = {group.group, group_id{8}};
  group.order(1, ask);
  const auto known = group.wait_for<msg::group_testimony>(
    1, &msg::group_news::testimonies,
    [&](const msg::group_testimony& x) { return x.set.group == group.group; });
  EXPECT_EQ(known.set.epoch, group.set.epoch);
  EXPECT_EQ(known.set.servers, group.set.servers);
  EXPECT_FALSE(known.sealed);
  group.order(1, ask);
  const auto unknown = group.wait_for<msg::group_testimony>(
    1, &msg::group_news::testimonies,
    [&](const msg::group_testimony& x) { return x.set.group == group_id{8}; });
  EXPECT_EQ(unknown.set.epoch, group_epoch{});
}

// SPEC V5
TEST_F(VersionService, ABadContentIsSetAsideAndFetchedAgain) {
  group.appoint(0);
  const auto bytes = test::pattern(300'000, 7);
  const auto put = put_number(1);
  ASSERT_TRUE(group.put(0, file, put, bytes));
  EXPECT_TRUE(
    test::eventually([&] { return group.read(2, file).data == bytes; }));
  auto& contents = group.nodes[2]->store->contents();
  const auto before = contents.find(put);
  ASSERT_TRUE(before);
  const auto& piece = before->pieces.front();
  auto& volume = *group.nodes[2]->store->volumes().front();
  group.flip_byte(2);
  ASSERT_FALSE(volume.verify(piece.chunk)->empty());
  group.nodes[2]->service->verify(volume.id(), piece.chunk);
  EXPECT_TRUE(test::eventually([&] {
    const auto row = contents.find(put);
    return row && row->number != before->number;
  }));
  EXPECT_EQ(*contents.verify(put), 0u);
  EXPECT_EQ(group.read(2, file).data, bytes);
  EXPECT_EQ(group.nodes[2]->service->counters().integrity_faults, 1u);
  // A good one is left alone.
  const auto good = *contents.find(put);
  group.nodes[2]->service->verify(volume.id(), good.pieces.front().chunk);
  EXPECT_EQ(*contents.find(put), good);
}

// SPEC G12
TEST_F(VersionService, APurgedFileIsForgottenByAll) {
  group.appoint(0);
  ASSERT_TRUE(group.put(0, file, put_number(1), "one"));
  ASSERT_TRUE(group.put(0, file, put_number(2), "two"));
  msg::group_orders purge;
  purge.purge = {{group.group, file, {}}};
  msg::unlink_file asked;
  // Said again, as the master does: the puts may still be in work.
  EXPECT_TRUE(test::eventually([&] {
    group.order(0, purge);
    const auto news = group.nodes[0]->service->news().take();
    if (!news.unlink.empty())
      asked = news.unlink.front();
    return !news.unlink.empty();
  }));
  EXPECT_EQ(asked.file, file);
  msg::group_orders unlinked;
  unlinked.unlinked = {{group.group, file, 77}};
  group.order(0, unlinked);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(test::eventually([&] {
      const auto all = group.standings(i);
      return all.size() == 1 && all[0].files == 0
             && group.nodes[i]->store->contents().list().empty();
    }))
      << i;
  auto late = group.put_of(file, put_number(3), "late");
  late.what.looked_up_at = 76;
  const auto refused = group.nodes[0]->client->call(late, "late");
  ASSERT_FALSE(refused.message);
  EXPECT_EQ(refused.message.error().code, ec::stale);
}

} // namespace
} // namespace dfs
