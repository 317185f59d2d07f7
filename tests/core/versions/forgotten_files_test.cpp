#include "core/versions/replica_machine.hpp"

#include "core/versions/coordinator_of_three.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

// Files that their group forgets, and what is late about them.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

using test::ballot;
using test::file;
using test::other;
using test::self;
using test::sent;
using test::set;
using test::start;
using test::third;

template <class T>
ec refused(const coordinator_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<T>(&x))
      return y->answer ? ec{} : y->answer.error().code;
  return ec{};
}

msg::file_manifest closed_manifest() {
  msg::file_manifest x;
  x.versions.push_back(
    {version_number{4}, msg::version_kind::closed, {}, {}, 0, 0, 0});
  return x;
}

struct ForgottenFiles : test::coordinator_of_three {
  /// They have forgotten names up to there.
  void lead(std::vector<store_id> who, std::uint64_t forgotten) {
    (void) machine.begin(now);
    for (const auto from : who)
      (void) machine.on_promised(from, {set.group, ballot, forgotten}, now);
    ASSERT_TRUE(machine.leads());
  }
  void list(std::vector<store_id> who) {
    for (const auto from : who)
      (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  }
  /// By all. @returns what the last one brought.
  coordinator_effects settle(const coordinator_effects& out) {
    const auto* x = sent<msg::accept_manifest>(out);
    EXPECT_NE(x, nullptr);
    if (x == nullptr)
      return {};
    const auto what = *x;
    (void) accepted(self, what);
    (void) accepted(other, what);
    return accepted(third, what);
  }
  coordinator_effects wait(std::chrono::milliseconds time) {
    coordinator_effects all;
    for (const auto until = now.now + time; now.now < until;) {
      now.now += 100ms;
      for (auto& x : machine.tick(now))
        all.push_back(std::move(x));
    }
    return all;
  }
};

// After a restore its name may be there again, and its outcomes are not.
TEST_F(ForgottenFiles, TakeNoPutOfBeforeWhenTheyBeginAgain) { // SPEC S11, V4
  lead({self, other, third}, 8);
  list({self, other, third});
  const auto out = machine.put(1, put_of(1, 8), nullptr, start + 1min, now);
  ASSERT_NE(sent<msg::accept_manifest>(out), nullptr);
  const auto first = *sent<msg::accept_manifest>(out);
  EXPECT_EQ(first.manifest.born, 8u);
  (void) settle(out);
  const msg::file_state own{first.stamp, true, first.manifest};
  EXPECT_EQ(
    refused<answer_put>(machine.put(2, put_of(2, 7), &own, start + 1min, now)),
    ec::stale);
  EXPECT_EQ(
    refused<answer_put_settled>(machine.settle(
      3, msg::settle_put{set.group, set.epoch, file, {put_writer{2}, 1}, 7},
      &own, start + 1min, now)),
    ec::not_found)
    << "perhaps it was done before";
  EXPECT_NE(sent<msg::accept_manifest>(
              machine.put(4, put_of(3, 8), &own, start + 1min, now)),
            nullptr);
}

// Other files are forgotten all the time; names are looked up once.
TEST_F(ForgottenFiles, AreNoReasonToRefuseAPutToAnother) { // SPEC V2
  lead({self, other, third}, 8);
  list({self, other, third});
  msg::file_state own{{group_ballot{150}, 3}, true, {}};
  own.manifest.versions.push_back({version_number{4},
                                   msg::version_kind::content,
                                   {put_writer{1}, 1},
                                   {put_writer{1}, 1},
                                   0,
                                   0,
                                   0});
  own.manifest.born = 2;
  EXPECT_NE(sent<msg::accept_manifest>(
              machine.put(1, put_of(2, 2), &own, start + 1min, now)),
            nullptr);
}

// Enough who have nothing are no reason not to hear who listed it.
TEST_F(ForgottenFiles, AreAskedOfAllWhoPromised) { // SPEC G12
  lead({self, other, third}, 8);
  list({self, other});
  const msg::version_stamp stamp{group_ballot{150}, 3};
  (void) machine.on_listed(
    third, {set.group, ballot, {}, {{file, stamp, true}}, true}, now);
  for (const auto from : {self, other})
    (void) machine.on_state(from, {set.group, set.epoch, file, ballot, {}, 8},
                            now);
  const auto out
    = machine.on_state(third,
                       {set.group, set.epoch, file, ballot,
                        msg::file_state{stamp, true, closed_manifest()}, 0},
                       now);
  EXPECT_NE(sent<msg::accept_manifest>(out), nullptr);
}

// Who has it is slow to say what it has: it is asked until it has said it.
TEST_F(ForgottenFiles, AreForgottenByWhoWasAway) { // SPEC G12
  lead({self, other, third}, 8);
  list({self, other});
  const msg::version_stamp stamp{group_ballot{150}, 3};
  (void) machine.on_listed(
    third, {set.group, ballot, {}, {{file, stamp, true}}, true}, now);
  for (const auto from : {self, other})
    (void) machine.on_state(from, {set.group, set.epoch, file, ballot, {}, 8},
                            now);
  (void) wait(1s);
  EXPECT_FALSE(machine.settled());
  const auto again = wait(6s);
  EXPECT_NE(sent<msg::read_file_state>(again), nullptr);
  coordinator_effects out;
  for (int i = 0; i < 60 && !sent<msg::accept_manifest>(out); ++i) {
    (void) wait(100ms);
    for (const auto from : {self, other})
      (void) machine.on_state(from, {set.group, set.epoch, file, ballot, {}, 8},
                              now);
    out = machine.on_state(third,
                           {set.group, set.epoch, file, ballot,
                            msg::file_state{stamp, true, closed_manifest()}, 0},
                           now);
  }
  ASSERT_NE(sent<msg::accept_manifest>(out), nullptr);
  EXPECT_EQ(sent<msg::accept_manifest>(out)->manifest.versions,
            closed_manifest().versions);
}

// A restored master frees the name once more: what was said of the first time
// says nothing of the second.
TEST_F(ForgottenFiles, AreForgottenUpToTheLastPosition) { // SPEC V4, S9
  lead({self, other, third}, 0);
  list({self, other, third});
  (void) settle(machine.purge({set.group, file, {}}, nullptr, now));
  ASSERT_NE(
    sent<msg::forget_file>(machine.on_unlinked({set.group, file, 50}, now)),
    nullptr);
  machine.tell_again();
  ASSERT_NE(
    sent<msg::forget_file>(machine.on_unlinked({set.group, file, 90}, now)),
    nullptr);
  for (const auto from : {self, other, third})
    (void) machine.on_forgotten(from, {set.group, file, 50});
  EXPECT_EQ(machine.in_work(), std::vector{file});
  for (const auto from : {self, other, third})
    (void) machine.on_forgotten(from, {set.group, file, 90});
  EXPECT_TRUE(machine.in_work().empty());
}

// Whoever led before, and has not heard of it, has nothing to say of it.
TEST(ForgottenFilesOfAReplica, EndWhoLedWithLess) { // SPEC V4, S9
  replica_rows rows;
  rows.group.role = replica_role::active;
  rows.group.set = set;
  rows.group.promised = group_ballot{150};
  replica_machine machine{self, set.group, rows, {}};
  const auto out = machine.forget(
    1, msg::forget_file{set.group, set.epoch, ballot, file, 44});
  EXPECT_EQ(machine.promised(), ballot);
  const auto* issued = std::get_if<store_rows>(&out.at(0));
  ASSERT_NE(issued, nullptr);
  const auto then = machine.stored(issued->ticket, start);
  EXPECT_EQ(machine.rows().group.promised, ballot);
  const auto* answer = std::get_if<answer_asker>(&then.at(0));
  ASSERT_NE(answer, nullptr);
  const auto* gone = std::get_if<msg::file_forgotten>(&answer->what);
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->forgotten, 44u);
}

// A purge overtook the put, and nobody has its content any more.
TEST(ForgottenFilesOfAReplica, LackNothing) { // SPEC V6
  replica_rows rows;
  rows.group.role = replica_role::active;
  rows.group.set = set;
  replica_machine machine{self, set.group, rows, {}};
  const auto store = [&](const replica_effects& out) {
    for (const auto& x : out)
      if (const auto* issued = std::get_if<store_rows>(&x))
        (void) machine.stored(issued->ticket, start);
  };
  msg::accept_manifest x{set.group, set.epoch, file, {ballot, 1}, {}, 0};
  x.manifest.versions.push_back({version_number{3},
                                 msg::version_kind::content,
                                 {put_writer{1}, 1},
                                 {put_writer{1}, 1},
                                 1,
                                 0,
                                 0});
  store(machine.accept(1, other, x, start));
  EXPECT_EQ(machine.missing(), 1u);
  x.stamp.serial = 2;
  x.manifest = closed_manifest();
  store(machine.accept(2, other, x, start));
  store(machine.forget(
    3, msg::forget_file{set.group, set.epoch, ballot, file, 44}));
  EXPECT_TRUE(machine.rows().files.empty());
  for (int i = 0; i < 3; ++i)
    (void) machine.tick(start + i * 50ms);
  EXPECT_EQ(machine.missing(), 0u);
}

} // namespace
} // namespace dfs::core
