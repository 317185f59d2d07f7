#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"
#include "support/test_pki.hpp"

#include <gtest/gtest.h>

// SPEC G4, G5, G7, G9: whole data servers, each with its store, on loopback.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::append_of;
using test::pattern;
using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr writer_id alice{11};
constexpr writer_id bob{12};

struct DataPath : ::testing::Test {
  test::data_chain servers{3};
  msg::chunk_grant grant = servers.grant(chunk);
  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  void expect_equal(const std::string& bytes) {
    for (std::size_t i = 0; i < servers.nodes.size(); ++i)
      EXPECT_EQ(servers.bytes(i, chunk), bytes) << "replica " << i;
  }

  msg::chunk_changed write(std::uint32_t offset, const std::string& bytes) {
    const auto answer = writer->call(write_of(grant, offset, bytes), bytes);
    EXPECT_TRUE(answer.message) << answer.message.error().context;
    return answer.message ? *answer.message : msg::chunk_changed{};
  }

  test::data_reply<msg::chunk_changed>
  append(writer_id who, std::uint64_t sequence, const std::string& bytes) {
    return writer->call(append_of(grant, who, sequence, bytes), bytes);
  }

  msg::settle_append settle_of(writer_id who, std::uint64_t sequence) const {
    return {.chunk = chunk,
            .version = first,
            .epoch = grant.epoch,
            .writer = who,
            .sequence = sequence,
            .grant = {}};
  }
};

TEST_F(DataPath, WritesThroughTheChainAndReadsAnywhere) { // SPEC G4, G5
  const auto bytes = pattern(300'000, 1);
  const auto answer = write(0, bytes);
  EXPECT_EQ(answer.offset, 0u);
  EXPECT_EQ(answer.extent,
            (msg::chunk_extent{first, mutation_serial{1}, 300'000, 300'000}));
  expect_equal(bytes);
  for (std::size_t i = 0; i < 3; ++i) {
    auto reader = servers.caller(i, rights::reader);
    const auto whole
      = reader->call(read_of(chunk, first, mutation_serial{1}, 0, 1u << 20));
    ASSERT_TRUE(whole.message) << whole.message.error().context;
    EXPECT_EQ(whole.data, bytes);
    EXPECT_TRUE(wire::pieces_match(0, whole.data, whole.message->crcs));
    const auto part
      = reader->call(read_of(chunk, first, mutation_serial{1}, 65'000, 4'096));
    ASSERT_TRUE(part.message);
    EXPECT_EQ(part.data, bytes.substr(65'000, 4'096));
    EXPECT_TRUE(wire::pieces_match(65'000, part.data, part.message->crcs));
    const auto end
      = reader->call(read_of(chunk, first, mutation_serial{1}, 300'000, 4'096));
    ASSERT_TRUE(end.message);
    EXPECT_EQ(end.data, "");
  }
}

TEST_F(DataPath, TellsTheOthersWhatIsCommitted) { // Reads: any replica
  const auto bytes = pattern(10'000, 2);
  write(0, bytes);
  for (std::size_t i = 0; i < 3; ++i) {
    auto reader = servers.caller(i, rights::reader);
    // The reader knows of nothing; the replica was told after a millisecond.
    EXPECT_TRUE(test::eventually([&] {
      const auto answer = reader->call(read_of(chunk, first, {}, 0, 10'000));
      return answer.message && answer.data == bytes;
    }))
      << i;
    const auto extent = reader->call(
      msg::get_extent{.chunk = chunk, .version = first, .serial = {}});
    ASSERT_TRUE(extent.message);
    EXPECT_EQ(extent.message->length, 10'000u);
    EXPECT_EQ(extent.message->serial, mutation_serial{1});
  }
}

TEST_F(DataPath, OverwritesAndGrows) { // SPEC G5
  auto bytes = pattern(200'000, 3);
  write(0, bytes);
  for (const std::uint32_t offset : {0u, 1u, 65'535u, 70'000u, 199'999u}) {
    const auto change = pattern(70'001, offset);
    write(offset, change);
    if (bytes.size() < offset + change.size())
      bytes.resize(offset + change.size());
    bytes.replace(offset, change.size(), change);
  }
  expect_equal(bytes);
  EXPECT_EQ(
    refusal(writer->call(write_of(grant, 270'001, "gap"), std::string{"gap"})
              .message),
    ec::invalid_argument);
}

TEST_F(DataPath, TakesManyWritesAtOnceInOneOrder) { // SPEC G5
  std::string bytes;
  std::vector<std::future<test::data_reply<msg::chunk_changed>>> open;
  for (std::uint32_t i = 0; i < 60; ++i) {
    const auto piece = pattern(64'000, i);
    auto message
      = write_of(grant, static_cast<std::uint32_t>(bytes.size()), piece);
    message.ack = i == 59 ? msg::change_ack::durable : msg::change_ack::applied;
    open.push_back(writer->start(message, piece));
    bytes += piece;
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    const auto answer = open[i].get();
    ASSERT_TRUE(answer.message) << i << answer.message.error().context;
    EXPECT_GE(answer.message->extent.serial, mutation_serial{i + 1});
  }
  expect_equal(bytes);
}

TEST_F(DataPath, ReplicasOfOverlappingWritersAreEqual) { // SPEC G5, I4
  write(0, pattern(400'000, 4));
  std::vector<std::unique_ptr<test::data_caller>> callers;
  std::vector<std::future<test::data_reply<msg::chunk_changed>>> open;
  for (std::size_t w = 0; w < 4; ++w)
    callers.push_back(servers.caller(0));
  rng random{9};
  for (int i = 0; i < 200; ++i) {
    const auto piece = pattern(1 + random.below(100'000), 1'000 + i);
    const auto offset = static_cast<std::uint32_t>(random.below(300'000));
    open.push_back(
      callers[i % 4]->start(write_of(grant, offset, piece), piece));
  }
  for (auto& each : open)
    EXPECT_TRUE(each.get().message);
  expect_equal(servers.bytes(0, chunk));
  EXPECT_EQ(servers.state(2, chunk).serial, mutation_serial{201});
}

// A small change goes to all at once, a large one from one to the next; who has
// had small ones knows of nobody behind, until the next large one tells.
TEST(DataPathOfFour, ChangesItsWay) { // SPEC G4, The way of a write
  test::data_chain servers{4};
  const auto grant = servers.grant(chunk);
  auto writer = servers.caller(0);
  std::string whole;
  for (const std::size_t size : {200'000, 1'000, 70'000, 5, 1'000, 300'000}) {
    const auto piece = pattern(size, size);
    const auto at = static_cast<std::uint32_t>(whole.size());
    ASSERT_TRUE(writer->call(write_of(grant, at, piece), piece).message);
    whole += piece;
    for (std::size_t i = 0; i < servers.nodes.size(); ++i)
      EXPECT_EQ(servers.bytes(i, chunk), whole) << "replica " << i;
  }
}

// Nobody need wait for the second server before the third one is asked.
TEST_F(DataPath, SmallChangesDoNotPassThroughTheSecondServer) {
  write(0, pattern(1'000, 1));
  servers.stop(1);
  EXPECT_FALSE(writer->call(write_of(grant, 0, "x"), "x").message);
  EXPECT_TRUE(test::eventually(
    [&] { return servers.bytes(2, chunk).substr(0, 1) == "x"; }));
}

TEST_F(DataPath, AppendsExactlyOnce) { // SPEC G7
  const auto one = append(alice, 1, "one");
  ASSERT_TRUE(one.message) << one.message.error().context;
  EXPECT_EQ(one.message->offset, 0u);
  EXPECT_EQ(append(bob, 1, "two").message->offset, 3u);
  EXPECT_EQ(append(alice, 1, "one").message->offset, 0u) << "a repetition";
  EXPECT_EQ(append(alice, 2, "three").message->offset, 6u);
  expect_equal("onetwothree");
  EXPECT_EQ(refusal(append(alice, 1, "one").message), ec::invalid_argument);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto last = servers.nodes[i]->store->last_append(chunk, alice);
    ASSERT_TRUE(last) << i;
    EXPECT_EQ(last->sequence, 2u);
    EXPECT_EQ(last->offset, 6u);
  }
}

TEST_F(DataPath, AppendsAcrossBlocksWithChecksumsThatFit) { // SPEC G9
  std::string bytes;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    const auto record = pattern(50'001, i);
    ASSERT_TRUE(append(alice, i, record).message);
    bytes += record;
  }
  expect_equal(bytes);
  for (auto& node : servers.nodes)
    EXPECT_TRUE(node->store->verify(chunk)->empty());
}

TEST_F(DataPath, PadsAFullChunk) { // SPEC G7
  const auto quarter = test::data_chain::chunk_size / 4;
  for (std::uint64_t i = 1; i <= 3; ++i)
    ASSERT_TRUE(append(alice, i, std::string(quarter, 'x')).message);
  ASSERT_TRUE(append(alice, 4, std::string(quarter - 10, 'y')).message);
  EXPECT_EQ(refusal(append(alice, 5, "eleven byte").message), ec::chunk_full);
  EXPECT_EQ(refusal(append(bob, 1, "x").message), ec::chunk_full);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(servers.state(i, chunk).length, test::data_chain::chunk_size);
    EXPECT_EQ(servers.state(i, chunk).padded_from,
              test::data_chain::chunk_size - 10);
  }
  auto reader = servers.caller(1, rights::reader);
  const auto answer = reader->call(msg::get_extent{
    .chunk = chunk, .version = first, .serial = mutation_serial{5}});
  ASSERT_TRUE(answer.message);
  EXPECT_EQ(answer.message->length, test::data_chain::chunk_size);
  EXPECT_EQ(answer.message->padded_from, test::data_chain::chunk_size - 10);
  EXPECT_EQ(refusal(append(alice, 6, std::string(quarter + 1, 'x')).message),
            ec::invalid_argument);
}

TEST_F(DataPath, SettlesAppends) { // SPEC G7, Appends
  ASSERT_TRUE(append(alice, 1, "one").message);
  const auto yes = writer->call(settle_of(alice, 1));
  ASSERT_TRUE(yes.message);
  EXPECT_TRUE(yes.message->done);
  EXPECT_EQ(yes.message->offset, 0u);
  const auto no = writer->call(settle_of(alice, 2));
  ASSERT_TRUE(no.message) << no.message.error().context;
  EXPECT_FALSE(no.message->done);
  EXPECT_EQ(refusal(append(alice, 2, "late").message), ec::cancelled);
  expect_equal("one");
  for (auto& node : servers.nodes)
    EXPECT_EQ(node->store->last_append(chunk, alice)->length, 0u);
}

TEST_F(DataPath, LetsNobodyDoMoreThanHeMay) { // SPEC O4
  const std::string bytes = "bytes";
  auto reader = servers.caller(0, rights::reader);
  EXPECT_EQ(refusal(reader->call(write_of(grant, 0, bytes), bytes).message),
            ec::denied);
  EXPECT_EQ(
    refusal(reader->call(append_of(grant, alice, 1, bytes), bytes).message),
    ec::denied);
  EXPECT_EQ(refusal(reader->call(settle_of(alice, 1)).message), ec::denied);
  auto nobody = servers.caller(0, rights::none);
  EXPECT_EQ(refusal(nobody->call(read_of(chunk, first, {}, 0, 1)).message),
            ec::denied);
  // An administrator is no server.
  auto admin = servers.caller(1, rights::admin);
  msg::replicate forged{.chunk = chunk,
                        .version = first,
                        .epoch = grant.epoch,
                        .serial = mutation_serial{1},
                        .kind = 1,
                        .length = 5,
                        .crcs = wire::piece_crcs(0, bytes),
                        .grant = {grant}};
  EXPECT_EQ(refusal(admin->call(forged, bytes).message), ec::denied);
  EXPECT_EQ(
    refusal(
      admin->call(msg::get_changes{.chunk = chunk, .version = first}).message),
    ec::denied);
  EXPECT_EQ(refusal(admin->call(read_of(chunk, {}, {}, 0, 1)).message),
            ec::invalid_argument);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_FALSE(servers.nodes[i]->store->state(chunk)) << i;
  auto peer = servers.caller(1, rights::admin, "server");
  EXPECT_EQ(refusal(peer->call(forged, bytes).message), std::nullopt)
    << "the same from a server";
}

TEST_F(DataPath, TakesNoBadBytes) { // SPEC G9
  const std::string bytes = pattern(100'000, 5);
  auto message = write_of(grant, 0, bytes);
  message.crcs[1] ^= 1;
  EXPECT_EQ(refusal(writer->call(message, bytes).message), ec::integrity);
  message = write_of(grant, 0, bytes);
  message.crcs.pop_back();
  EXPECT_EQ(refusal(writer->call(message, bytes).message), ec::integrity);
  auto record = append_of(grant, alice, 1, bytes);
  record.crcs[0] ^= 1;
  EXPECT_EQ(refusal(writer->call(record, bytes).message), ec::integrity);
  EXPECT_FALSE(servers.nodes[0]->store->state(chunk));
}

TEST_F(DataPath, TakesGrantsOfThisClusterForThisLifeOnly) { // SPEC G6, O4
  const std::string bytes = "bytes";
  const auto answer_to = [&](const msg::chunk_grant& x) {
    return refusal(writer->call(write_of(x, 0, bytes), bytes).message);
  };
  auto forged = grant;
  forged.lease_ms *= 2;
  EXPECT_EQ(answer_to(forged), ec::unauthenticated);
  auto old = grant;
  old.boot = boot_id{1};
  servers.seal(old);
  EXPECT_EQ(answer_to(old), ec::stale);
  auto unknown = grant;
  unknown.heartbeat = 99;
  servers.seal(unknown);
  EXPECT_EQ(answer_to(unknown), ec::lease_expired);
  EXPECT_EQ(answer_to(servers.grant(chunk, {1, 0, 2})), ec::not_primary);
  auto other = write_of(grant, 0, bytes);
  other.chunk = chunk_id{8};
  EXPECT_EQ(refusal(writer->call(other, bytes).message), ec::invalid_argument);
  auto none = write_of(grant, 0, bytes);
  none.grant.clear();
  EXPECT_EQ(refusal(writer->call(none, bytes).message), ec::not_found);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_FALSE(servers.nodes[i]->store->state(chunk)) << i;
  EXPECT_EQ(answer_to(grant), std::nullopt);
}

TEST_F(DataPath, RefusesOtherVersionsAndLeases) { // SPEC G6
  write(0, "bytes");
  auto message = write_of(grant, 0, "again");
  message.grant.clear();
  message.version = chunk_version{2};
  EXPECT_EQ(refusal(writer->call(message, std::string{"again"}).message),
            ec::stale);
  message.version = first;
  message.epoch = lease_epoch{77};
  EXPECT_EQ(refusal(writer->call(message, std::string{"again"}).message),
            ec::stale);
  auto second = servers.caller(1);
  message.epoch = grant.epoch;
  EXPECT_EQ(refusal(second->call(message, std::string{"again"}).message),
            ec::not_primary);
  expect_equal("bytes");
}

TEST_F(DataPath, ReadsWhatIsAskedForOrSaysWhyNot) { // SPEC G4
  write(0, "bytes");
  auto reader = servers.caller(1, rights::reader);
  const auto answer_to = [&](const msg::read_chunk& x) {
    return refusal(reader->call(x).message);
  };
  EXPECT_EQ(answer_to(read_of(chunk_id{99}, first, {}, 0, 1)), ec::not_found);
  EXPECT_EQ(answer_to(read_of(chunk, chunk_version{2}, {}, 0, 1)), ec::stale);
  EXPECT_EQ(answer_to(read_of(chunk, first, mutation_serial{2}, 0, 1)),
            ec::stale);
  EXPECT_EQ(answer_to(read_of(chunk, first, {}, 0, 0)), ec::invalid_argument);
  EXPECT_EQ(answer_to(read_of(chunk, first, {}, 0, (1u << 20) + 1)),
            ec::invalid_argument);
  EXPECT_EQ(answer_to(read_of(chunk, first, mutation_serial{1}, 0, 1)),
            std::nullopt);
}

TEST(DataPathOnDisk, ReadsWholeBlocksAsTheyAre) { // SPEC G4, G9
  test::data_chain servers{{.place = std::filesystem::temp_directory_path()}};
  const auto grant = servers.grant(chunk);
  auto writer = servers.caller(0);
  const auto bytes = pattern((1u << 20) + 300'000, 9);
  for (std::uint32_t at = 0; at < bytes.size(); at += 1u << 20) {
    const auto piece = bytes.substr(at, 1u << 20);
    ASSERT_TRUE(writer->call(write_of(grant, at, piece), piece).message);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    auto reader = servers.caller(i, rights::reader);
    for (const std::uint32_t at : {0u, 65'536u, 1u << 20, 1'000'000u}) {
      const auto answer
        = reader->call(read_of(chunk, first, mutation_serial{2}, at, 1u << 20));
      ASSERT_TRUE(answer.message) << answer.message.error().context;
      EXPECT_EQ(answer.data, bytes.substr(at, 1u << 20)) << at;
      EXPECT_TRUE(wire::pieces_match(at, answer.data, answer.message->crcs));
    }
    EXPECT_EQ(servers.nodes[i]->service->counters().cold_reads, 0u)
      << "it has just been written";
  }
}

TEST(DataPathInMemory, AnswersWithoutTheDisk) { // durability = "memory"
  test::data_chain servers{{.mode = storage::durability::memory}};
  const auto grant = servers.grant(chunk);
  auto writer = servers.caller(0);
  const auto bytes = pattern(1u << 20, 6);
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto answer
      = writer->call(write_of(grant, i * (1u << 20), bytes), bytes);
    ASSERT_TRUE(answer.message) << answer.message.error().context;
  }
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(servers.bytes(i, chunk), bytes + bytes + bytes + bytes);
}

TEST(DataPathWithTls, CarriesTheSameBytes) { // SPEC O4
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  const auto context_of = [](const test::credential_files& x) {
    return std::make_shared<net::tls_source>(
      *net::make_tls_context({x.ca, x.certificate, x.key}));
  };
  std::vector<std::shared_ptr<net::tls_source>> contexts;
  for (std::size_t i = 0; i < 3; ++i)
    contexts.push_back(
      context_of(pki.server("node-" + std::to_string(i), "chunkserver")));
  test::data_chain servers{
    {.tls = contexts, .place = std::filesystem::temp_directory_path()}};
  servers.client_tls = context_of(pki.client("alice", "writer"));
  const auto grant = servers.grant(chunk);
  auto writer = servers.caller(0);
  const auto bytes = pattern(1u << 20, 7);
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  ASSERT_TRUE(answer.message) << answer.message.error().context;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(servers.bytes(i, chunk), bytes);
    const auto read = servers.caller(i)->call(
      read_of(chunk, first, mutation_serial{1}, 0, 1u << 20));
    ASSERT_TRUE(read.message);
    EXPECT_EQ(read.data, bytes);
  }
  // Whole blocks go out as they are, as without TLS: the reader sees it.
  flip_byte(*servers.nodes[0], 70'000);
  const auto bad = servers.caller(0)->call(
    read_of(chunk, first, mutation_serial{1}, 0, 1u << 20));
  ASSERT_TRUE(bad.message);
  EXPECT_FALSE(wire::pieces_match(0, bad.data, bad.message->crcs));
  // A token is good only with the certificate of whom it names.
  servers.client_tls = context_of(pki.client("mallory", "writer"));
  EXPECT_EQ(
    refusal(servers.caller(0)->call(read_of(chunk, first, {}, 0, 1)).message),
    ec::unauthenticated);
  // Plain bytes are no TLS.
  servers.client_tls = nullptr;
  EXPECT_EQ(
    refusal(
      servers.caller(0)->call(read_of(chunk, first, {}, 0, 1), {}, 5s).message),
    ec::unavailable);
}

} // namespace
} // namespace dfs::chunkserver
