#include "core/failure/probe_schedule.hpp"

#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// One monitor, packet by packet. The group's behaviour: failure_group_test.

namespace dfs::core::test {
namespace {

constexpr instant start = instant{} + 1h;

/// Node 1's schedule, in a group of `size` that is otherwise silent.
struct FailureProbes : ::testing::Test {
  group_state group{{}, make_record(1), rng{7}};
  probe_schedule probes;
  instant now = start;

  void make_group(std::uint8_t size) {
    for (std::uint8_t i = 1; i <= size; ++i)
      group.admit(make_record(i), "test", now);
    group.out.clear();
    probes.start(now);
    run(0ms);
  }

  /// Time passes, as a punctual shell makes it pass.
  std::vector<probe_schedule::decision> run(std::chrono::milliseconds time) {
    std::vector<probe_schedule::decision> decided;
    const auto end = now + time;
    for (;;) {
      const auto due = probes.next_deadline(group, now);
      if (!due || *due > end)
        break;
      now = std::max(now, *due);
      if (keep_company)
        probes.hear_answer(group, now);
      for (auto& x : probes.tick(group, now))
        decided.push_back(x);
      probes.check(group);
      if (!decided.empty())
        return decided;
    }
    now = end;
    return decided;
  }

  effects take() {
    return std::exchange(group.out, {});
  }

  /// Everybody but those answers every ping at once, for so long.
  std::vector<probe_schedule::decision>
  run_answered(std::chrono::milliseconds time,
               const std::set<msg::member_id>& silent = {}) {
    std::vector<probe_schedule::decision> decided;
    const auto end = now + time;
    while (now < end && decided.empty()) {
      decided = run(10ms);
      for (const auto& [to, ping] : sent<msg::gossip_ping>(take()))
        for (const auto& slot : ids())
          if (group.table.find(slot)->ping_address() == to
              && !silent.contains(slot)) {
            probes.hear_answer(group, now);
            probes.on_ack(group, slot, {ping.number, 0, 0, {}}, now);
          }
    }
    return decided;
  }

  std::vector<msg::member_id> ids() const {
    std::vector<msg::member_id> all;
    for (const auto& [address, record] : group.table.live())
      all.push_back(record.id);
    return all;
  }

  /// The n-th of this node's targets.
  msg::member_id successor(std::size_t n) const {
    return group.ring.after(group.self.id, n);
  }

  bool keep_company = false; ///< Somebody answers all the time.
};

TEST_F(FailureProbes, PingsItsFourSuccessorsTwiceASecond) { // SPEC M3
  make_group(20);
  run_answered(1s);
  std::map<endpoint, unsigned> pings;
  for (int i = 0; i < 1'000; ++i) {
    run(10ms);
    for (const auto& [to, ping] : sent<msg::gossip_ping>(take())) {
      ++pings[to];
      for (std::size_t n = 1; n <= 4; ++n)
        if (group.table.find(successor(n))->ping_address() == to) {
          EXPECT_EQ(ping.target, msg::id_tag(successor(n)));
          EXPECT_FALSE(ping.suspected);
          probes.on_ack(group, successor(n), {ping.number, 0, 0, {}}, now);
        }
    }
  }
  ASSERT_EQ(pings.size(), 4u);
  for (const auto& [to, count] : pings)
    EXPECT_NEAR(count, 20, 1);
}

TEST_F(FailureProbes, EscalatesThenSuspectsThenDeclares) {
  make_group(2 + 8);
  const auto silent = successor(1);
  run_answered(2s, {});
  std::map<std::string, instant> first;
  const auto note = [&](const char* what) { first.try_emplace(what, now); };
  std::optional<instant> asked;
  std::vector<probe_schedule::decision> decided;
  while (decided.empty() && now < start + 10s) {
    decided = run(1ms);
    const auto out = take();
    for (const auto& [to, ping] : sent<msg::gossip_ping>(out)) {
      const bool dead = to == group.table.find(silent)->ping_address();
      if (dead && !asked)
        asked = now;
      if (dead && ping.suspected)
        note("suspected");
      for (const auto& id : ids())
        if (!dead && group.table.find(id)->ping_address() == to) {
          probes.hear_answer(group, now);
          probes.on_ack(group, id, {ping.number, 0, 0, {}}, now);
        }
    }
    const auto requests = sent<msg::gossip_ping_request>(out);
    if (!requests.empty()) {
      EXPECT_EQ(requests.size(), 3u);
      EXPECT_EQ(requests[0].second.target, silent);
      note("requested");
    }
    if (!sent<msg::gossip_suspicion>(out).empty()) {
      EXPECT_EQ(sent<msg::gossip_suspicion>(out).size(), 4u);
      note("told");
    }
  }
  ASSERT_TRUE(asked);
  EXPECT_EQ(first["requested"] - *asked, 300ms);
  EXPECT_EQ(first["suspected"] - *asked, 900ms);
  EXPECT_EQ(first["told"] - *asked, 900ms);
  ASSERT_EQ(decided.size(), 1u);
  EXPECT_EQ(decided[0].target, silent);
  EXPECT_EQ(decided[0].reason, msg::news_reason::silent_for_one);
  EXPECT_EQ(now - *asked, 900ms + group.config.verdict_alone);
}

TEST_F(FailureProbes, ARelayedAnswerIsASignOfLife) {
  make_group(6);
  const auto silent = successor(1);
  for (int i = 0; i < 1'000; ++i) {
    const auto decided = run(10ms);
    ASSERT_TRUE(decided.empty());
    const auto out = take();
    EXPECT_TRUE(sent<msg::gossip_suspicion>(out).empty());
    for (const auto& [to, ping] : sent<msg::gossip_ping>(out))
      for (const auto& id : ids())
        if (id != silent && group.table.find(id)->ping_address() == to)
          probes.on_ack(group, id, {ping.number, 0, 0, {}}, now);
    for (const auto& [to, request] : sent<msg::gossip_ping_request>(out))
      probes.on_relayed_ack(group, {request.number, request.target, 0}, now);
  }
}

TEST_F(FailureProbes, AnOldAnswerIsNoSignOfLife) {
  make_group(2);
  keep_company = true;
  run(0ms);
  std::vector<std::uint16_t> numbers;
  std::vector<probe_schedule::decision> decided;
  while (decided.empty() && now < start + 10s) {
    decided = run(10ms);
    for (const auto& [to, ping] : sent<msg::gossip_ping>(take()))
      numbers.push_back(ping.number);
    // The first ping's answer comes again and again.
    if (now > start + 600ms + probe_schedule::ack_fresh)
      probes.on_ack(group, make_record(2).id, {numbers.front(), 0, 0, {}}, now);
  }
  EXPECT_EQ(decided.size(), 1u);
  EXPECT_LE(now - start, group.config.verdict_pair + 1ms);
}

TEST_F(FailureProbes, AnAnswerToNoQuestionIsNoSignOfLife) { // SPEC M4
  make_group(6);
  keep_company = true;
  const auto silent = successor(1);
  std::vector<probe_schedule::decision> decided;
  while (decided.empty() && now < start + 10s) {
    decided = run(10ms);
    std::set<std::uint16_t> asked;
    for (const auto& [to, request] : sent<msg::gossip_ping_request>(group.out))
      asked.insert(request.number);
    for (const auto& [to, ping] : sent<msg::gossip_ping>(take())) {
      asked.insert(ping.number);
      for (const auto& id : ids())
        if (id != silent && group.table.find(id)->ping_address() == to)
          probes.on_ack(group, id, {ping.number, 0, 0, {}}, now);
    }
    for (const auto number : asked) {
      const auto wrong = static_cast<std::uint16_t>(number + 1'000);
      probes.on_ack(group, silent, {wrong, 0, 0, {}}, now);
      probes.on_relayed_ack(group, {wrong, silent, 0}, now);
    }
  }
  ASSERT_EQ(decided.size(), 1u);
  EXPECT_EQ(decided[0].target, silent);
}

// The meter tells of the network. A target that was suspected and answers has
// stalled; one whose first ping alone is unanswered has lost a packet.
TEST_F(FailureProbes, OnlyLostRoundTripsOfLiveTargetsCountAsLoss) { // SPEC M5
  make_group(10);
  const auto target = successor(1);
  const auto loss = [&] { return probes.status(group, now).lost_permille; };
  run_answered(20s);
  run_answered(1'600ms, {target});
  const auto seen = probes.status(group, now).targets;
  ASSERT_TRUE(std::ranges::any_of(
    seen, [&](const auto& x) { return x.id == target && x.suspected_for; }));
  run_answered(5s);
  EXPECT_EQ(loss(), 0u);
  run_answered(700ms, {target}); // Its first ping, and two more.
  for (const auto& x : probes.status(group, now).targets)
    EXPECT_FALSE(x.suspected_for);
  run_answered(5s);
  EXPECT_GT(loss(), 0u);
}

// M4: ring neighbours that crash together leave nobody unmonitored.
TEST_F(FailureProbes, WalksPastSuspects) {
  make_group(20);
  const std::set<msg::member_id> dead{successor(1), successor(2), successor(3)};
  run_answered(2s, dead);
  std::set<endpoint> pinged;
  for (int i = 0; i < 60; ++i) {
    run(10ms);
    for (const auto& [to, ping] : sent<msg::gossip_ping>(take()))
      pinged.insert(to);
  }
  for (std::size_t n = 1; n <= 7; ++n)
    EXPECT_TRUE(pinged.contains(group.table.find(successor(n))->ping_address()))
      << n;
  EXPECT_EQ(pinged.size(), 7u);
}

TEST_F(FailureProbes, WhoIsNoTargetIsForgotten) { // I5
  make_group(20);
  const auto far = successor(4);
  run_answered(2s, {far}); // Suspected for a second.
  ASSERT_FALSE(sent<msg::gossip_suspicion>([&] {
                 run(300ms);
                 return take();
               }())
                 .empty());
  // Four come in between, and it is no target any more.
  std::uint8_t added = 0;
  for (std::uint8_t i = 21; i < 250 && added < 4; ++i) {
    const auto hash = msg::stable_hash(make_record(i).id);
    const auto mine = msg::stable_hash(group.self.id);
    const auto its = msg::stable_hash(far);
    if (hash - mine < its - mine) {
      group.admit(make_record(i), "test", now);
      ++added;
    }
  }
  ASSERT_EQ(added, 4);
  run_answered(10ms, {far});
  // They leave again: it is a target anew, and the old silence is forgotten.
  for (std::uint8_t i = 21; i < 250; ++i)
    if (group.table.find(make_record(i).id) != nullptr) {
      msg::news_item gone{
        msg::member_change::left, msg::news_reason::goodbye, {}, group.self.id};
      gone.member.id = make_record(i).id;
      group.retire(gone, now);
    }
  const auto again = now;
  const auto decided = run_answered(10s, {far});
  ASSERT_EQ(decided.size(), 1u);
  EXPECT_GE(now - again,
            group.config.suspect_after + group.config.verdict_alone);
}

// I6: nobody answers, so it is this node that is cut off.
TEST_F(FailureProbes, AccusesNobodyWhileNobodyAnswers) {
  make_group(6);
  const auto decided = run(29s);
  EXPECT_TRUE(decided.empty());
  // The first half second may not know yet that all are silent.
  take();
  run(500ms);
  const auto out = take();
  EXPECT_FALSE(sent<msg::gossip_ping>(out).empty());
  EXPECT_TRUE(sent<msg::gossip_suspicion>(out).empty());
  for (const auto& [to, ping] : sent<msg::gossip_ping>(out))
    EXPECT_FALSE(ping.suspected);
  // Somebody answers again: everybody gets the whole time again.
  probes.hear_answer(group, now);
  const auto again = now;
  keep_company = true;
  EXPECT_FALSE(run(10s).empty());
  EXPECT_GE(now - again,
            group.config.suspect_after + group.config.verdict_alone);
}

// SPEC M5: it answers a suspicion with a higher counter, to whom it concerns.
TEST_F(FailureProbes, RefutesWhatIsSaidAgainstIt) {
  make_group(10);
  const auto accuser = successor(5);
  probes.on_suspicion(group, accuser, {group.self.id, 0, 900}, now);
  EXPECT_EQ(group.refutations, 1u);
  const auto said = sent<msg::gossip_alive>(take());
  EXPECT_EQ(said.size(), 5u); // Its four monitors, and the accuser.
  for (const auto& [to, alive] : said)
    EXPECT_EQ(alive, (msg::gossip_alive{group.self.id, 1}));
  // Again: already refuted.
  probes.on_suspicion(group, accuser, {group.self.id, 0, 1'200}, now);
  EXPECT_EQ(group.refutations, 1u);
  EXPECT_EQ(sent<msg::gossip_alive>(take()).size(), 1u);
  // By ping.
  probes.on_ping(group, accuser, {}, {5, 0, 0, 1, {}}, now);
  EXPECT_EQ(group.refutations, 2u);
  const auto acks = sent<msg::gossip_ack>(take());
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].second.refutations, 2u);
  // A counter that cannot be exceeded is noise.
  probes.on_ping(group, accuser, {}, {6, 0, 0, ~std::uint32_t{0}, {}}, now);
  EXPECT_EQ(group.refutations, 2u);
}

// The suspect does not reach its accuser; a monitor in between helps.
TEST_F(FailureProbes, PassesARefutationOn) {
  make_group(10);
  run_answered(2s);
  const auto target = successor(1);
  const auto accuser = successor(6);
  probes.on_suspicion(group, accuser, {target, 0, 900}, now);
  run(0ms);
  const auto pings = sent<msg::gossip_ping>(take());
  ASSERT_FALSE(pings.empty()); // At once.
  EXPECT_EQ(pings[0].first, group.table.find(target)->ping_address());
  EXPECT_EQ(pings[0].second.suspected, 0u);
  probes.on_ack(group, target, {pings[0].second.number, 1, 0, {}}, now);
  const auto told = sent<msg::gossip_alive>(take());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].first, accuser.address());
  EXPECT_EQ(told[0].second, (msg::gossip_alive{target, 1}));
  // The accuser repeats itself, and hears it again.
  probes.on_suspicion(group, accuser, {target, 0, 1'200}, now);
  EXPECT_EQ(sent<msg::gossip_alive>(take()).size(), 1u);
}

TEST_F(FailureProbes, PingsForOthers) {
  make_group(10);
  run_answered(1s);
  const auto requester = successor(5);
  const auto target = successor(6);
  probes.on_ping_request(group, requester, {77, target, 4}, now);
  const auto pings = sent<msg::gossip_ping>(take());
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_EQ(pings[0].first, group.table.find(target)->ping_address());
  EXPECT_EQ(pings[0].second.suspected, 4u);
  const msg::gossip_ack ack{pings[0].second.number, 5, 0, {}};
  probes.on_ack(group, successor(7), ack, now); // Of somebody else.
  EXPECT_TRUE(take().empty());
  probes.on_ack(group, target, ack, now);
  const auto relayed = sent<msg::gossip_relayed_ack>(take());
  ASSERT_EQ(relayed.size(), 1u);
  EXPECT_EQ(relayed[0].first, group.table.find(requester)->ping_address());
  EXPECT_EQ(relayed[0].second, (msg::gossip_relayed_ack{77, target, 5}));
  probes.on_ack(group, target, ack, now); // Once.
  EXPECT_TRUE(take().empty());
}

// The answer may take as long as one of its own pings, and counts no longer.
TEST_F(FailureProbes, WaitsForAnAnswerThatOthersWant) { // SPEC M5
  make_group(10);
  run_answered(1s);
  const auto target = successor(6);
  for (const bool fresh : {true, false}) {
    take();
    probes.on_ping_request(group, successor(5), {77, target, {}}, now);
    const auto pings = sent<msg::gossip_ping>(take());
    ASSERT_EQ(pings.size(), 1u);
    run_answered(probe_schedule::ack_fresh + (fresh ? -100ms : 700ms));
    probes.on_ack(group, target, {pings[0].second.number, 5, 0, {}}, now);
    EXPECT_EQ(sent<msg::gossip_relayed_ack>(take()).size(), fresh ? 1u : 0u);
  }
}

TEST_F(FailureProbes, AsksForMonitorsWhenNobodyPings) {
  make_group(10);
  run_answered(1'490ms);
  const auto predecessors = group.ring.predecessors(group.self.id, 4);
  std::set<endpoint> asked;
  for (int i = 0; i < 3; ++i) {
    run(10ms);
    for (const auto& [to, ask] : sent<msg::gossip_watch_request>(take()))
      asked.insert(to);
  }
  std::set<endpoint> expected;
  for (const auto& id : predecessors)
    expected.insert(id.address());
  EXPECT_EQ(asked, expected);
  // A ping of a monitor is enough; one of somebody far away is not.
  for (int i = 0; i < 30; ++i) {
    probes.on_ping(group, predecessors[3], {}, {1, 0, 0, {}, {}}, now);
    run(100ms);
    EXPECT_TRUE(sent<msg::gossip_watch_request>(take()).empty());
  }
}

// Once a second from each: with ten members that is the random probe of each.
TEST_F(FailureProbes, TakesNoRandomProbeForMonitoring) {
  make_group(10);
  const auto predecessors = group.ring.predecessors(group.self.id, 8);
  std::size_t asked = 0;
  for (std::size_t i = 0; i < 290; ++i) {
    if (i % 13 == 0)
      probes.on_ping(group, predecessors[i / 13 % 8], {}, {1, 0, 0, {}, {}},
                     now);
    run(10ms);
    asked += sent<msg::gossip_watch_request>(take()).size();
  }
  EXPECT_EQ(asked, 4u) << "each of the four, at 1.5 s";
}

TEST_F(FailureProbes, MonitorsWhoAsksForATime) {
  make_group(20);
  run_answered(1s);
  const auto lonely = successor(9);
  const auto pings_in = [&](std::chrono::milliseconds time) {
    std::size_t count = 0;
    for (auto end = now + time; now < end;) {
      run(10ms);
      for (const auto& [to, ping] : sent<msg::gossip_ping>(take()))
        for (const auto& id : ids())
          if (group.table.find(id)->ping_address() == to) {
            count += id == lonely ? 1 : 0;
            probes.on_ack(group, id, {ping.number, 0, 0, {}}, now);
          }
    }
    return count;
  };
  EXPECT_EQ(pings_in(2s), 0u);
  probes.watch(lonely, group, now);
  EXPECT_NEAR(static_cast<double>(pings_in(10s)), 20, 1);
  EXPECT_EQ(pings_in(2s), 0u);
}

} // namespace
} // namespace dfs::core::test
