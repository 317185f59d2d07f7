#include "core/chunks/master_steps.hpp"

// Two nodes with one data directory: a clone of a machine, a snapshot that was
// restored beside its original.

namespace dfs::core::test {
namespace {

struct StoreTwice : Master {
  static constexpr store_id store{1};

  std::uint64_t sequence = 0;
  std::uint64_t heard = 0;

  static msg::register_chunkserver
  card(std::uint64_t life, const std::string& name, const std::string& ip) {
    msg::register_chunkserver x;
    x.store = store;
    x.boot = boot_id{life};
    x.member = {*ip_address::parse(ip), 7401, life};
    x.name = x.zone = name;
    x.data = {x.member.ip, 7405};
    x.volumes = {{1, 1u << 30, 1u << 30, false, "/disk"}};
    return x;
  }

  const msg::register_chunkserver original = card(1, "chunk-1", "10.0.0.5");
  const msg::register_chunkserver copy = card(2, "chunk-1", "10.0.0.6");

  std::optional<error> refusal(const msg::register_chunkserver& x) {
    const auto answer = machine->register_server(x, now);
    perform();
    return answer ? std::nullopt : std::optional{answer.error()};
  }

  result<msg::chunk_heartbeat_ack> say(const msg::register_chunkserver& who) {
    msg::chunk_heartbeat x;
    x.store = store;
    x.boot = who.boot;
    x.term = machine->state().term;
    x.sequence = ++sequence;
    x.heard = std::exchange(heard, sequence);
    x.led_last = true;
    auto answer = machine->heartbeat(x, now);
    perform();
    return answer;
  }

  /// Registered and reported, past the restart wait, with a lease from now on.
  void serve(const msg::register_chunkserver& who) {
    now += 5s;
    ASSERT_FALSE(refusal(who));
    ASSERT_TRUE(
      machine->report({store, who.boot, 0, true, ++sequence, {}, {}}, now));
    ASSERT_TRUE(serves(who));
  }

  bool serves(const msg::register_chunkserver& who) {
    const auto answer = say(who);
    return answer && answer->node_lease_ms != 0;
  }

  std::vector<std::string> conflicts() {
    std::vector<std::string> all;
    for (const auto& x : report_status(*machine, {}, now).findings)
      if (x.code == "STORE_TWICE")
        all.push_back(x.text);
    return all;
  }
};

} // namespace

TEST_F(StoreTwice, LeavesTheLeaseWithItsHolder) { // SPEC S10, O7
  serve(original);
  for (int i = 0; i < 20; ++i) {
    now += 500ms;
    const auto why = refusal(copy);
    ASSERT_TRUE(why) << "it ended a lease that is in use";
    EXPECT_EQ(why->code, ec::in_use);
    for (const auto* node :
         {"chunk-1 at 10.0.0.5:7401", "chunk-1 at 10.0.0.6:7401"})
      EXPECT_NE(why->context.find(node), std::string::npos) << why->context;
    EXPECT_EQ(say(copy).error().code, ec::stale);
    ASSERT_TRUE(serves(original));
    ASSERT_EQ(conflicts().size(), 1u);
  }
  now += store_claims::claim_life;
  EXPECT_TRUE(conflicts().empty()) << "the copy has gone";
}

TEST_F(StoreTwice, IsNoQuestionOfNamesOnly) { // SPEC S10
  serve(original);
  const auto other = card(3, "chunk-2", "10.0.0.5");
  EXPECT_EQ(refusal(other)->code, ec::in_use);
  auto same_boot = copy;
  same_boot.boot = original.boot;
  EXPECT_EQ(refusal(same_boot)->code, ec::in_use);
  EXPECT_FALSE(refusal(card(4, "chunk-1", "10.0.0.5"))) << "restarted there";
  EXPECT_EQ(refusal(original)->code, ec::stale);
}

TEST_F(StoreTwice, WaitsForTheEndOfTheLinkAndOfTheLease) { // SPEC G4, G6
  serve(original);
  const auto leased = now;
  now += 100ms;
  machine->link_lost(store, original.boot, now);
  machine->probed(0, original.boot, true, now); // A proof of its death.
  perform();
  now = leased + node_lease - 1ns;
  EXPECT_EQ(refusal(copy)->code, ec::in_use);
  now = leased + node_lease;
  EXPECT_FALSE(refusal(copy));
  EXPECT_TRUE(conflicts().empty()) << "only one of them was there";
  EXPECT_EQ(say(original).error().code, ec::stale);
  EXPECT_EQ(refusal(original)->code, ec::in_use) << "now the copy serves";
}

TEST_F(StoreTwice, WaitsForTheLinkOfASilentHolder) { // SPEC G6
  serve(original);
  now += 1min;
  machine->tick(now);
  EXPECT_EQ(refusal(copy)->code, ec::in_use) << "its process may be alive";
  machine->link_lost(store, original.boot, now);
  EXPECT_FALSE(refusal(copy));
}

TEST_F(StoreTwice, WaitsAfterAGoodbyeToo) {
  serve(original);
  ASSERT_TRUE(machine->leave({store, original.boot}, now));
  EXPECT_EQ(refusal(copy)->code, ec::in_use);
  now += node_lease;
  EXPECT_FALSE(refusal(copy));
}

TEST_F(StoreTwice, CountsTheLeaseOfAFormerMaster) { // SPEC G6, S4 of the table
  machine->load_server_row({store, "chunk-1", "chunk-1", original.data});
  now += node_lease - 1ns;
  EXPECT_EQ(refusal(copy)->code, ec::in_use);
  EXPECT_FALSE(refusal(original)) << "who had it may go on at once";
  EXPECT_TRUE(say(original));
  now += 1h;
  EXPECT_EQ(refusal(copy)->code, ec::in_use) << "it is linked";
}

TEST_F(StoreTwice, ThatAFormerMasterKnewIsTakenOverInTheEnd) {
  machine->load_server_row({store, "chunk-1", "chunk-1", original.data});
  now += node_lease;
  EXPECT_FALSE(refusal(copy));
  EXPECT_EQ(refusal(original)->code, ec::in_use);
}

} // namespace dfs::core::test
