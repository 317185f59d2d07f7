#include "core/versions/coordinator.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"

#include "core/versions/replica_answers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

// What became of a put is told for long after its manifest has forgotten it
// (docs/protocols/versioned_files.md, "Past outcomes").

namespace dfs::core {
namespace {

using test::answer_in;

using namespace std::chrono_literals;

constexpr store_id self{1};
constexpr store_id second{2};
constexpr store_id third{3};
constexpr inode_id file{5};
constexpr group_ballot ballot{200};
const msg::group_set set{
  group_id{9}, group_epoch{100}, {3, 2, 2}, {self, second, third}};
const instant start = instant{} + 1h;

put_writer writer(std::uint64_t x) {
  return put_writer{x};
}

msg::file_manifest put_by(msg::file_manifest x, std::uint64_t who) {
  msg::file_version v;
  v.kind = msg::version_kind::deleted; // Without bytes to wait for.
  v.put = {writer(who), 1};
  return add_version(std::move(x), v, {}, 0);
}

msg::file_manifest
puts(std::uint64_t first, std::uint64_t last, msg::file_manifest x = {}) {
  for (auto who = first; who <= last; ++who)
    x = put_by(std::move(x), who);
  return x;
}

put_knowledge::kind known_of(const msg::file_manifest& x, std::uint64_t who) {
  return look_up(x, {writer(who), 1}).what;
}

// -- manifests ----------------------------------------------------------------

using kind = put_knowledge::kind;

TEST(Leaving, AnOutcomeLeavesOneManifestLaterThanItIsForgotten) { // SPEC S11
  auto x = puts(1, writers_max);
  EXPECT_TRUE(msg::leaving_of(x).empty());
  x = put_by(x, 100);
  ASSERT_EQ(msg::leaving_of(x).size(), 1u);
  EXPECT_EQ(msg::leaving_of(x)[0].put.writer, writer(1));
  EXPECT_EQ(known_of(x, 1), kind::known);
  EXPECT_EQ(look_up(x, {writer(1), 2}).what, kind::forgotten) << "a new number";
  x = bar(x, {writer(100), 2}); // Of a writer that it knows.
  EXPECT_EQ(known_of(x, 1), kind::known) << "nothing else has left";
  x = put_by(x, 101);
  EXPECT_EQ(known_of(x, 1), kind::forgotten);
  EXPECT_EQ(known_of(x, 2), kind::known);
  EXPECT_TRUE(shows_what_left(x));
  check_manifest(x);
}

TEST(Leaving, ALateWriterStaysAndOthersLeaveWithTheNextOne) {
  auto x = puts(10, 9 + writers_max);
  x = put_by(x, 5);
  EXPECT_TRUE(msg::leaving_of(x).empty()) << "it would be the lowest";
  x = put_by(x, 100);
  ASSERT_EQ(msg::leaving_of(x).size(), 2u);
  EXPECT_EQ(known_of(x, 5), kind::known);
  EXPECT_EQ(known_of(x, 10), kind::known);
  check_manifest(x);
}

TEST(Leaving, AKeptVersionTellsOfItsPut) {
  auto x = puts(1, 1);
  for (std::uint64_t who = 2; who < 80; ++who)
    x = bar(x, {writer(who), 1});
  EXPECT_EQ(look_up(x, {writer(1), 1}).version, version_number{1});
  EXPECT_EQ(known_of(x, 2), kind::forgotten);
}

// -- replicas -----------------------------------------------------------------

replica_rows active_rows() {
  replica_rows rows;
  rows.group.role = replica_role::active;
  rows.group.set = set;
  rows.group.promised = group_ballot{100};
  return rows;
}

struct PastOutcomes : testing::Test {
  replica_limits limits;
  replica_machine machine = made({});
  instant now = start;
  std::uint64_t serial = 0;
  msg::file_manifest manifest;

  replica_machine made(replica_rows rows) const {
    if (rows == replica_rows{})
      rows = active_rows();
    return {self, set.group, std::move(rows), {}, limits};
  }
  void store(const replica_effects& all) {
    for (const auto& x : all)
      if (const auto* rows = std::get_if<store_rows>(&x))
        store(machine.stored(rows->ticket, now));
  }
  void accept() {
    store(machine.accept(
      7, second, {set.group, set.epoch, file, {ballot, ++serial}, manifest, 0},
      now));
  }
  void put(std::uint64_t first, std::uint64_t last) {
    for (auto who = first; who <= last; ++who) {
      manifest = put_by(manifest, who);
      accept();
    }
  }
  void restart() {
    machine = made(machine.rows());
  }
  void pass(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end; now += 10s)
      store(machine.tick(now));
  }
  msg::outcome_found
  found(std::uint64_t who, group_epoch epoch = set.epoch) const {
    const auto all = machine.find(1, {set.group, epoch, file, writer(who)});
    const auto* x = answer_in<msg::outcome_found>(all);
    EXPECT_NE(x, nullptr);
    return x ? *x : msg::outcome_found{};
  }
  bool remembers(std::uint64_t who) const {
    const auto x = found(who);
    return x.outcomes.size() == 1 && x.outcomes[0].put.writer == writer(who);
  }
};

TEST_F(PastOutcomes, AreKeptOverRestartsForTheirLife) { // SPEC S11
  put(1, 200);
  for (std::uint64_t who = 1; who <= 200 - writers_max; ++who)
    EXPECT_TRUE(remembers(who)) << who;
  EXPECT_FALSE(remembers(300));
  EXPECT_EQ(found(300).floor, put_writer{});
  pass(limits.outcomes.life - 1min);
  EXPECT_TRUE(remembers(1));
  restart();
  // The clock of another life, which begins anywhere.
  now = instant{};
  pass(limits.outcomes.life - 1min);
  EXPECT_TRUE(remembers(1)) << "its age is counted again, not guessed";
  pass(3min);
  EXPECT_FALSE(remembers(1));
  EXPECT_GE(found(1).floor, writer(1)) << "it could not tell any more";
  EXPECT_LT(found(1).floor, writer(200));
  restart();
  EXPECT_GE(found(1).floor, writer(1));
  machine.check();
}

TEST_F(PastOutcomes, ThatAreTooManyGoOldestFirst) {
  limits.outcomes.most = 50;
  machine = made({});
  put(1, 200);
  pass(1s);
  EXPECT_EQ(machine.rows().past.rows.size(), 50u);
  EXPECT_FALSE(remembers(118));
  EXPECT_EQ(found(118).floor, writer(118));
  EXPECT_TRUE(remembers(119));
}

TEST_F(PastOutcomes, OfAManifestThatWasMissedAreNotClaimed) {
  put(1, 40);
  manifest = puts(41, 60, manifest); // This server was away.
  accept();
  EXPECT_TRUE(remembers(8));
  EXPECT_FALSE(remembers(9));
  EXPECT_TRUE(remembers(60 - writers_max));
}

TEST_F(PastOutcomes, ThatNobodyWroteDownRaiseTheFloor) {
  put(1, 3);
  // As an older version of this program made them.
  manifest = puts(4, 60, manifest);
  std::erase_if(manifest.outcomes, [&](const msg::put_outcome& x) {
    return x.put.writer <= manifest.floor;
  });
  accept();
  EXPECT_EQ(found(9).floor, manifest.floor);
  // And as it accepted them.
  auto rows = active_rows();
  rows.files[file] = {{ballot, 1}, true, puts(1, 60)};
  machine = made(rows);
  EXPECT_EQ(found(9).floor, writer(60 - writers_max));
  put(61, 61);
  EXPECT_EQ(machine.rows().past.floor, found(9).floor) << "for the next start";
}

TEST_F(PastOutcomes, OfAFormerSetRaiseTheFloor) {
  auto rows = active_rows();
  rows.next = msg::installed_group{set, 0, {}};
  rows.next->set.epoch = group_epoch{101};
  rows.next->files[file] = {{ballot, 1}, true, puts(1, 60)};
  machine = made(rows);
  EXPECT_EQ(found(9).floor, put_writer{});
  store(machine.activate(1, {set.group, group_epoch{101}}));
  EXPECT_EQ(found(9, group_epoch{101}).floor, writer(60 - writers_max));
}

// -- the primary --------------------------------------------------------------

template <class T>
std::size_t count(const coordinator_effects& all) {
  std::size_t sum = 0;
  for (const auto& x : all)
    if (const auto* y = std::get_if<send_replica>(&x))
      sum += std::holds_alternative<T>(y->what) ? 1u : 0u;
  return sum;
}

std::optional<answer_put_settled> told(const coordinator_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<answer_put_settled>(&x))
      return *y;
  return std::nullopt;
}

struct Search : testing::Test {
  coordinator machine{{}, set, ballot, self};
  version_time now{start, 0};
  const msg::file_state state{{ballot, 60}, true, puts(1, 60)};

  void SetUp() override {
    (void) machine.begin(now);
    for (const auto from : {self, second})
      (void) machine.on_promised(from, {set.group, ballot, 0}, now);
    for (const auto from : {self, second})
      (void) machine.on_listed(
        from, {set.group, ballot, {}, {{file, state.stamp, true}}, true}, now);
  }
  coordinator_effects ask(std::uint64_t who, std::uint64_t sequence = 1) {
    msg::settle_put x;
    x.group = set.group;
    x.epoch = set.epoch;
    x.file = file;
    x.put = {writer(who), sequence};
    return machine.settle(1, x, &state, now.now + 5s, now);
  }
  coordinator_effects found(store_id from, std::uint64_t who,
                            std::vector<msg::put_outcome> outcomes,
                            std::uint64_t floor = 0) {
    return machine.on_found(from, {set.group, set.epoch, file, writer(who),
                                   std::move(outcomes), writer(floor)});
  }
};

TEST_F(Search, TellsWhatAnyReplicaRemembers) { // SPEC S11
  EXPECT_EQ(told(ask(40))->answer->version, version_number{40}) << "at once";
  EXPECT_EQ(count<msg::find_outcome>(ask(7)), 3u);
  EXPECT_FALSE(told(found(self, 7, {}, 9)));
  const auto out = found(third, 7, {{{writer(7), 1}, version_number{7}}});
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer->version, version_number{7});
  EXPECT_FALSE(told(found(second, 7, {}))) << "once";
}

TEST_F(Search, SaysNeverOnlyWhereOneOfThemWouldKnow) { // SPEC S11
  (void) ask(7);
  EXPECT_FALSE(told(found(self, 7, {}))) << "W may be the other two";
  EXPECT_FALSE(told(found(self, 7, {}))) << "a repetition";
  auto out = found(second, 7, {});
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer->version, version_number{}) << "not done";
  // Who has dropped some of that age, or later ones, proves nothing.
  (void) ask(8);
  (void) found(self, 8, {}, 8);
  (void) found(second, 8, {}, 7);
  out = found(third, 8, {}, 20);
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer.error().code, ec::not_found);
}

TEST_F(Search, OfOnePutOfAWriterDoesNotTellOfAnEarlierOne) {
  (void) ask(7, 1);
  auto out = found(third, 7, {{{writer(7), 2}, version_number{9}}});
  EXPECT_EQ(told(out)->answer.error().code, ec::not_found);
}

// Its row is of a proposal that others have overtaken, and it was away when the
// writer put again.
TEST_F(Search, OfAnEarlierPutOfAWriterTellsNothingOfThisOne) { // SPEC S11, V11
  const std::vector<msg::put_outcome> earlier{
    {{writer(7), 1}, version_number{4}}};
  (void) ask(7, 2);
  EXPECT_FALSE(told(found(self, 7, earlier)));
  auto out = found(third, 7, {{{writer(7), 2}, version_number{9}}});
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer->version, version_number{9});
  // Where N - W + 1 have nothing later it was never done.
  (void) ask(7, 3);
  EXPECT_FALSE(told(found(self, 7, earlier)));
  out = found(second, 7, {});
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer->version, version_number{});
}

TEST_F(Search, GoesOnUntilItsTimeIsOver) {
  (void) ask(7);
  (void) found(self, 7, {});
  now.now += 1s;
  EXPECT_EQ(count<msg::find_outcome>(machine.tick(now)), 2u) << "those silent";
  now.now += 5s;
  const auto out = machine.tick(now);
  ASSERT_TRUE(told(out));
  EXPECT_EQ(told(out)->answer.error().code, ec::outcome_unknown);
}

} // namespace
} // namespace dfs::core
