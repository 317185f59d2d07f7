#include "core/links/link_plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using msg::link_state;

constexpr link_config config;
constexpr auto start = instant{} + 1h;

msg::member_record member(const std::string& name, std::uint64_t start_ms) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), 7401, start_ms};
  x.name = name;
  x.control_port = 7402;
  return x;
}

const auto master = member("master-1", 1);

template <class T>
std::optional<T> find(const link_effects& effects) {
  for (const auto& x : effects) {
    if (const auto* found = std::get_if<T>(&x))
      return *found;
  }
  return std::nullopt;
}

struct LinkPlan : ::testing::Test {
  link_plan plan{config, rng{7}};
  instant now = start;

  static msg::introduction answer_of(const msg::member_record& who) {
    return {who, boot_id{9}, msg::control_protocol, msg::control_protocol_min};
  }

  link_effects answer(std::uint64_t sequence, std::uint32_t credits = 4) {
    return plan.heartbeat_answered(
      {boot_id{9}, plan.epoch(), sequence, credits}, now);
  }

  // To `up`; the first heartbeat is number 1.
  void link() {
    if (plan.status(now).state == link_state::waiting)
      wait();
    EXPECT_TRUE(
      find<ask_introduction>(plan.directory_found(plan.epoch(), now)));
    EXPECT_TRUE(find<send_heartbeat>(
      plan.introduced(plan.epoch(), answer_of(master), now)));
    now += 3ms;
    EXPECT_TRUE(find<link_changed>(answer(1)));
    ASSERT_EQ(state(), link_state::up);
    plan.check();
  }

  link_effects wait() {
    now = *plan.next_deadline();
    return plan.tick(now);
  }

  [[nodiscard]] link_state state() const {
    return plan.status(now).state;
  }
};

} // namespace

TEST_F(LinkPlan, RestsWithoutAPeer) { // I4
  EXPECT_EQ(state(), link_state::idle);
  EXPECT_FALSE(plan.next_deadline());
  EXPECT_TRUE(plan.tick(now).empty());
  plan.check();
}

TEST_F(LinkPlan, GoesUpStepByStep) { // I2
  const auto first = plan.aim_at(master, now);
  const auto search = find<find_directory>(first);
  ASSERT_TRUE(search);
  EXPECT_EQ(search->peer, master);
  EXPECT_EQ(search->within, config.connect_timeout);
  EXPECT_EQ(state(), link_state::connecting);
  EXPECT_TRUE(plan.aim_at(master, now).empty());
  const auto ask = plan.directory_found(search->epoch, now);
  EXPECT_EQ(find<ask_introduction>(ask)->epoch, search->epoch);
  const auto beat = plan.introduced(search->epoch, answer_of(master), now);
  EXPECT_EQ(find<send_heartbeat>(beat)->sequence, 1u);
  EXPECT_EQ(state(), link_state::confirming);
  now += 3ms;
  EXPECT_EQ(find<link_changed>(answer(1))->state, link_state::up);
  now += 1s;
  const auto seen = plan.status(now);
  EXPECT_EQ(seen.peer, master.id);
  EXPECT_EQ(seen.round_trip, 3ms);
  EXPECT_EQ(seen.since, 1s);
  EXPECT_EQ(seen.heartbeats, 1u);
  EXPECT_EQ(seen.failures, 0u);
}

TEST_F(LinkPlan, BeatsEachHalfSecond) {
  static_cast<void>(plan.aim_at(master, now));
  link();
  for (std::uint64_t sequence = 2; sequence < 10; ++sequence) {
    const auto before = now;
    EXPECT_TRUE(plan.tick(now).empty());
    const auto beat = find<send_heartbeat>(wait());
    ASSERT_TRUE(beat);
    EXPECT_EQ(beat->sequence, sequence);
    EXPECT_LE(now - before, config.heartbeat);
    EXPECT_TRUE(answer(sequence).empty());
  }
}

// The shell looks at its clock now and then only.
TEST_F(LinkPlan, BeatsAsOftenOnACoarseClock) {
  static_cast<void>(plan.aim_at(master, now));
  link();
  const auto end = now + 30s;
  std::uint64_t beats = 0;
  for (; now < end; now += 90ms) {
    if (const auto beat = find<send_heartbeat>(plan.tick(now))) {
      ++beats;
      static_cast<void>(answer(beat->sequence));
    }
  }
  EXPECT_GE(beats, 59u);
  EXPECT_LE(beats, 61u);
}

TEST_F(LinkPlan, RefusesWhoeverIsNotTheOneItLooksFor) { // I2
  auto later = master;
  later.id.start_ms = 2;
  auto renamed = master;
  renamed.name = "master-2";
  auto old = answer_of(master);
  old.protocol = msg::control_protocol_min - 1;
  auto newer = answer_of(master);
  newer.protocol_min = newer.protocol = msg::control_protocol + 1;
  static_cast<void>(plan.aim_at(master, now));
  for (const auto& who : {answer_of(later), answer_of(renamed), old, newer}) {
    static_cast<void>(plan.directory_found(plan.epoch(), now));
    const auto effects = plan.introduced(plan.epoch(), who, now);
    EXPECT_FALSE(find<send_heartbeat>(effects));
    EXPECT_TRUE(find<drop_link>(effects));
    EXPECT_EQ(state(), link_state::waiting);
    EXPECT_FALSE(plan.status(now).cause.empty());
    static_cast<void>(wait());
    plan.check();
  }
  EXPECT_EQ(plan.status(now).failures, 4u);
}

TEST_F(LinkPlan, IsLostAfterThreeMissesInARow) {
  static_cast<void>(plan.aim_at(master, now));
  link();
  const error late{ec::timed_out, "heartbeat"};
  const auto miss = [&] {
    const auto beat = find<send_heartbeat>(wait());
    return plan.heartbeat_failed(beat->epoch, beat->sequence, late, now);
  };
  EXPECT_TRUE(miss().empty());
  EXPECT_TRUE(miss().empty());
  const auto beat = find<send_heartbeat>(wait());
  EXPECT_TRUE(answer(beat->sequence).empty()); // Starts the count again.
  EXPECT_TRUE(miss().empty());
  EXPECT_TRUE(miss().empty());
  const auto end = miss();
  EXPECT_EQ(find<drop_link>(end)->peer, master);
  EXPECT_EQ(find<link_changed>(end)->state, link_state::waiting);
  plan.check();
}

TEST_F(LinkPlan, GivesUpAnAttemptWhoseFirstHeartbeatIsRefused) {
  static_cast<void>(plan.aim_at(master, now));
  static_cast<void>(plan.directory_found(plan.epoch(), now));
  static_cast<void>(plan.introduced(plan.epoch(), answer_of(master), now));
  const auto end = plan.heartbeat_failed(
    plan.epoch(), 1, {ec::not_member, "not in my list"}, now);
  EXPECT_TRUE(find<drop_link>(end));
  EXPECT_NE(plan.status(now).cause.find("not in my list"), std::string::npos);
}

TEST_F(LinkPlan, TriesAgainSoonWhenAStableLinkIsLost) {
  static_cast<void>(plan.aim_at(master, now));
  link();
  now += config.stable;
  const auto end = plan.connection_lost(plan.epoch(), now);
  EXPECT_TRUE(find<drop_link>(end));
  EXPECT_LE(*plan.next_deadline() - now, config.wait_first * 3 / 2);
  const auto before = plan.epoch();
  link();
  EXPECT_GT(plan.epoch(), before); // I1
}

TEST_F(LinkPlan, WaitsLongerAfterEachFailureUpToALimit) {
  static_cast<void>(plan.aim_at(master, now));
  std::chrono::nanoseconds expected = config.wait_first;
  for (int round = 0; round < 100; ++round) {
    const auto end
      = plan.attempt_failed(plan.epoch(), {ec::unavailable, "refused"}, now);
    ASSERT_TRUE(find<link_changed>(end));
    const auto pause = *plan.next_deadline() - now;
    EXPECT_GE(pause, expected / 2);
    EXPECT_LE(pause, expected * 3 / 2);
    expected
      = std::min<std::chrono::nanoseconds>(2 * expected, config.wait_max);
    ASSERT_TRUE(find<find_directory>(wait()));
  }
}

// A peer that accepts and drops at once must not be hammered.
TEST_F(LinkPlan, WaitsLongerForLinksThatDoNotStand) {
  static_cast<void>(plan.aim_at(master, now));
  for (int round = 0; round < 10; ++round) {
    link();
    static_cast<void>(plan.connection_lost(plan.epoch(), now));
  }
  EXPECT_GE(*plan.next_deadline() - now, config.wait_max / 2);
}

TEST_F(LinkPlan, SpreadsOutThoseWhoLostTheSameMaster) {
  std::vector<instant> due;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    link_plan one{config, rng{seed}};
    static_cast<void>(one.aim_at(master, now));
    static_cast<void>(
      one.attempt_failed(one.epoch(), {ec::unavailable, ""}, now));
    due.push_back(*one.next_deadline());
  }
  const auto [first, last] = std::minmax_element(due.begin(), due.end());
  EXPECT_GT(*last - *first, 70ms);
}

TEST_F(LinkPlan, TurnsToANewIncarnationAtOnce) { // C7
  static_cast<void>(plan.aim_at(master, now));
  link();
  auto later = master;
  later.id.start_ms = 2;
  const auto turn = plan.aim_at(later, now);
  EXPECT_EQ(find<drop_link>(turn)->peer, master);
  EXPECT_EQ(find<find_directory>(turn)->peer, later);
  const auto rest = plan.aim_at(std::nullopt, now);
  EXPECT_EQ(find<drop_link>(rest)->peer, later);
  EXPECT_EQ(state(), link_state::idle);
  plan.check();
}

// Datagrams are lost, or somebody was wrong: the link knows better.
TEST_F(LinkPlan, KeepsAPeerThatAnswersAndOfWhichTheGroupHasLostSight) { // I5
  static_cast<void>(plan.aim_at(master, now));
  link();
  const auto hint = plan.aim_at(std::nullopt, now);
  EXPECT_FALSE(find<drop_link>(hint));
  const auto probe = find<send_heartbeat>(hint);
  ASSERT_TRUE(probe) << "it is asked at once";
  static_cast<void>(answer(probe->sequence));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(plan.aim_at(std::nullopt, now).empty());
    const auto beat = find<send_heartbeat>(wait());
    ASSERT_TRUE(beat);
    static_cast<void>(answer(beat->sequence));
    ASSERT_EQ(state(), link_state::up);
    plan.check();
  }
  EXPECT_TRUE(plan.aim_at(master, now).empty()) << "it is listed again";
  static_cast<void>(plan.connection_lost(plan.epoch(), now));
  EXPECT_EQ(state(), link_state::waiting);
}

// Datagrams are lost for long, and meanwhile the connection breaks once. The
// list may lose sight of the peer before or after that.
TEST_F(LinkPlan, MakesALinkAnewOfWhichTheGroupHasLostSight) { // I5
  static_cast<void>(plan.aim_at(master, now));
  link();
  static_cast<void>(plan.aim_at(std::nullopt, now));
  const auto end = plan.connection_lost(plan.epoch(), now);
  EXPECT_EQ(find<drop_link>(end)->peer, master);
  EXPECT_EQ(state(), link_state::waiting);
  EXPECT_LE(*plan.next_deadline() - now, config.wait_first * 3 / 2);
  link();
  static_cast<void>(plan.aim_at(master, now));
  static_cast<void>(plan.connection_lost(plan.epoch(), now));
  static_cast<void>(plan.aim_at(std::nullopt, now));
  EXPECT_EQ(state(), link_state::waiting);
  link();
}

TEST_F(LinkPlan, RestsWhenSuchAPeerIsSilentForLong) { // I5
  static_cast<void>(plan.aim_at(master, now));
  link();
  const auto last = now;
  static_cast<void>(plan.aim_at(std::nullopt, now));
  static_cast<void>(plan.connection_lost(plan.epoch(), now));
  while (state() != link_state::idle && now < last + 1h) {
    static_cast<void>(wait());
    static_cast<void>(
      plan.attempt_failed(plan.epoch(), {ec::unavailable, "refused"}, now));
    plan.check();
  }
  EXPECT_GE(now, last + config.kept_for);
  EXPECT_LE(now, last + config.kept_for + 2 * config.wait_max);
  EXPECT_FALSE(plan.next_deadline());
}

TEST_F(LinkPlan, RestsAtAGoodbye) { // I5
  EXPECT_TRUE(plan.rest(now).empty());
  static_cast<void>(plan.aim_at(master, now));
  link();
  EXPECT_EQ(find<drop_link>(plan.rest(now))->peer, master);
  EXPECT_EQ(state(), link_state::idle);
  plan.check();
  static_cast<void>(plan.aim_at(master, now));
  link();
  static_cast<void>(plan.connection_lost(plan.epoch(), now));
  EXPECT_FALSE(find<drop_link>(plan.rest(now)));
  EXPECT_FALSE(plan.next_deadline());
  static_cast<void>(plan.aim_at(std::nullopt, now));
  EXPECT_EQ(state(), link_state::idle);
}

// A shell that never says what came of some heartbeats takes no credit from the
// others for good, and one that says so of none has no link.
TEST_F(LinkPlan, TakesForgottenHeartbeatsForMisses) { // I6
  static_cast<void>(plan.aim_at(master, now));
  link();
  std::uint64_t answered = 0;
  for (int i = 0; i < 200; ++i)
    if (const auto beat = find<send_heartbeat>(wait());
        beat && beat->sequence % 2 == 0) {
      ++answered;
      static_cast<void>(answer(beat->sequence));
    }
  EXPECT_EQ(state(), link_state::up);
  EXPECT_GE(answered, 10u);
  for (int i = 0; i < 20 && state() == link_state::up; ++i)
    static_cast<void>(wait());
  EXPECT_EQ(state(), link_state::waiting);
  EXPECT_NE(plan.status(now).cause.find("not even sent"), std::string::npos);
}

// The peer's subsystem is restarted, its process and the connection stand.
TEST_F(LinkPlan, AsksForTheNextKeeperOverTheSameConnection) { // I7, SPEC S6
  static_cast<void>(plan.aim_at(master, now));
  link();
  const auto epoch = plan.epoch();
  static_cast<void>(wait()); // Heartbeat 2, which nobody answers.
  auto out = plan.keeper_lost(epoch, now);
  EXPECT_TRUE(find<ask_introduction>(out));
  EXPECT_FALSE(find<drop_link>(out));
  EXPECT_EQ(state(), link_state::up);
  plan.check();
  // Not there yet: asked again, while no heartbeat is sent to nobody.
  static_cast<void>(
    plan.heartbeat_failed(epoch, 2, {ec::unavailable, "gone"}, now));
  static_cast<void>(plan.attempt_failed(epoch, {ec::unavailable, ""}, now));
  for (int i = 0; i < 3; ++i) {
    out = wait();
    EXPECT_TRUE(find<ask_introduction>(out));
    EXPECT_FALSE(find<send_heartbeat>(out));
  }
  out = plan.introduced(epoch, answer_of(master), now);
  ASSERT_TRUE(find<send_heartbeat>(out));
  EXPECT_TRUE(find<link_changed>(out) == std::nullopt);
  static_cast<void>(answer(find<send_heartbeat>(out)->sequence));
  EXPECT_EQ(state(), link_state::up);
  EXPECT_EQ(plan.epoch(), epoch);
  EXPECT_EQ(plan.status(now).failures, 0u);
  plan.check();
}

TEST_F(LinkPlan, IsLostWhenNoKeeperFollows) { // I7
  static_cast<void>(plan.aim_at(master, now));
  link();
  const auto lost = now;
  static_cast<void>(plan.keeper_lost(plan.epoch(), now));
  // It names one that has ended, again and again.
  for (int i = 0; i < 20 && state() == link_state::up; ++i) {
    static_cast<void>(plan.introduced(plan.epoch(), answer_of(master), now));
    static_cast<void>(plan.keeper_lost(plan.epoch(), now));
    plan.check();
    static_cast<void>(wait());
  }
  EXPECT_EQ(state(), link_state::waiting);
  EXPECT_GE(now - lost, 3s);
  EXPECT_LE(now - lost, 3'500ms);
}

TEST_F(LinkPlan, TakesNoOtherPeerForTheNextKeeper) { // I2, I7
  static_cast<void>(plan.aim_at(master, now));
  link();
  static_cast<void>(plan.keeper_lost(plan.epoch(), now));
  const auto out
    = plan.introduced(plan.epoch(), answer_of(member("master-1", 2)), now);
  EXPECT_TRUE(find<drop_link>(out));
  EXPECT_EQ(state(), link_state::waiting);
}

// Of two masters that in the higher term counts, whichever the group lists at
// the moment, and whatever their clocks say.
TEST_F(LinkPlan, LeavesAPeerThatAnswersForOneInAHigherTermOnly) { // I5
  auto present = master;
  present.term = master_term{5};
  auto older = present;
  older.id.ip = *ip_address::parse("10.0.0.6");
  auto newer = older;
  older.id.start_ms = 7;
  older.term = master_term{4};
  newer.id.start_ms = 0;
  newer.term = master_term{6};
  static_cast<void>(plan.aim_at(present, now));
  link();
  auto twin = older;
  twin.term = present.term;
  for (const auto& other : {twin, older}) {
    EXPECT_FALSE(find<drop_link>(plan.aim_at(other, now)));
    EXPECT_EQ(state(), link_state::up);
  }
  static_cast<void>(plan.connection_lost(plan.epoch(), now));
  EXPECT_EQ(plan.status(now).peer, older.id) << "it is where to turn then";
  static_cast<void>(plan.aim_at(newer, now));
  EXPECT_EQ(plan.status(now).peer, newer.id);
  plan.check();
}

TEST_F(LinkPlan, IgnoresAnswersToFormerAttempts) { // I1
  static_cast<void>(plan.aim_at(master, now));
  const auto former = plan.epoch();
  link();
  static_cast<void>(plan.connection_lost(former, now));
  static_cast<void>(wait());
  ASSERT_EQ(state(), link_state::connecting);
  EXPECT_TRUE(plan.directory_found(former, now).empty());
  EXPECT_TRUE(plan.introduced(former, answer_of(master), now).empty());
  EXPECT_TRUE(plan.attempt_failed(former, {ec::timed_out, ""}, now).empty());
  EXPECT_TRUE(plan.connection_lost(former, now).empty());
  EXPECT_TRUE(plan.heartbeat_answered({boot_id{9}, former, 1, 4}, now).empty());
  EXPECT_TRUE(
    plan.heartbeat_failed(former, 1, {ec::timed_out, ""}, now).empty());
  EXPECT_EQ(state(), link_state::connecting);
}

TEST_F(LinkPlan, NeverExceedsTheCreditsItWasGranted) { // I3
  static_cast<void>(plan.aim_at(master, now));
  link(); // The answer granted 4.
  for (int count = 0; count < 4; ++count)
    EXPECT_TRUE(find<send_heartbeat>(wait()));
  EXPECT_FALSE(find<send_heartbeat>(wait()));
  EXPECT_TRUE(answer(3, 0).empty()); // No credit at all is read as one.
  EXPECT_FALSE(find<send_heartbeat>(wait()));
  for (const std::uint64_t sequence : {2, 4, 5})
    static_cast<void>(answer(sequence, 1));
  EXPECT_TRUE(find<send_heartbeat>(wait()));
  EXPECT_FALSE(find<send_heartbeat>(wait()));
}

TEST_F(LinkPlan, DoesNotTrustItsShellToAnswer) { // I4
  static_cast<void>(plan.aim_at(master, now));
  EXPECT_EQ(find<link_changed>(wait())->state, link_state::waiting);
  EXPECT_TRUE(find<find_directory>(wait()));
  static_cast<void>(plan.directory_found(plan.epoch(), now));
  EXPECT_EQ(find<link_changed>(wait())->state, link_state::waiting);
}

namespace {

// Anything that may come, stale and doubled.
link_effects random_input(link_plan& plan, rng& random,
                          std::uint64_t last_sequence, instant now) {
  const auto epoch_now = plan.epoch().value();
  const link_epoch epoch{epoch_now - std::min(random.below(2), epoch_now)};
  const auto sequence = last_sequence - random.below(last_sequence + 1);
  const auto peer = random.one_in(2) ? master : member("master-1", 2);
  switch (random.below(10)) {
    case 0:
      if (!random.one_in(10))
        return {};
      return plan.aim_at(random.one_in(4) ? std::nullopt : std::optional{peer},
                         now);
    case 1:
      return plan.directory_found(epoch, now);
    case 2:
      return plan.introduced(
        epoch,
        {peer, boot_id{9}, msg::control_protocol, msg::control_protocol_min},
        now);
    case 3:
    case 4:
      return plan.heartbeat_answered({boot_id{9}, epoch, sequence, 2}, now);
    case 5:
      return plan.heartbeat_failed(epoch, sequence, {ec::timed_out, ""}, now);
    case 6:
      return random.one_in(5)
               ? plan.attempt_failed(epoch, {ec::unavailable, ""}, now)
               : link_effects{};
    case 7:
      if (random.one_in(5))
        return plan.keeper_lost(epoch, now);
      return random.one_in(20) ? plan.connection_lost(epoch, now)
                               : link_effects{};
    default:
      return plan.tick(now);
  }
}

} // namespace

// Goal: I1 to I4 under any traffic. Method: random inputs with epochs and
// sequences around the present ones; `check` after each.
TEST(LinkPlanTraffic, HoldsItsInvariants) {
  int ups = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed); // replays the failure
    rng random{seed};
    link_plan plan{config, rng{seed}};
    auto now = start;
    link_epoch newest;
    std::uint64_t last_sequence = 0;
    for (int step = 0; step < 500; ++step) {
      now += std::chrono::milliseconds{random.below(400)};
      const auto out = random_input(plan, random, last_sequence, now);
      if (const auto search = find<find_directory>(out)) {
        ASSERT_GT(search->epoch, newest); // I1
        newest = search->epoch;
        last_sequence = 0;
      }
      if (const auto beat = find<send_heartbeat>(out)) {
        ASSERT_EQ(beat->epoch, newest);
        ASSERT_EQ(beat->sequence, last_sequence + 1);
        last_sequence = beat->sequence;
      }
      const auto changed = find<link_changed>(out);
      ups += changed && changed->state == link_state::up ? 1 : 0;
      plan.check();
    }
  }
  EXPECT_GT(ups, 100);
}

} // namespace dfs::core
