#include "actors/chunk_directory.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/to_caf.hpp"
#include "chunkserver/grant_seal.hpp"
#include "support/deterministic_system.hpp"
#include "support/fake_chunk_keeper.hpp"
#include "support/scripted_roll.hpp"
#include "support/temp_dir.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

// Answers when the test says so.
class scripted_prober : public port_prober {
public:
  void probe(const endpoint& port, callback answered) override {
    asked.push_back(port);
    if (answer)
      answered(*answer);
  }

  std::vector<endpoint> asked;
  std::optional<port_answer> answer = port_answer::silent;
};

struct ChunkDirectory : ::testing::Test, test::deterministic_system {
  static constexpr std::uint8_t servers = 3;

  struct server {
    msg::register_chunkserver card;
    std::shared_ptr<test::chunk_keeper_script> script;
    chunk_keeper_actor keeper;
    std::uint64_t sequence = 0;
    std::uint64_t heard = 0;
    std::uint32_t lease_ms = 0;
  };

  test::temp_dir dir;
  std::unique_ptr<storage::metadata_store> store
    = *storage::metadata_store::open(dir / "metadata",
                                     {.cluster = 1, .sync = false});
  std::shared_ptr<const wire::key_ring> keys = std::make_shared<wire::key_ring>(
    *wire::key_ring::parse("1 " + std::string(64, 'a')));
  scripted_prober prober;
  test::scripted_roll peers;
  std::vector<msg::files_grown> growth;
  master_term term;
  chunk_directory_actor directory = start();
  std::array<server, servers> all;

  ~ChunkDirectory() override {
    stop(directory);
    for (auto& x : all) {
      stop(x.keeper);
      x.keeper = chunk_keeper_actor{};
    }
    directory = chunk_directory_actor{};
    store.reset();
  }

  chunk_directory_actor start() {
    chunk_directory_options options;
    options.store = store.get();
    options.term = term = *store->next_term();
    options.seed = 7;
    options.keys = [this] { return keys; };
    options.prober = &prober;
    options.roll = peers.roll;
    options.on_growth
      = [this](const msg::files_grown& x) { growth.push_back(x); };
    auto loaded = load_chunk_directory(options, sys.clock().now());
    EXPECT_TRUE(loaded);
    options.machine = *loaded;
    return sys.spawn(chunk_directory, options);
  }

  // Rows are made durable by another thread.
  void settle() {
    for (int round = 0; round < 4; ++round) {
      run();
      ASSERT_TRUE(store->commit_now({}));
    }
    run();
  }

  void open(std::uint8_t n) {
    auto& x = all[n];
    x.card.store = store_id{n + 1u};
    x.card.boot = boot_id{n + 101u};
    x.card.name = "chunk-" + std::to_string(n);
    x.card.zone = x.card.name;
    x.card.data = *endpoint::parse("10.0.0." + std::to_string(n + 1) + ":7405");
    x.card.member = {x.card.data.ip, 7401, 1};
    x.card.volumes = {{n + 1u, 1u << 30, 1u << 30, false, "/disk"}};
    x.script = std::make_shared<test::chunk_keeper_script>();
    x.keeper = sys.spawn(test::fake_chunk_keeper, x.script);
    enrol(x);
  }

  void enrol(server& x) {
    peers.admit(x.card, msg::role::chunkserver);
    auto answer = std::make_shared<std::optional<master_term>>();
    sys.spawn(
      [=](caf::event_based_actor* asker, const msg::register_chunkserver& card,
          const chunk_keeper_actor& keeper) {
        asker->request(directory, caf::infinite, card, keeper)
          .then(
            [=](const msg::chunkserver_registered& y) { *answer = y.term; });
      },
      x.card, x.keeper);
    run();
    ASSERT_EQ(*answer, term);
    msg::report_chunks page{x.card.store, x.card.boot, 0, true, 0, {}, {}};
    for (const auto& [chunk, extent] : x.script->chunks)
      page.chunks.push_back({chunk, extent});
    ASSERT_TRUE(ask<msg::chunks_reported>(directory, page));
  }

  caf::expected<msg::chunk_heartbeat_ack>
  beat(server& x, std::vector<msg::led_chunk> led = {}) {
    msg::chunk_heartbeat beat;
    beat.store = x.card.store;
    beat.boot = x.card.boot;
    beat.term = term;
    beat.sequence = ++x.sequence;
    beat.heard = x.heard;
    beat.volumes = x.card.volumes;
    beat.led = std::move(led);
    beat.led_last = true;
    auto answer = ask<msg::chunk_heartbeat_ack>(directory, beat);
    if (answer) {
      x.heard = answer->sequence;
      x.lease_ms = answer->node_lease_ms;
    }
    return answer;
  }

  // All servers, past the restart wait.
  void open_all() {
    for (std::uint8_t n = 0; n < servers; ++n)
      open(n);
    pass(5'000ms);
  }

  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 100ms) {
      if (time % 500ms == 0ms)
        for (auto& x : all)
          if (x.keeper && x.script->silent == false)
            (void) beat(x);
      advance(100ms);
    }
  }

  msg::chunk_grant allocate() {
    const auto made
      = ask<msg::chunks_allocated>(directory, msg::allocate_chunks{1, 0, {}});
    EXPECT_TRUE(made) << sys.render(made.error());
    return made ? made->grants.at(0) : msg::chunk_grant{};
  }

  server& of(store_id id) {
    return all.at(id.value() - 1);
  }

  // As a client writes it, and the namespace commits it.
  msg::chunk_grant write_file(inode_id file) {
    const auto grant = allocate();
    const msg::chunk_extent extent{chunk_version{1}, mutation_serial{3}, 1'000,
                                   1'000};
    for (const auto& x : grant.chain)
      of(x.store).script->chunks[grant.chunk] = extent;
    EXPECT_TRUE(ask<msg::chunks_adopted>(directory,
                                         msg::adopt_chunks{{{grant, extent}}}));
    const core::chunk_row row{grant.chunk, file, extent, 3, {}, {}};
    EXPECT_TRUE(store->commit_now(
      {{core::chunk_row_key(grant.chunk, core::chunk_row_writer::file),
        wire::encode(row)}}));
    self->send(directory, msg::keep_chunks{file, {{grant.chunk, extent}}, 3});
    run();
    return grant;
  }

  msg::chunk_location locate(chunk_id chunk) {
    msg::locate_chunks question;
    question.layout.chunks.push_back({chunk, {}, false, {}, {}});
    const auto found = ask<msg::file_layout>(directory, question);
    EXPECT_TRUE(found);
    return found->chunks.at(0);
  }
};

} // namespace

TEST_F(ChunkDirectory, GrantsChunksOnServersWithALease) { // SPEC G1
  const auto refusal = [&] {
    const auto none
      = ask<msg::chunks_allocated>(directory, msg::allocate_chunks{1, 0, {}});
    return none ? caf::error{} : none.error();
  };
  // They may be on their way.
  EXPECT_EQ(from_caf(refusal()).code, ec::unavailable);
  pass(11'000ms);
  EXPECT_EQ(refusal(), make_error(ec::too_few_servers));
  open_all();
  const auto first = allocate();
  const auto second = allocate();
  EXPECT_EQ(first.chain.size(), 3u);
  EXPECT_EQ(first.version, chunk_version{1});
  EXPECT_TRUE(first.fresh);
  EXPECT_EQ(first.boot, of(first.chain[0].store).card.boot);
  EXPECT_EQ(first.heartbeat, of(first.chain[0].store).sequence);
  EXPECT_LT(first.chunk, second.chunk);
  EXPECT_LT(first.epoch, second.epoch);
  EXPECT_TRUE(chunkserver::check_grant(first, *keys));
}

TEST_F(ChunkDirectory, FindsWhatWasCommitted) { // SPEC G2 G4
  open_all();
  const auto grant = write_file(inode_id{9});
  const auto place = locate(grant.chunk);
  EXPECT_EQ(place.replicas.size(), 3u);
  EXPECT_EQ(place.committed.length, 1'000u);
  EXPECT_FALSE(place.growing);
  EXPECT_EQ(place.primary, store_id{});
}

TEST_F(ChunkDirectory, SaysHowChunksAre) { // SPEC G3
  open_all();
  const auto good = write_file(inode_id{9});
  const auto worse = write_file(inode_id{10});
  auto& gone = all[1];
  gone.script->chunks.erase(worse.chunk);
  msg::chunk_heartbeat news;
  news.store = gone.card.store;
  news.boot = gone.card.boot;
  news.term = term;
  news.sequence = ++gone.sequence;
  news.volumes = gone.card.volumes;
  news.lost = {worse.chunk};
  news.arrived = {{chunk_id{5}, {chunk_version{2}, {}, 0, 0}}};
  gone.script->refuse = [] { return std::optional{ec::busy}; }; // No copies.
  ASSERT_TRUE(ask<msg::chunk_heartbeat_ack>(directory, news));
  const auto page = ask<msg::chunks_checked>(directory, msg::check_chunks{});
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->more);
  ASSERT_EQ(page->chunks.size(), 2u);
  const auto& orphan = page->chunks[0];
  EXPECT_EQ(orphan.chunk, chunk_id{5});
  EXPECT_EQ(orphan.health, msg::chunk_health::unknown);
  EXPECT_EQ(orphan.replicas, (std::vector<msg::replica_report>{
                               {gone.card.store, msg::replica_condition::orphan,
                                chunk_version{2}, true}}));
  const auto& under = page->chunks[1];
  EXPECT_EQ(under.chunk, worse.chunk);
  EXPECT_EQ(under.file, inode_id{10});
  EXPECT_EQ(under.health, msg::chunk_health::under);
  EXPECT_EQ(under.wanted, 3);
  EXPECT_EQ(under.replicas.size(), 2u);
  const auto named = ask<msg::chunks_checked>(
    directory, msg::check_chunks{{good.chunk, chunk_id{77}}, {}});
  ASSERT_EQ(named->chunks.size(), 2u);
  EXPECT_EQ(named->chunks[0].health, msg::chunk_health::healthy);
  EXPECT_EQ(named->chunks[0].replicas.size(), 3u);
  EXPECT_EQ(named->chunks[1].health, msg::chunk_health::unknown);
  EXPECT_TRUE(named->chunks[1].replicas.empty());
}

// With no more servers than copies the good one has to go where the bad one is.
TEST_F(ChunkDirectory, ReplacesABadReplicaWhereItWas) { // SPEC G9 G10
  open_all();
  const auto grant = write_file(inode_id{9});
  auto& bad = of(grant.chain[0].store); // Its primary, too.
  bad.script->chunks.erase(grant.chunk);
  msg::chunk_heartbeat news;
  news.store = bad.card.store;
  news.boot = bad.card.boot;
  news.term = term;
  news.sequence = ++bad.sequence;
  news.volumes = bad.card.volumes;
  news.corrupt = {grant.chunk};
  ASSERT_TRUE(ask<msg::chunk_heartbeat_ack>(directory, news));
  EXPECT_EQ(locate(grant.chunk).replicas.size(), 2u);
  pass(3'000ms);
  ASSERT_EQ(bad.script->copied.size(), 1u);
  EXPECT_EQ(bad.script->copied[0].wanted.chunk, grant.chunk);
  EXPECT_EQ(locate(grant.chunk).replicas.size(), 3u);
  pass(120'000ms); // And it is not taken for the bad one later.
  EXPECT_TRUE(bad.script->deleted.empty());
}

TEST_F(ChunkDirectory, ForgetsServersThatHaveGone) { // SPEC G3
  open_all();
  const auto grant = write_file(inode_id{9});
  const auto forget = [&](const std::string& name, bool force = false) {
    return ask<msg::server_forgotten>(directory,
                                      msg::forget_server{name, force});
  };
  const auto status = [&] {
    return *ask<msg::cluster_status>(directory, msg::get_cluster_status{});
  };
  EXPECT_EQ(forget("chunk-0").error(), make_error(ec::exists));
  EXPECT_EQ(forget("chunk-7").error(), make_error(ec::not_found));
  all[0].script->silent = true;
  pass(4'000ms);
  const auto gone = forget("chunk-0");
  ASSERT_TRUE(gone) << sys.render(gone.error());
  EXPECT_EQ(*gone, (msg::server_forgotten{"chunk-0", store_id{1}, 1, 0}));
  EXPECT_EQ(forget("chunk-0").error(), make_error(ec::not_found));
  EXPECT_EQ(status().servers.size(), 2u);
  for (const auto& finding : status().findings)
    EXPECT_NE(finding.code, "SERVER_LOST");
  EXPECT_EQ(locate(grant.chunk).replicas.size(), 2u);

  // What is nowhere else is given up only with force, and lost then.
  all[1].script->silent = all[2].script->silent = true;
  pass(4'000ms);
  EXPECT_TRUE(forget("0000000000000002"));
  const auto refused = forget("chunk-2");
  EXPECT_EQ(refused.error(), make_error(ec::not_empty));
  EXPECT_EQ(status().servers.size(), 1u);
  EXPECT_EQ(forget("chunk-2", true)->lost, 1u);
  pass(500ms);
  EXPECT_EQ(status().lost, 1u);

  // One that comes back all the same is a new one, with all it holds; also in
  // the same life.
  EXPECT_FALSE(beat(all[2]));
  all[2].script->silent = false;
  all[2].sequence = 0;
  enrol(all[2]);
  pass(2'000ms);
  EXPECT_EQ(status().servers.size(), 1u);
  EXPECT_TRUE(status().servers[0].serving);
  EXPECT_EQ(status().lost, 0u);
  EXPECT_EQ(locate(grant.chunk).replicas.size(), 1u);
}

TEST_F(ChunkDirectory, TakesNoChunkThatNobodyGave) { // SPEC G12
  open_all();
  const auto grant = allocate();
  msg::written_chunk forged{grant,
                            {chunk_version{1}, mutation_serial{1}, 1, 1}};
  forged.grant.chunk = grant.chunk.next();
  const auto refused
    = ask<msg::chunks_adopted>(directory, msg::adopt_chunks{{forged}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), make_error(ec::stale));
}

TEST_F(ChunkDirectory, MakesAPrimaryWithTheIntentInTheLog) { // SPEC G6
  open_all();
  const auto chunk = write_file(inode_id{9}).chunk;
  auto asked = std::make_shared<caf::expected<msg::chunk_leased>>(
    caf::sec::request_timeout);
  sys.spawn(
    [=](caf::event_based_actor* asker, const msg::lease_chunk& x) {
      asker->request(directory, caf::infinite, x)
        .then([=](msg::chunk_leased& y) { *asked = std::move(y); },
              [=](caf::error& y) { *asked = std::move(y); });
    },
    msg::lease_chunk{chunk, {}, {}});
  settle();
  ASSERT_TRUE(*asked) << sys.render(asked->error());
  const auto& grant = (*asked)->grant;
  EXPECT_EQ(grant.version, chunk_version{2});
  EXPECT_EQ(grant.chain.size(), 3u);
  EXPECT_TRUE(chunkserver::check_grant(grant, *keys));
  EXPECT_EQ((*asked)->extent.length, 1'000u);
  for (auto& x : all)
    ASSERT_EQ(x.script->fenced.size(), 1u);
  EXPECT_EQ(of(grant.chain[0].store).script->taken.size(), 1u);
  const auto row
    = store->get(core::chunk_row_key(chunk, core::chunk_row_writer::versions));
  ASSERT_TRUE(row && *row);
  const auto logged = wire::decode<core::chunk_row>(**row);
  ASSERT_TRUE(logged);
  EXPECT_EQ(logged->extent.version, chunk_version{2});
  EXPECT_EQ(logged->intent, chunk_version{});
  // Whoever asks next gets the same.
  const auto again
    = ask<msg::chunk_leased>(directory, msg::lease_chunk{chunk, {}, {}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->grant.epoch, grant.epoch);
}

TEST_F(ChunkDirectory, GoesOnAtOnceWithoutAServerWhoseDeathIsProven) {
  open_all(); // SPEC G14
  const auto grant = write_file(inode_id{9});
  auto& dead = of(grant.chain[2].store);
  prober.answer = port_answer::refused;
  stop(dead.keeper);
  dead.keeper = chunk_keeper_actor{};
  EXPECT_EQ(prober.asked.size(), 1u);
  settle();
  auto leased = std::make_shared<std::optional<msg::chunk_leased>>();
  sys.spawn(
    [=](caf::event_based_actor* asker, const msg::lease_chunk& x) {
      asker->request(directory, caf::infinite, x)
        .then([=](msg::chunk_leased& y) { *leased = std::move(y); });
    },
    msg::lease_chunk{grant.chunk, {dead.card.store}, chunk_version{1}});
  settle();
  ASSERT_TRUE(*leased);
  EXPECT_EQ((*leased)->grant.chain.size(), 2u);
}

TEST_F(ChunkDirectory, KnowsVersionsAfterARestart) { // SPEC G2
  open_all();
  const auto chunk = write_file(inode_id{9}).chunk;
  stop(directory);
  directory = start();
  // How long the file is by now nobody knows before a server has told.
  msg::locate_chunks question;
  question.layout.chunks.push_back({chunk, {}, false, {}, {}});
  const auto early = ask<msg::file_layout>(directory, question);
  ASSERT_FALSE(early);
  EXPECT_EQ(from_caf(early.error()).code, ec::unavailable);
  for (auto& x : all) {
    x.heard = 0;
    enrol(x);
  }
  pass(5'000ms);
  const auto place = locate(chunk);
  EXPECT_EQ(place.replicas.size(), 3u);
  EXPECT_EQ(place.committed.length, 1'000u);
}

// What was appended to it since it was made is not logged before the next
// grant.
TEST_F(ChunkDirectory, KnowsNoEndOfAFreshChunkAfterARestart) { // SPEC G4
  open_all();
  const auto grant = allocate();
  core::chunk_row row{grant.chunk, inode_id{9}, {grant.version, {}, 0, 0},
                      3,           {},          {}};
  for (const auto& x : grant.chain)
    row.set.push_back(x.store);
  ASSERT_TRUE(store->commit_now(
    {{core::chunk_row_key(grant.chunk, core::chunk_row_writer::file),
      wire::encode(row)}}));
  stop(directory);
  directory = start();
  for (auto& x : all) {
    x.heard = 0;
    enrol(x);
  }
  EXPECT_TRUE(locate(grant.chunk).growing);
}

TEST_F(ChunkDirectory, TellsTheNamespaceHowFilesGrow) {
  open_all();
  const auto grant = allocate();
  ASSERT_TRUE(ask<msg::chunks_adopted>(
    directory, msg::adopt_chunks{{{grant, {chunk_version{1}, {}, 0, 0}}}}));
  self->send(directory,
             msg::keep_chunks{
               inode_id{4}, {{grant.chunk, {chunk_version{1}, {}, 0, 0}}}, 3});
  run();
  auto& primary = of(grant.chain[0].store);
  const msg::chunk_extent grown{chunk_version{1}, mutation_serial{7}, 700, 700};
  const auto answer
    = beat(primary, {{grant.chunk, grant.epoch, grown, true, false, false}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->renewed, std::vector{grant.epoch});
  ASSERT_EQ(growth.size(), 1u);
  EXPECT_EQ(growth[0].files.at(0),
            (msg::file_growth{inode_id{4}, {grant.chunk, grown}, true}));
  const auto place = locate(grant.chunk);
  EXPECT_TRUE(place.growing);
  EXPECT_EQ(place.primary, grant.chain[0].store);
}

} // namespace dfs::actors
