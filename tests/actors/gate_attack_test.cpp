#include "actors/support/gate_bridge.hpp"

#include "base/rng.hpp"
#include "support/basp_frames.hpp"
#include "support/control_node.hpp"
#include "support/eventually.hpp"
#include "support/raw_tls.hpp"
#include "support/resident_memory.hpp"
#include "support/test_pki.hpp"

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

// A whole node under attack, CAF and all (SPEC O4): nothing takes effect,
// little memory is used, and the node keeps answering its peers.

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using namespace dfs::test;

const auto loopback = *ip_address::parse("127.0.0.1");

// Waits for each `introduction` of a peer, one after the other.
struct asker_state {
  static inline const char* name = "asker";
  asker_state() = default;
};

using asker_actor
  = caf::typed_actor<caf::reacts_to<msg::directory_found, directory_actor>,
                     caf::reacts_to<msg::directory_missing>>;

asker_actor::behavior_type
asker(asker_actor::stateful_pointer<asker_state> self,
      const std::shared_ptr<std::atomic<int>>& outcome) {
  return {
    [self, outcome](const msg::directory_found&, const directory_actor& door) {
      self
        ->request(
          door, 5s,
          msg::introduce{
            {}, boot_id{1}, msg::control_protocol, msg::control_protocol_min})
        .then([outcome](const msg::introduction&,
                        const link_keeper_actor&) { *outcome = 1; },
              [outcome](const caf::error&) { *outcome = -1; });
    },
    [outcome](const msg::directory_missing&) { *outcome = -1; },
  };
}

struct GateAttack : ::testing::Test {
  temporary_directory dir;
  test_pki pki{dir.path() / "pki"};
  control_node master{pki.server("master-1", "master")};
  endpoint where = serve();
  std::size_t before = resident_memory();

  endpoint serve() {
    msg::member_record self;
    self.id = {loopback, 1, 1};
    self.name = "master-1";
    self.roles = static_cast<msg::role_set>(msg::role::master);
    return {loopback, master.serve({self.id, {self}}, boot_id{7})};
  }

  [[nodiscard]] net::tls_context member() {
    const auto files = pki.server("chunk-1", "chunkserver");
    return *net::make_tls_context({files.ca, files.certificate, files.key});
  }

  // After the test's own attack: a peer of good will is answered.
  ~GateAttack() override {
    control_node witness{pki.server("witness", "fileserver")};
    auto outcome = std::make_shared<std::atomic<int>>(0);
    const auto waiting = witness.system().spawn(asker, outcome);
    witness.bridge.find({link_epoch{1}, where, "master-1", 10s}, waiting);
    EXPECT_TRUE(eventually([&] { return *outcome != 0; }));
    EXPECT_EQ(*outcome, 1) << "the node does not answer any more";
    caf::anon_send_exit(waiting, caf::exit_reason::user_shutdown);
    EXPECT_LT(grown_since(before), 64u << 20);
  }
};

} // namespace

TEST_F(GateAttack, PlainCafGetsNowhere) {
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  config.set("middleman.heartbeat-interval", caf::timespan{500ms});
  config.set("middleman.connection-timeout", caf::timespan{3s});
  caf::actor_system stranger{config};
  const auto found
    = stranger.middleman().remote_actor<caf::actor>("127.0.0.1", where.port);
  EXPECT_FALSE(found);
  EXPECT_EQ(master.bridge.counters().opened, 0u);
}

TEST_F(GateAttack, RandomBytesOfStrangersAndOfMembersAreNothing) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    rng random{seed};
    raw_tls attacker{seed % 2 == 0 ? nullptr : member()};
    ASSERT_TRUE(attacker.connect(where));
    std::string noise;
    for (auto left = 64 + random.below(2'000); left > 0; --left)
      noise += static_cast<char>(random.below(256));
    attacker.send(noise);
    EXPECT_TRUE(attacker.is_closed()) << "seed " << seed;
  }
}

TEST_F(GateAttack, AMemberCannotMakeCafAllocate) {
  for (const auto& greeting : {std::string{}, basp_hello(99)}) {
    raw_tls attacker{member()};
    ASSERT_TRUE(attacker.connect(where));
    attacker.send(greeting + basp_header(basp_direct, 1u << 31));
    EXPECT_TRUE(attacker.is_closed());
  }
  // A sequence that announces 2 GiB in a few bytes.
  raw_tls attacker{member()};
  ASSERT_TRUE(attacker.connect(where));
  attacker.send(basp_hello(99));
  for (std::uint64_t actor = 0; actor < 50; ++actor)
    attacker.send(basp_frame(
      basp_direct,
      std::string(1, '\0') + basp_message("+@charbuf", basp_varint(1u << 31)),
      0, 1, actor));
  EXPECT_TRUE(
    eventually([&] { return master.bridge.counters().frames_dropped >= 50; }));
}

TEST_F(GateAttack, AMemberCannotEndAnyActor) {
  raw_tls attacker{member()};
  ASSERT_TRUE(attacker.connect(where));
  attacker.send(basp_hello(99));
  const auto reason = big_endian(1, 8) + big_endian(99, 4)
                      + std::string(20, 'h') + basp_error("");
  for (std::uint64_t actor = 0; actor < 50; ++actor)
    attacker.send(basp_frame(
      basp_direct, std::string(1, '\0') + basp_message("+@exit", reason), 0, 1,
      actor));
  EXPECT_TRUE(
    eventually([&] { return master.bridge.counters().frames_dropped >= 50; }));
}

TEST_F(GateAttack, AMemberCannotNestMessages) {
  raw_tls attacker{member()};
  ASSERT_TRUE(attacker.connect(where));
  std::string nested = basp_message("");
  while (nested.size() < 60'000)
    nested = basp_message("+@message", nested);
  attacker.send(
    basp_hello(99) + basp_frame(basp_direct, std::string(1, '\0') + nested)
    + basp_frame(basp_direct,
                 std::string(1, '\0')
                   + basp_message("+@error", big_endian(1, 1) + big_endian(2, 8)
                                               + nested)));
  EXPECT_TRUE(
    eventually([&] { return master.bridge.counters().frames_dropped >= 2; }));
}

TEST_F(GateAttack, AMemberCannotSpeakForAnother) {
  raw_tls attacker{member()};
  ASSERT_TRUE(attacker.connect(where));
  attacker.send(
    basp_hello(99) + basp_frame(basp_monitor, basp_node(98) + basp_node(97))
    + basp_frame(basp_down, basp_node(98) + basp_node(97) + basp_error(""))
    + basp_frame(basp_routed, basp_node(98) + basp_node(97)));
  EXPECT_TRUE(
    eventually([&] { return master.bridge.counters().frames_dropped == 3; }));
  // A third node, whom CAF would forward this to.
  attacker.send(basp_frame(basp_monitor, basp_node(99) + basp_node(97)));
  attacker.send(basp_hello(98));
  EXPECT_TRUE(attacker.is_closed());
}

// A listed type with values that are none: CAF closes, and nothing else.
TEST_F(GateAttack, ListedTypesWithOddValuesDoNoHarm) {
  const auto context = member();
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    rng random{seed};
    auto talk = basp_hello(99);
    for (std::uint64_t actor = 0; actor < 40; ++actor) {
      std::string values;
      for (auto left = random.below(120); left > 0; --left)
        values
          += static_cast<char>(random.one_in(2) ? 0xff : random.below(256));
      const auto* types = random.one_in(2) ? "+dfs::msg::introduce"
                                           : "+dfs::msg::introduction+@str";
      talk += basp_frame(basp_direct,
                         std::string(1, '\0') + basp_message(types, values), 0,
                         1, actor);
    }
    raw_tls attacker{context};
    ASSERT_TRUE(attacker.connect(where)) << "seed " << seed;
    EXPECT_TRUE(attacker.send(talk)) << "seed " << seed;
    EXPECT_FALSE(attacker.receive().empty()); // CAF was there.
  }
}

} // namespace dfs::actors
