#include "core/versions/manifest_rules.hpp"

#include "core/versions/coordinator_of_three.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

using test::ballot;
using test::file;
using test::find;
using test::other;
using test::proposal_in;
using test::self;
using test::set;
using test::start;

struct Coordinator : test::coordinator_of_three {
  void SetUp() override {
    (void) machine.begin(now);
  }
  void lead() {
    (void) machine.on_promised(other, {set.group, ballot, 7}, now);
    EXPECT_FALSE(machine.leads()) << "its own promise first";
    (void) machine.on_promised(self, {set.group, ballot, 0}, now);
    EXPECT_TRUE(machine.leads());
  }
  coordinator_effects put(std::uint64_t writer, version_asker asker) {
    return machine.put(asker, put_of(writer), nullptr, start + 1min, now);
  }
  coordinator_effects nothing_there(store_id from) {
    return machine.on_state(from, {set.group, set.epoch, file, ballot, {}, 7},
                            now);
  }
};

TEST_F(Coordinator, AnswersWhenWHaveItAndNotBefore) { // SPEC V2
  lead();
  EXPECT_EQ(proposal_in(put(1, 11)), nullptr) << "it has not looked (C1)";
  EXPECT_EQ(proposal_in(nothing_there(self)), nullptr);
  auto out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto x = *proposal_in(out);
  EXPECT_EQ(find<answer_put>(accepted(self, x)), nullptr);
  EXPECT_EQ(find<answer_put>(accepted(self, x)), nullptr) << "a repetition";
  out = accepted(other, x);
  const auto* done = find<answer_put>(out);
  ASSERT_NE(done, nullptr);
  ASSERT_TRUE(done->answer);
  EXPECT_EQ(done->answer->version, version_number{1});
  EXPECT_EQ(done->answer->copies, 2);
  // The same put again is the same version.
  done = find<answer_put>(out = put(1, 12));
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->answer->version, version_number{1});
  machine.check();
}

TEST_F(Coordinator, IsOverWhenAMemberSaysSo) { // SPEC V3
  lead();
  const auto refused = [&](store_id from, ec code) {
    return machine.on_refused(
      from, {set.group, {}, set.epoch, group_ballot{ballot.value() + 1}, code});
  };
  EXPECT_TRUE(refused(store_id{99}, ec::stale).empty()) << "no member";
  EXPECT_TRUE(refused(store_id{99}, ec::unavailable).empty());
  EXPECT_TRUE(refused(other, ec::unavailable).empty()) << "for a moment";
  EXPECT_TRUE(machine.leads());
  EXPECT_FALSE(refused(other, ec::stale).empty());
  EXPECT_FALSE(machine.leads());
}

TEST_F(Coordinator, SendsAgainToWhoIsSilentWhenItsTimeHasCome) { // SPEC V2
  lead();
  (void) put(1, 11);
  (void) nothing_there(self);
  const auto first = nothing_there(other);
  ASSERT_NE(proposal_in(first), nullptr);
  const coordinator_config config;
  now.now += config.again - 1ms;
  EXPECT_EQ(proposal_in(machine.tick(now)), nullptr);
  now.now += 1ms;
  EXPECT_NE(proposal_in(machine.tick(now)), nullptr);
}

// Who listed nothing yet may have more of other files, not of this one: to look
// again what it is would cost each put a round.
TEST_F(Coordinator, KnowsWhatItHasSettledBeforeTheSurveyIsOver) { // C1
  lead();
  (void) machine.on_listed(self, {set.group, ballot, {}, {}, true}, now);
  (void) put(1, 11);
  (void) nothing_there(self);
  const auto first = nothing_there(other);
  ASSERT_NE(proposal_in(first), nullptr);
  const auto x = *proposal_in(first);
  for (const auto from : set.servers)
    (void) accepted(from, x);
  const auto out = put(2, 12);
  EXPECT_EQ(test::sent<msg::read_file_state>(out), nullptr);
  EXPECT_NE(proposal_in(out), nullptr);
}

TEST_F(Coordinator, SettlesWhatIsHalfDoneFirst) { // SPEC V4
  lead();
  (void) put(1, 11);
  msg::file_state half{{group_ballot{150}, 3}, false, {}};
  half.manifest.versions.push_back({version_number{4}, {}, {}, {}, 0, 0, 0});
  (void) machine.on_state(self, {set.group, set.epoch, file, ballot, half, 7},
                          now);
  auto out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto first = *proposal_in(out);
  EXPECT_EQ(first.manifest, half.manifest);
  EXPECT_GT(first.stamp, half.stamp);
  (void) accepted(self, first);
  out = accepted(other, first);
  ASSERT_NE(proposal_in(out), nullptr) << "now the put";
  EXPECT_EQ(proposal_in(out)->manifest.versions[0].number, version_number{5});
}

TEST_F(Coordinator, ResignsWhenAnotherIsPromisedAndSaysWhatIsNotKnown) { // V4
  lead();
  (void) put(1, 11);
  (void) nothing_there(self);
  (void) nothing_there(other);
  (void) put(2, 12); // Waits behind the first.
  const auto out = machine.on_refused(
    other, {set.group, file, set.epoch, group_ballot{201}, ec::stale});
  EXPECT_NE(find<resign>(out), nullptr);
  std::vector<ec> codes;
  for (const auto& x : out)
    if (const auto* y = std::get_if<answer_put>(&x))
      codes.push_back(y->answer.error().code);
  EXPECT_EQ(codes, (std::vector{ec::outcome_unknown, ec::not_primary}));
  EXPECT_TRUE(machine.over());
}

TEST_F(Coordinator, DoesNotAnswerFromWhatANextPrimaryHasBegun) { // SPEC V4
  lead();
  for (const auto from : {self, other}) // The survey: nothing is there.
    (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  ASSERT_TRUE(machine.settled());
  // Its replica has accepted it from the next primary; W have not.
  const auto x = put_of(1);
  msg::file_version version;
  version.put = version.content = x.put;
  const msg::file_state half{
    {group_ballot{201}, 1}, false, add_version({}, version, {}, 0)};
  const auto out = machine.put(11, x, &half, start + 1min, now);
  const auto* told = find<answer_put>(out);
  ASSERT_NE(told, nullptr);
  ASSERT_FALSE(told->answer);
  EXPECT_EQ(told->answer.error().code, ec::not_primary);
  EXPECT_NE(find<resign>(out), nullptr);
}

TEST_F(Coordinator, WhatIsBarredIsNeverDone) { // SPEC V4
  lead();
  (void) machine.settle(
    21, msg::settle_put{set.group, set.epoch, file, {put_writer{1}, 1}, 7},
    nullptr, start + 1min, now);
  (void) nothing_there(self);
  auto out = nothing_there(other);
  const auto x = *proposal_in(out);
  (void) accepted(self, x);
  out = accepted(other, x);
  const auto* told = find<answer_put_settled>(out);
  ASSERT_NE(told, nullptr);
  ASSERT_TRUE(told->answer);
  EXPECT_EQ(told->answer->version, version_number{});
  out = put(1, 22);
  ASSERT_NE(find<answer_put>(out), nullptr);
  EXPECT_EQ(find<answer_put>(out)->answer.error().code, ec::cancelled);
}

// Else nobody could read it, or the whole group would wait for it. SPEC V9
TEST_F(Coordinator, RestoresWhatTheManifestSays) {
  lead();
  (void) put(1, 11);
  (void) nothing_there(self);
  const auto first = *proposal_in(nothing_there(other));
  (void) accepted(self, first);
  (void) accepted(other, first);
  auto again = put_of(2);
  again.content = put_of(1).put;
  const auto answer = [&](const msg::put_file& x) {
    const auto out = machine.put(12, x, nullptr, start + 1min, now);
    const auto* told = find<answer_put>(out);
    EXPECT_EQ(told == nullptr, proposal_in(out) != nullptr);
    return told == nullptr ? std::nullopt
                           : std::optional{told->answer.error().code};
  };
  auto wrong = again;
  wrong.bytes = 1;
  EXPECT_EQ(answer(wrong), ec::integrity);
  wrong = again;
  wrong.checksum = 1;
  EXPECT_EQ(answer(wrong), ec::integrity);
  EXPECT_EQ(answer(again), std::nullopt);
}

TEST_F(Coordinator, ClosesAndForgetsWhatIsPurged) { // SPEC V5, G12
  lead();
  (void) machine.purge({set.group, file, {}}, nullptr, now);
  msg::file_state there{{group_ballot{150}, 3}, true, {}};
  there.manifest.versions.push_back({version_number{4}, {}, {}, {}, 0, 0, 0});
  (void) machine.on_state(self, {set.group, set.epoch, file, ballot, there, 7},
                          now);
  auto out = machine.on_state(
    other, {set.group, set.epoch, file, ballot, there, 7}, now);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto x = *proposal_in(out);
  ASSERT_EQ(x.manifest.versions.size(), 1u) << "nothing can be restored";
  EXPECT_EQ(x.manifest.versions[0].kind, msg::version_kind::closed);
  EXPECT_EQ(x.manifest.versions[0].number, version_number{5});
  (void) accepted(self, x);
  EXPECT_EQ(find<ask_unlink>(accepted(other, x)), nullptr) << "not all have it";
  EXPECT_EQ(proposal_in(machine.purge({set.group, file, {}}, nullptr, now)),
            nullptr);
  EXPECT_NE(find<ask_unlink>(accepted(store_id{3}, x)), nullptr);
  out = machine.on_unlinked({set.group, file, 50}, now);
  ASSERT_NE(find<send_replica>(out), nullptr);
  for (const auto from : set.servers)
    (void) machine.on_forgotten(from, {set.group, file, 50});
  EXPECT_TRUE(machine.in_work().empty());
  machine.check();
  // Late word of the file: a stamp is never another manifest's.
  (void) machine.purge({set.group, file, {}}, nullptr, now);
  (void) nothing_there(self);
  out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  EXPECT_GT(proposal_in(out)->stamp, x.stamp);
}

// One server is away and has not forgotten it; a restored master has its name
// again, to which others want to put.
TEST_F(Coordinator, HasTheNameFreedOfARestoredMasterToo) { // SPEC G2, V5
  lead();
  for (const auto from : {self, other})
    (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  auto out = machine.purge({set.group, file, {}}, nullptr, now);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto x = *proposal_in(out);
  for (const auto from : set.servers)
    out = accepted(from, x);
  EXPECT_NE(find<ask_unlink>(out), nullptr);
  const auto unlinked = [&](std::uint64_t at) {
    std::set<std::uint64_t> said;
    for (const auto& each : machine.on_unlinked({set.group, file, at}, now))
      if (const auto* sent = std::get_if<send_replica>(&each))
        if (const auto* y = std::get_if<msg::forget_file>(&sent->what))
          said.insert(y->unlinked_at);
    return said;
  };
  EXPECT_EQ(unlinked(50), std::set<std::uint64_t>{50});
  for (const auto from : {self, other})
    (void) machine.on_forgotten(from, {set.group, file, 50});
  now.now += 1h;
  EXPECT_EQ(find<ask_unlink>(machine.tick(now)), nullptr);
  machine.tell_again();
  now.now += 1h;
  EXPECT_NE(find<ask_unlink>(machine.tick(now)), nullptr);
  EXPECT_EQ(unlinked(90), std::set<std::uint64_t>{90});
  // All of them are to know the later position.
  (void) machine.on_forgotten(store_id{3}, {set.group, file, 90});
  EXPECT_FALSE(machine.in_work().empty());
  // What is in work keeps no group from being told: the name is gone.
  machine.told_below({});
  (void) machine.recall({}, 10);
  EXPECT_NE(find<tell_told>(machine.tick(now)), nullptr);
  for (const auto from : {self, other})
    (void) machine.on_forgotten(from, {set.group, file, 90});
  EXPECT_TRUE(machine.in_work().empty());
}

// SPEC G12: the wall clock of one server may be ten years ahead, or behind.
TEST_F(Coordinator, ClosesADeletedFileByTheKeptClock) {
  constexpr std::int64_t ten_years = 315'576'000'000;
  lead();
  for (const auto jump : {ten_years, -ten_years}) {
    const auto before = now;
    now.kept_ms = 1'000'000'000;
    now.wall_ms = now.kept_ms + jump;
    auto deletion = put_of(1);
    deletion.kind = msg::version_kind::deleted;
    deletion.content = {};
    msg::file_manifest there;
    there.versions = {{version_number{1}, {}, {}, {}, 0, 0, now.wall_ms}};
    coordinator leader{{}, set, ballot, self};
    std::swap(machine, leader);
    (void) machine.begin(now);
    lead();
    (void) machine.put(1, deletion, nullptr, start + 1min, now);
    const msg::file_state found{{group_ballot{150}, 3}, true, there};
    coordinator_effects out;
    for (const auto from : {self, other})
      out = machine.on_state(
        from, {set.group, set.epoch, file, ballot, found, 7}, now);
    ASSERT_NE(proposal_in(out), nullptr);
    const auto x = *proposal_in(out);
    ASSERT_EQ(x.manifest.versions[0].kind, msg::version_kind::deleted);
    EXPECT_EQ(x.manifest.versions[0].time_ms, now.kept_ms);
    const msg::file_state settled{x.stamp, true, x.manifest};
    const auto closes = [&] {
      coordinator next{{}, set, ballot, self};
      std::swap(machine, next);
      (void) machine.begin(now);
      lead();
      (void) machine.consider(file, settled, now);
      return !machine.in_work().empty();
    };
    now.wall_ms += ten_years;
    EXPECT_FALSE(closes()) << "it would be closed ten years early";
    now.kept_ms = 0;
    EXPECT_FALSE(closes()) << "the master has not told yet";
    now.kept_ms = 1'000'000'000 + 73 * 3'600'000;
    now.wall_ms = 0;
    EXPECT_TRUE(closes());
    now = before;
  }
}

// Whoever purged it saw a deletion; a put was done since.
TEST_F(Coordinator, PurgesNothingNewerThanWasSeen) { // SPEC S1, G12
  lead();
  const auto with = [&](std::uint64_t newest, msg::version_kind kind) {
    msg::file_state there{{group_ballot{150}, 3}, true, {}};
    there.manifest.versions.push_back(
      {version_number{newest}, kind, {}, {}, 0, 0, 0});
    return there;
  };
  const auto purge = [&](const msg::file_state& there, std::uint64_t seen) {
    coordinator next{{}, set, ballot, self};
    std::swap(machine, next);
    (void) machine.begin(now);
    lead();
    (void) machine.purge({set.group, file, version_number{seen}}, nullptr, now);
    (void) machine.on_state(
      self, {set.group, set.epoch, file, ballot, there, 7}, now);
    return machine.on_state(
      other, {set.group, set.epoch, file, ballot, there, 7}, now);
  };
  auto out = purge(with(6, msg::version_kind::content), 5);
  EXPECT_EQ(proposal_in(out), nullptr);
  const auto* told = find<note_version>(out);
  ASSERT_NE(told, nullptr) << "the purge is over when this is noted";
  EXPECT_EQ(told->what.newest, version_number{6});
  EXPECT_EQ(proposal_in(purge(with(7, msg::version_kind::deleted), 5)),
            nullptr);
  EXPECT_NE(proposal_in(purge(with(5, msg::version_kind::deleted), 5)),
            nullptr);
  EXPECT_EQ(proposal_in(purge(with(1, msg::version_kind::content), 5)), nullptr)
    << "its numbers have begun again, after a restore of the metadata";
  EXPECT_NE(proposal_in(purge(with(6, msg::version_kind::content), 0)), nullptr)
    << "a tree was purged, whatever is in it";
}

// The master's metadata went back to before the name was unlinked.
TEST_F(Coordinator, BeginsAboveWhatTheNameShows) { // SPEC S9
  lead();
  const auto put_to = [&](std::uint64_t writer, version_number shown) {
    auto x = put_of(writer);
    x.shown = shown;
    return machine.put(writer, x, nullptr, start + 1min, now);
  };
  (void) put_to(1, version_number{41});
  (void) nothing_there(self);
  auto out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto x = *proposal_in(out);
  EXPECT_EQ(x.manifest.versions[0].number, version_number{42});
  (void) accepted(self, x);
  out = accepted(other, x);
  ASSERT_NE(find<note_version>(out), nullptr);
  EXPECT_EQ(find<note_version>(out)->what.newest, version_number{42})
    << "it would be no news to the name";
  // Who looked it up too early, or lies, leaves no gap.
  out = put_to(2, version_number{90});
  ASSERT_NE(proposal_in(out), nullptr);
  EXPECT_EQ(proposal_in(out)->manifest.versions[0].number, version_number{43});
}

TEST_F(Coordinator, RefusesAVersionThatNoNameShows) {
  lead();
  auto x = put_of(1);
  x.shown = msg::put_file::shown_max.next();
  (void) machine.put(11, x, nullptr, start + 1min, now);
  (void) nothing_there(self);
  const auto out = nothing_there(other);
  ASSERT_NE(find<answer_put>(out), nullptr) << "the next one would be zero";
  EXPECT_EQ(find<answer_put>(out)->answer.error().code, ec::invalid_argument);
}

TEST_F(Coordinator, PurgesANameThatNobodyHasPutTo) { // SPEC G12
  lead();
  (void) machine.purge({set.group, file, {}}, nullptr, now);
  (void) nothing_there(self);
  const auto out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto& versions = proposal_in(out)->manifest.versions;
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0].kind, msg::version_kind::closed)
    << "a put that is on its way is refused";
}

// The name came back with restored metadata, and its purge was said again: what
// was put to the file before is forgotten.
TEST_F(Coordinator, DoesNotKnowWhatWasPutBeforeItWasForgotten) { // SPEC S11
  lead(); // `other` knows of names that are gone up to 7.
  (void) machine.purge({set.group, file, {}}, nullptr, now);
  (void) nothing_there(self);
  const auto out = nothing_there(other);
  ASSERT_NE(proposal_in(out), nullptr);
  const auto x = *proposal_in(out);
  (void) accepted(self, x);
  (void) accepted(other, x);
  const auto settle = [&](std::uint64_t looked_up_at) {
    const auto said = machine.settle(
      11,
      msg::settle_put{set.group, set.epoch, file, put_of(1).put, looked_up_at},
      nullptr, start + 1min, now);
    const auto* told = find<answer_put_settled>(said);
    EXPECT_NE(told, nullptr);
    return told ? told->answer : result<msg::put_settled>{fail(ec::busy)};
  };
  ASSERT_TRUE(settle(7));
  EXPECT_EQ(settle(7)->version, version_number{}) << "never done";
  ASSERT_FALSE(settle(6));
  EXPECT_EQ(settle(6).error().code, ec::not_found);
}

// Those that clients work on count: they are not to wait behind the rest.
TEST_F(Coordinator, TheSurveyHasSoManyFilesInWorkAtMost) { // SPEC V3
  coordinator_config config;
  config.evened_at_once = 4;
  coordinator leader{config, set, ballot, self};
  std::swap(machine, leader);
  (void) machine.begin(now);
  lead();
  (void) put(1, 11);
  msg::files_listed listed{set.group, ballot, {}, {}, true};
  (void) machine.on_listed(other, listed, now);
  for (std::uint64_t i = 10; i < 20; ++i)
    listed.files.push_back({inode_id{i}, {group_ballot{150}, 1}, true});
  (void) machine.on_listed(self, listed, now);
  EXPECT_EQ(machine.in_work().size(), 4u);
  (void) machine.on_promised(store_id{3}, {set.group, ballot, 0}, now);
  (void) machine.on_listed(store_id{3}, listed, now);
  EXPECT_EQ(machine.in_work().size(), 4u);
}

TEST_F(Coordinator, RefusesANameThatMayBeGone) { // SPEC V8
  lead(); // `other` knows of names that are gone up to 7.
  auto x = put_of(1);
  x.looked_up_at = 6;
  (void) machine.put(11, x, nullptr, start + 1min, now);
  (void) nothing_there(self);
  const auto out = nothing_there(other);
  ASSERT_NE(find<answer_put>(out), nullptr);
  EXPECT_EQ(find<answer_put>(out)->answer.error().code, ec::stale);
}

} // namespace
} // namespace dfs::core
