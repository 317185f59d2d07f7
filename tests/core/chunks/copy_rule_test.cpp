#include "core/chunks/master_steps.hpp"

// SPEC G10: which replicas count, and what has to be known of a chunk before it
// is copied.

namespace dfs::core {
namespace {

using namespace test;

msg::chunk_extent at(std::uint64_t version, std::uint64_t serial) {
  const auto length = static_cast<std::uint32_t>(100 * serial);
  return {chunk_version{version}, mutation_serial{serial}, length, length};
}

/// A master that has just started, and a chunk of a file of former days.
struct CopyRule : Master {
  /// The third of its servers does not come; the fourth is empty.
  void start(const msg::chunk_extent& row, const msg::chunk_extent& reported) {
    load(row);
    enrol(1, reported);
    enrol(2, reported);
    enrol(4, {});
    gather();
  }

  void gather() {
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }

  /// Fences, lease and its end, of a grant that nobody asked for.
  void grant(const msg::chunk_extent& here,
             const std::vector<std::uint8_t>& members) {
    ASSERT_EQ(orders<msg::fence_chunk>(), members.size());
    for (const auto n : members)
      fence_at(n, here);
    // Others have to hear of it.
    for (int i = 0; i < 3 && orders<msg::take_lease>() == 0; ++i)
      pass(500ms);
    ASSERT_EQ(orders<msg::take_lease>(), 1u);
    take({}, here);
  }

  /// The primary gives back what it leads.
  void give_back(msg::chunk_extent here) {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (std::holds_alternative<msg::release_lease>(i->order)) {
        const auto token = i->token;
        asked.erase(i);
        here.version
          = chunk_version{machine->state().table.find(chunk)->version};
        machine->answered(
          token, server_reply{msg::lease_released{{chunk, here}, true}}, now);
        perform();
        return;
      }
    ADD_FAILURE() << "nobody was asked to give anything back";
  }

  std::optional<ask_server> copy_order() {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (std::holds_alternative<msg::copy_chunk>(i->order)) {
        auto found = std::move(*i);
        asked.erase(i);
        return found;
      }
    return std::nullopt;
  }

  void finish(const ask_server& copy, const msg::chunk_extent& made) {
    machine->answered(copy.token,
                      server_reply{msg::chunk_copied{{chunk, made}}}, now);
    perform();
  }

  std::uint64_t missing() const {
    return report_status(*machine, {}, now).under_replicated;
  }

  bool holds(std::uint8_t n) const {
    return machine->state().table.holds(
      *machine->state().servers.find(store_id{n}), chunk);
  }
};

// Row (2, 0): granted again while it was empty, and appended to since.
TEST_F(CopyRule, WhatIsCommittedIsAskedBeforeItIsCopied) { // SPEC G10, I2
  start(at(2, 0), at(2, 12));
  EXPECT_FALSE(copy_order()) << "of a chunk of unknown length";
  grant(at(2, 12), {1, 2});
  pass(100ms);
  give_back(at(3, 12));
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  const auto& order = std::get<msg::copy_chunk>(copy->order);
  EXPECT_EQ(order.wanted.extent, at(3, 12));
  EXPECT_EQ(number_of(*copy), 4);
  EXPECT_EQ(missing(), 1u);
  finish(*copy, at(3, 12));
  EXPECT_EQ(missing(), 0u);
}

TEST_F(CopyRule, WhatHasGrownSinceItsRowIsRepairedToo) { // SPEC G10
  start(at(2, 9), at(2, 12));
  grant(at(2, 12), {1, 2});
  pass(100ms);
  give_back(at(3, 12));
  ASSERT_TRUE(copy_order());
}

// There is no other server, and a good replica is better than none.
TEST_F(CopyRule, ABadReplicaIsReplacedWhereItIs) { // SPEC G10
  load(at(2, 9));
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, at(2, 9));
  gather();
  ASSERT_EQ(missing(), 0u);
  beat(3, {chunk}); // Its replica is damaged.
  gather();
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  EXPECT_EQ(number_of(*copy), 3);
}

TEST_F(CopyRule, WhatIsAsItsRowSaysIsCopiedAtOnce) { // SPEC G10
  start(at(2, 9), at(2, 9));
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  ASSERT_TRUE(copy_order());
}

// Who was called behind by a former master has the version revoked until it
// gets a higher one: it is no source, and this master has not heard of that.
TEST_F(CopyRule, WhatIsRevokedAtItsSourceGetsANewVersion) { // SPEC G10
  start(at(2, 9), at(2, 9));
  for (int i = 0; i < 2; ++i) {
    const auto copy = copy_order();
    ASSERT_TRUE(copy);
    machine->answered(copy->token, fail(ec::stale), now);
    perform();
    EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
    pass(500ms);
    pass(500ms);
  }
  EXPECT_FALSE(copy_order());
  grant(at(2, 9), {1, 2});
  for (int i = 0; i < 4 && orders<msg::release_lease>() == 0; ++i)
    pass(500ms);
  give_back(at(3, 9));
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  finish(*copy, at(3, 9));
  EXPECT_EQ(missing(), 0u);
}

// Fewer than may acknowledge a change have it: it is settled all the same.
TEST_F(CopyRule, TheLastHolderSettlesAndIsCopied) { // SPEC G10
  load(at(2, 9));
  enrol(1, at(2, 12));
  enrol(4, {});
  enrol(5, {});
  gather();
  grant(at(2, 12), {1});
  pass(100ms);
  give_back(at(3, 12));
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  finish(*copy, at(3, 12));
  pass(100ms);
  ASSERT_TRUE(copy_order()) << "the third";
}

// Found by the simulation (storm, 3 servers): what it has was revoked when it
// told of it, so nobody could copy it, and nobody was fenced for want of
// copies.
TEST_F(CopyRule, TheLastHolderUnderAnOpenIntentSettlesToo) { // SPEC G10, I8
  load(at(2, 9));
  machine->load_version_row({.chunk = chunk,
                             .file = inode_id{5},
                             .extent = at(2, 9),
                             .replication = 3,
                             .intent = chunk_version{3},
                             .set = {store_id{1}, store_id{2}, store_id{3}}});
  enrol(1, at(2, 9));
  enrol(4, {});
  enrol(5, {});
  gather();
  while (const auto futile = copy_order()) {
    machine->answered(futile->token, fail(ec::stale), now); // It is revoked.
    perform();
  }
  grant(at(2, 9), {1});
  for (int i = 0; i < 20 && orders<msg::release_lease>() == 0; ++i)
    pass(100ms);
  give_back(at(4, 9));
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  EXPECT_EQ(std::get<msg::copy_chunk>(copy->order).wanted.extent, at(4, 9));
}

TEST_F(CopyRule, AReaderOfTheLastHolderIsTold) { // SPEC G3
  load(at(2, 9));
  enrol(1, at(2, 12));
  gather();
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  grant(at(2, 12), {1});
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer) << answers[0].answer.error().context;
  EXPECT_EQ(answers[0].answer->extent, at(3, 12));
  const auto place = machine->locate({.chunks = {{.chunk = chunk}}}, now);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->chunks[0].committed, at(3, 12));
  EXPECT_FALSE(place->chunks[0].growing);
  // A writer waits for a second one.
  machine->lease(2, {chunk, {}, chunk_version{3}}, now);
  gather();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
}

// Its server has not been away for long: the others may follow.
TEST_F(CopyRule, TheLastHolderIsNotSettledInHaste) { // SPEC G10
  load(at(2, 9));
  enrol(1, at(2, 12));
  enrol(2, at(2, 12));
  // Later the two of them would have settled it, whoever asked.
  for (int i = 0; i < 4; ++i)
    pass(500ms);
  machine->link_lost(store_id{2}, boot(2), now);
  machine->probed(1, boot(2), true, now);
  perform();
  servers.erase(2);
  machine->lease(1, {chunk, {}, {}}, now);
  for (int i = 0; i < 3; ++i)
    pass(500ms);
  ASSERT_FALSE(machine->state().servers.guessing(now));
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  gather();
  EXPECT_EQ(orders<msg::fence_chunk>(), 1u);
}

/// The third has died; the fourth is being made a copy of version 2.
struct Overtaken : CopyRule {
  std::optional<ask_server> copy;

  Overtaken() {
    start(at(2, 9), at(2, 9));
    copy = copy_order();
    EXPECT_TRUE(copy);
    // A writer does not wait for it.
    machine->lease(1, {chunk, {}, {}}, now);
    for (int i = 0; i < 20 && orders<msg::fence_chunk>() == 0; ++i)
      pass(100ms);
    fence_at(1, at(2, 9));
    fence_at(2, at(2, 9));
    pass(500ms); // The fourth hears that version 2 is revoked.
    pass(500ms);
    take({}, at(2, 9));
    EXPECT_EQ(answers.size(), 1u);
  }
};

TEST_F(Overtaken, ACopyOfTheNewVersionDoesNotCount) { // SPEC G3, G10
  finish(*copy, at(3, 9));
  EXPECT_FALSE(holds(4));
  EXPECT_EQ(missing(), 1u);
}

TEST_F(Overtaken, NorDoesOneThatIsToldOf) { // SPEC G3, G10
  msg::chunk_heartbeat x;
  x.store = store_id{4};
  x.boot = boot(4);
  x.term = machine->state().term;
  x.sequence = ++sequences[4];
  x.heard = last_heard[4];
  x.volumes = {{4, 1u << 30, 1u << 30, false, "/disk"}};
  x.arrived = {{chunk, at(3, 9)}};
  const auto answer = machine->heartbeat(x, now);
  perform();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(holds(4)) << "the primary sends it no changes";
  ASSERT_EQ(answer->revoked.size(), 1u);
  EXPECT_EQ(answer->revoked[0].extent.version, chunk_version{4})
    << "nor must it serve what it has";
}

TEST_F(Overtaken, NorDoesOneOfTheOldVersion) { // SPEC G3, G10
  finish(*copy, at(2, 9));
  EXPECT_FALSE(holds(4));
  EXPECT_EQ(missing(), 1u);
}

/// The third has died; the fourth was ordered a copy of version 2, and may be
/// at it while the chunk goes on.
struct CopyUnderWay : CopyRule {
  CopyUnderWay() {
    start(at(2, 9), at(2, 9));
  }

  void refuse(ec why) {
    const auto copy = copy_order();
    ASSERT_TRUE(copy);
    EXPECT_EQ(number_of(*copy), 4);
    machine->answered(copy->token, fail(why), now);
    perform();
  }

  /// @returns whether somebody is made primary before the fourth has heard.
  bool goes_on_at_once() {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    fence_at(1, at(2, 9));
    fence_at(2, at(2, 9));
    const bool at_once = orders<msg::take_lease>() == 1;
    pass(500ms); // The fourth hears that version 2 is revoked,
    pass(500ms); // and says so.
    EXPECT_EQ(orders<msg::take_lease>(), 1u);
    return at_once;
  }
};

// Found by the simulation (storm, seed 10394): it served a reader later on.
TEST_F(CopyUnderWay, IsReckonedWithIfItsServerIsBusy) { // SPEC G3, G10
  refuse(ec::busy);
  EXPECT_FALSE(goes_on_at_once());
}

TEST_F(CopyUnderWay, IsReckonedWithWhateverBecameOfALaterOrder) {
  // SPEC G3, G10
  refuse(ec::timed_out);
  pass(500ms);
  refuse(ec::stale);
  EXPECT_FALSE(goes_on_at_once());
}

TEST_F(CopyUnderWay, IsNoneIfItWasRefused) { // SPEC G14
  refuse(ec::stale);
  EXPECT_TRUE(goes_on_at_once());
}

/// Three servers have a chunk; the disk of the third goes back to an older day.
struct RolledBack : CopyRule {
  RolledBack() {
    load(at(2, 9));
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, at(2, 9));
    gather();
    EXPECT_EQ(missing(), 0u);
  }

  /// A new life of all of them, of which only the third is not as it was.
  void come_back(const msg::chunk_extent& third) {
    ++lives;
    servers.clear();
    enrol(1, at(2, 9));
    enrol(2, at(2, 9));
    enrol(3, third);
  }
};

TEST_F(RolledBack, DoesNotCountAndIsNotServed) { // SPEC G3, G10
  come_back(at(2, 7));
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{3});
  EXPECT_EQ(told.node_lease_ms, 0u) << "before it has heard";
  pass(100ms);
  EXPECT_FALSE(holds(3));
  EXPECT_EQ(missing(), 1u);
  const auto report
    = machine->check_chunks({{chunk}, {}}, now)->chunks.at(0).replicas;
  EXPECT_EQ(std::ranges::count(report, msg::replica_condition::behind,
                               &msg::replica_report::what),
            1);
}

TEST_F(RolledBack, IsMadeAnew) { // SPEC G10
  come_back(at(2, 7));
  gather();
  grant(at(2, 9), {1, 2});
  pass(100ms);
  give_back(at(3, 9));
  const auto copy = copy_order();
  ASSERT_TRUE(copy);
  EXPECT_EQ(number_of(*copy), 3);
  finish(*copy, at(3, 9));
  EXPECT_TRUE(holds(3));
  EXPECT_EQ(missing(), 0u);
}

TEST_F(RolledBack, NeverCausesTheDeletionOfAFullOne) { // SPEC G8
  enrol(4, at(2, 9));
  come_back(at(2, 7));
  enrol(4, at(2, 9));
  for (int i = 0; i < 200; ++i)
    pass(500ms);
  for (const auto& x : asked)
    if (const auto* order = std::get_if<msg::delete_chunks>(&x.order))
      EXPECT_TRUE(order->chunks.empty() || number_of(x) == 3);
}

/// All that are here have less than was committed.
struct AllBehind : CopyRule {
  void start(bool durable) {
    auto how = options(2);
    how.config.durable = durable;
    machine.emplace(how, now);
    for (std::uint8_t n = 1; n <= 3; ++n)
      machine->load_server_row(
        {store_id{n}, "store-" + std::to_string(n), "",
         *endpoint::parse("10.0.0." + std::to_string(n) + ":7405")});
    load(at(2, 9));
    enrol(1, at(2, 7));
    enrol(2, at(2, 8));
    gather();
  }
};

TEST_F(AllBehind, WaitsForTheOthersWhereDisksAreDurable) { // SPEC G3
  start(true);
  EXPECT_EQ(report_status(*machine, {}, now).unavailable, 1u);
  machine->lease(1, {chunk, {}, {}}, now);
  gather();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  EXPECT_EQ(report_status(*machine, {}, now).lost, 0u);
  ASSERT_TRUE(machine->forget({"store-3", true}, now));
  pass(500ms);
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u) << "nobody else can have more";
}

TEST_F(AllBehind, GoesOnWithWhatIsLeftOfAMemory) { // SPEC G10
  start(false);
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u);
  fence_at(1, at(2, 7));
  fence_at(2, at(2, 8));
  ASSERT_EQ(orders<msg::take_lease>(), 1u);
  EXPECT_EQ(number_of(asked.back()), 2) << "the one that has most";
}

} // namespace
} // namespace dfs::core
