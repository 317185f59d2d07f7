#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"

#include "core/versions/replica_answers.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using test::answer_in;

constexpr store_id here{1};
constexpr store_id primary{2};
constexpr group_id group{9};
constexpr group_epoch epoch{100};
constexpr inode_id file{5};
constexpr instant now{};

replica_rows active_rows() {
  replica_rows rows;
  rows.group.role = replica_role::active;
  rows.group.set = {group, epoch, {3, 2, 2}, {here, primary, store_id{3}}};
  rows.group.promised = group_ballot{100};
  return rows;
}

msg::accept_manifest
manifest(std::uint64_t ballot, std::uint64_t serial, std::uint64_t writer) {
  msg::file_version v;
  v.put = v.content = {put_writer{writer}, 1};
  return {group,
          epoch,
          file,
          {group_ballot{ballot}, serial},
          add_version({}, v, {}, 0),
          0};
}

const store_rows* rows_in(const replica_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<store_rows>(&x))
      return y;
  return nullptr;
}

struct Replica : testing::Test {
  replica_machine machine{here, group, active_rows(), {}};

  // Accepts at once, as if the content had come along.
  replica_effects accept_whole(const msg::accept_manifest& x) {
    auto out = machine.content_held(x.manifest.versions[0].content, now);
    auto more = machine.accept(7, primary, x, now);
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
};

TEST_F(Replica, AnswersAPutWhenItIsDurableWithItsContent) { // SPEC V2
  const auto x = manifest(101, 1, 1);
  auto out = machine.accept(7, primary, x, now);
  EXPECT_EQ(rows_in(out), nullptr) << "without its content";
  out = machine.content_held(x.manifest.versions[0].content, now);
  const auto* rows = rows_in(out);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(answer_in<msg::manifest_accepted>(out), nullptr);
  EXPECT_TRUE(machine.rows().files.empty()) << "shown before it is durable";
  out = machine.stored(rows->ticket, now);
  const auto* done = answer_in<msg::manifest_accepted>(out);
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->stamp, x.stamp);
  machine.check();
}

TEST_F(Replica, ARepetitionIsNotAnsweredEarlierThanTheFirst) { // SPEC V2
  const auto one = rows_in(accept_whole(manifest(101, 1, 1)))->ticket;
  const auto x = manifest(101, 2, 2);
  const auto two = rows_in(accept_whole(x))->ticket;
  EXPECT_EQ(rows_in(machine.accept(8, primary, x, now)), nullptr);
  auto out = machine.stored(one, now);
  const auto* first = answer_in<msg::manifest_accepted>(out);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->stamp.serial, 1u);
  out = machine.stored(two, now);
  EXPECT_EQ(out.size(), 2u) << "both who asked";
}

TEST_F(Replica, InstallsNoSetOlderThanItsOwn) { // SPEC V6
  msg::install_group older;
  older.set = {group, group_epoch{50}, {3, 2, 2}, {here, store_id{8}}};
  older.sources = {primary};
  const auto out = machine.install(7, older, now);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_NE(answer_in<msg::group_refused>(out), nullptr);
}

// A group that nobody uses costs its disk nothing.
TEST_F(Replica, WritesNothingWhileNothingChanges) {
  for (auto later = now; later < now + 10s; later += 1s)
    EXPECT_EQ(rows_in(machine.tick(later)), nullptr);
}

TEST_F(Replica, KeepsItsPromise) { // SPEC V3
  auto out = machine.promise(1, {group, epoch, group_ballot{200}});
  const auto* rows = rows_in(out);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(answer_in<msg::ballot_promised>(out), nullptr);
  // From the moment it is asked, not from when it is durable.
  out = accept_whole(manifest(150, 1, 1));
  ASSERT_NE(answer_in<msg::group_refused>(out), nullptr);
  EXPECT_EQ(answer_in<msg::group_refused>(out)->promised, group_ballot{200});
  EXPECT_NE(answer_in<msg::ballot_promised>(machine.stored(1, now)), nullptr);
  // After a restart as well.
  replica_machine again{here, group, machine.rows(), {}};
  EXPECT_NE(answer_in<msg::group_refused>(
              again.promise(1, {group, epoch, group_ballot{150}})),
            nullptr);
}

TEST_F(Replica, WhatIsForgottenDoesNotComeBackLate) { // SPEC V8
  auto x = manifest(101, 1, 1);
  x.manifest.versions[0].kind = msg::version_kind::deleted;
  x.manifest = close(x.manifest, 0);
  auto out = machine.accept(7, primary, x, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  out = machine.forget(7, {group, epoch, group_ballot{100}, file, 44});
  EXPECT_NE(answer_in<msg::group_refused>(out), nullptr) << "a former primary";
  out = machine.forget(7, {group, epoch, group_ballot{101}, file, 44});
  ASSERT_NE(rows_in(out), nullptr);
  EXPECT_NE(
    answer_in<msg::file_forgotten>(machine.stored(rows_in(out)->ticket, now)),
    nullptr);
  auto late = manifest(101, 9, 1);
  late.forgotten = 43;
  EXPECT_EQ(rows_in(accept_whole(late)), nullptr);
  late.file = inode_id{6};
  late.forgotten = 44;
  EXPECT_NE(rows_in(accept_whole(late)), nullptr) << "a new file";
}

// The newest version is not closed: somebody can put to it yet.
TEST_F(Replica, ForgetsNothingThatIsNotClosed) { // SPEC V8
  const auto out = accept_whole(manifest(101, 1, 1));
  (void) machine.stored(rows_in(out)->ticket, now);
  const auto answer
    = machine.forget(7, {group, epoch, group_ballot{101}, file, 44});
  EXPECT_NE(answer_in<msg::group_refused>(answer), nullptr);
  EXPECT_EQ(rows_in(answer), nullptr);
}

// Who asks must not take it for one of a later epoch.
TEST_F(Replica, ThatIsOfNoGroupSaysThatItIsNotThere) { // SPEC V8
  replica_machine none{here, group, {}, {}};
  const auto out = none.read(1, {group, epoch, file, {}});
  const auto* refused = answer_in<msg::group_refused>(out);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->code, ec::unavailable);
}

// An order is repeated until it is answered; the answer is a promise.
TEST_F(Replica, ARepeatedQuarantineIsAnsweredWhenItIsDurable) { // SPEC V7
  using order = msg::rejoin_order;
  const msg::rejoin_group x{group, epoch, order::quarantine, {}, {}};
  const auto out = machine.rejoin(1, x, now);
  ASSERT_NE(rows_in(out), nullptr);
  EXPECT_EQ(answer_in<msg::group_rejoined>(machine.rejoin(2, x, now)), nullptr);
  EXPECT_NE(
    answer_in<msg::group_rejoined>(machine.stored(rows_in(out)->ticket, now)),
    nullptr);
}

// A put costs each replica one row, but for the first one of a primary.
TEST_F(Replica, WritesItsOwnRowWithANewBallotOnly) { // SPEC V2
  const auto first = accept_whole(manifest(101, 1, 1));
  EXPECT_EQ(rows_in(first)->changes.size(), 2u);
  const auto second = accept_whole(manifest(101, 2, 2));
  EXPECT_EQ(rows_in(second)->changes.size(), 1u);
}

// The source has forgotten less than this one, and knows more of the file.
TEST_F(Replica, RefilledItHasTheNewerStateOfAFileThatItHas) { // SPEC V7
  auto rows = active_rows();
  rows.group.forgotten = 44;
  machine = replica_machine{here, group, rows, {}};
  auto x = manifest(101, 1, 1);
  x.forgotten = 44;
  (void) machine.stored(rows_in(accept_whole(x))->ticket, now);
  using order = msg::rejoin_order;
  auto out = machine.rejoin(1, {group, epoch, order::quarantine, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  (void) machine.rejoin(1, {group, epoch, order::refill, {primary}, {}}, now);
  const auto y = manifest(102, 2, 2);
  (void) machine.content_held(y.manifest.versions[0].content, now);
  out = machine.on_fetched(
    primary,
    {group, epoch, false, {}, 43, {{file, {y.stamp, true, y.manifest}}}, true},
    now);
  ASSERT_NE(rows_in(out), nullptr);
  (void) machine.stored(rows_in(out)->ticket, now);
  EXPECT_EQ(machine.rows().files.at(file).stamp, y.stamp);
}

// A source that is gone is not waited for.
TEST_F(Replica, IsWipedWhenTheGroupHasGoneOnWithoutIt) { // SPEC V7
  const auto x = manifest(101, 1, 1);
  const auto one = rows_in(accept_whole(x))->ticket;
  const auto y = manifest(102, 2, 2); // On its way when the order comes.
  const auto two = rows_in(accept_whole(y))->ticket;
  EXPECT_TRUE(machine.drop({group, epoch}).empty()) << "it is of that set";
  auto out = machine.drop({group, group_epoch{200}});
  const auto* rows = rows_in(out);
  ASSERT_NE(rows, nullptr);
  const auto wiped = rows->ticket;
  EXPECT_NE(answer_in<msg::group_refused>(
              machine.read(9, msg::read_file_state{group, epoch, file, {}})),
            nullptr);
  (void) machine.stored(one, now);
  (void) machine.stored(two, now);
  out = machine.stored(wiped, now);
  std::set<msg::put_id> gone;
  for (const auto& each : out)
    if (const auto* contents = std::get_if<drop_contents>(&each))
      gone.insert(contents->contents.begin(), contents->contents.end());
  EXPECT_TRUE(gone.contains(y.manifest.versions[0].content));
  EXPECT_TRUE(machine.rows().files.empty());
  EXPECT_TRUE(machine.is_empty());
  EXPECT_EQ(machine.rows().group.promised, group_ballot{102})
    << "a promise is for good";
  EXPECT_TRUE(machine.drop({group, group_epoch{200}}).empty());
  machine.check();
}

// Its rows would say of a later life what is settled.
TEST_F(Replica, WipedItTakesNoWordOfWhatIsSettled) { // SPEC V7
  const auto x = manifest(101, 1, 1);
  (void) machine.stored(rows_in(accept_whole(x))->ticket, now);
  ASSERT_NE(rows_in(machine.drop({group, group_epoch{200}})), nullptr);
  ASSERT_TRUE(machine.rows().files.contains(file)) << "not on the disk yet";
  EXPECT_TRUE(machine.commit({group, epoch, file, x.stamp}).empty());
}

// It may be a member again, of a set that knows nothing of what it had done.
TEST_F(Replica, WipedItIsInQuarantineNoLonger) { // SPEC V7
  using order = msg::rejoin_order;
  auto out = machine.rejoin(1, {group, epoch, order::quarantine, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  ASSERT_TRUE(machine.rows().group.quarantined);
  out = machine.drop({group, group_epoch{200}});
  ASSERT_NE(rows_in(out), nullptr);
  (void) machine.stored(rows_in(out)->ticket, now);
  EXPECT_TRUE(machine.is_empty());
  EXPECT_FALSE(machine.rows().group.quarantined);
}

TEST_F(Replica, RefillsFromOthersWhenItIsToldSo) { // SPEC V7
  using order = msg::rejoin_order;
  const auto asked = [](const replica_effects& all) {
    std::vector<store_id> whom;
    for (const auto& x : all)
      if (const auto* ask = std::get_if<ask_replica>(&x))
        whom.push_back(ask->to);
    return whom;
  };
  auto out = machine.rejoin(1, {group, epoch, order::quarantine, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  out
    = machine.rejoin(1, {group, epoch, order::refill, {store_id{3}}, {}}, now);
  EXPECT_EQ(asked(out), std::vector{store_id{3}});
  out
    = machine.rejoin(1, {group, epoch, order::refill, {store_id{3}}, {}}, now);
  EXPECT_EQ(asked(out), std::vector<store_id>{}) << "it is under way";
  out = machine.rejoin(1, {group, epoch, order::refill, {primary}, {}}, now);
  EXPECT_EQ(asked(out), std::vector{primary});
  out
    = machine.on_fetched(primary, {group, epoch, false, {}, 0, {}, true}, now);
  ASSERT_NE(rows_in(out), nullptr);
  out = machine.stored(rows_in(out)->ticket, now);
  EXPECT_NE(answer_in<msg::group_rejoined>(out), nullptr);
}

// As after a start: the store may have gone back.
TEST_F(Replica, InDoubtItAnswersNothing) { // SPEC V3, V7
  (void) machine.stored(rows_in(accept_whole(manifest(101, 1, 1)))->ticket,
                        now);
  machine.doubt(true);
  const msg::promise_ballot ask{group, epoch, group_ballot{200}};
  EXPECT_NE(answer_in<msg::group_refused>(machine.promise(1, ask)), nullptr);
  EXPECT_NE(
    answer_in<msg::group_refused>(machine.read(1, {group, epoch, file, {}})),
    nullptr);
  EXPECT_NE(answer_in<msg::group_refused>(accept_whole(manifest(102, 2, 1))),
            nullptr);
  EXPECT_NE(answer_in<msg::group_refused>(
              machine.seal(3, {group, epoch, group_ballot{300}})),
            nullptr);
  machine.doubt(false);
  EXPECT_NE(
    answer_in<msg::file_state_read>(machine.read(1, {group, epoch, file, {}})),
    nullptr);
}

// What it has beside was forgotten by the others since, and it has promised
// what it does not know any more.
TEST_F(Replica, RefilledAfterItWentBackItHasWhatTheOthersHave) { // SPEC V7
  (void) machine.stored(rows_in(accept_whole(manifest(101, 1, 1)))->ticket,
                        now);
  machine.doubt(true);
  using order = msg::rejoin_order;
  const msg::rejoin_group refill{
    group, epoch, order::refill, {primary}, group_ballot{500}};
  EXPECT_NE(answer_in<msg::group_refused>(machine.rejoin(1, refill, now)),
            nullptr)
    << "not in quarantine yet";
  auto out = machine.rejoin(1, {group, epoch, order::quarantine, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  (void) machine.rejoin(1, refill, now);
  out
    = machine.on_fetched(primary, {group, epoch, false, {}, 0, {}, true}, now);
  ASSERT_NE(rows_in(out), nullptr);
  (void) machine.stored(rows_in(out)->ticket, now);
  EXPECT_FALSE(machine.rows().files.contains(file));
  EXPECT_FALSE(machine.rows().group.quarantined);
  EXPECT_EQ(machine.rows().group.promised, group_ballot{500});
}

TEST_F(Replica, SealedAnswersNothingOfItsEpoch) { // SPEC V4
  auto out = machine.seal(3, {group, epoch, group_ballot{300}});
  ASSERT_NE(rows_in(out), nullptr);
  EXPECT_NE(answer_in<msg::group_refused>(accept_whole(manifest(299, 1, 1))),
            nullptr);
  EXPECT_NE(
    answer_in<msg::group_refused>(machine.read(1, {group, epoch, file, {}})),
    nullptr);
  EXPECT_EQ(
    answer_in<msg::group_fetched>(machine.fetch(1, {group, epoch, true, {}})),
    nullptr)
    << "not durable yet";
  EXPECT_NE(
    answer_in<msg::group_sealed>(machine.stored(rows_in(out)->ticket, now)),
    nullptr);
  EXPECT_NE(
    answer_in<msg::group_fetched>(machine.fetch(1, {group, epoch, true, {}})),
    nullptr);
}

TEST_F(Replica, InQuarantineItCountsForNothingAndIsTakenBackWhole) { // SPEC V7
  const auto x = manifest(101, 1, 1);
  (void) machine.stored(rows_in(accept_whole(x))->ticket, now);
  using order = msg::rejoin_order;
  auto out = machine.rejoin(1, {group, epoch, order::quarantine, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  EXPECT_NE(
    answer_in<msg::group_refused>(machine.read(1, {group, epoch, file, {}})),
    nullptr);
  EXPECT_NE(answer_in<msg::group_refused>(
              machine.promise(1, {group, epoch, group_ballot{200}})),
            nullptr);
  out = machine.rejoin(1, {group, epoch, order::take_back, {}, {}}, now);
  (void) machine.stored(rows_in(out)->ticket, now);
  out = machine.read(1, {group, epoch, file, {}});
  ASSERT_NE(answer_in<msg::file_state_read>(out), nullptr);
  EXPECT_EQ(answer_in<msg::file_state_read>(out)->state.stamp, x.stamp);
}

} // namespace
} // namespace dfs::core
