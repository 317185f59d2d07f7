#include "core/versions/coordinator_of_three.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

// A server of the group is away, for as long as it takes to put many files.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

using test::ballot;
using test::other;
using test::proposal_in;
using test::self;
using test::sent;
using test::set;
using test::start;
using test::third;

struct LaggingFiles : test::coordinator_of_three {
  static constexpr std::uint64_t many = 1'000;

  std::map<inode_id, msg::file_state> own; ///< Of this server's replica.
  std::set<inode_id> followed;             ///< What the third server has.
  std::set<store_id> there{self, other};
  std::uint64_t writers = 0;

  void SetUp() override {
    (void) machine.begin(now);
    for (const auto from : {self, other, third})
      (void) machine.on_promised(from, {set.group, ballot, 0}, now);
    for (const auto from : {self, other})
      (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  }
  const msg::file_state* state(inode_id x) const {
    const auto it = own.find(x);
    return it == own.end() ? nullptr : &it->second;
  }
  /// Servers that are there accept what is sent to them.
  void perform(const coordinator_effects& out) {
    for (const auto& x : out)
      if (const auto* y = std::get_if<send_replica>(&x))
        if (const auto* z = std::get_if<msg::accept_manifest>(&y->what);
            z && there.contains(y->to)) {
          if (y->to == self)
            own[z->file] = {z->stamp, true, z->manifest};
          if (y->to == third)
            followed.insert(z->file);
          perform(machine.on_accepted(
            y->to, {set.group, set.epoch, z->file, z->stamp}, now));
        }
  }
  void put(std::uint64_t number,
           msg::version_kind kind = msg::version_kind::content) {
    auto x = put_of(++writers, 7, kind);
    x.file = inode_id{number};
    perform(machine.put(1, x, state(x.file), start + 1h, now));
  }
  void purge(std::uint64_t number) {
    const inode_id x{number};
    perform(machine.purge({set.group, x, {}}, state(x), now));
  }
  void pass(std::chrono::milliseconds time) {
    for (const auto end = now.now + time; now.now < end;) {
      now.now += 50ms;
      perform(machine.tick(now));
      perform(machine.take_up(own, now));
    }
    machine.check();
  }
};

TEST_F(LaggingFiles, AreNotAllKept) { // SPEC V6
  for (std::uint64_t i = 1; i <= many; ++i)
    put(i);
  pass(10s);
  EXPECT_LT(machine.in_work().size(), 100u);
  EXPECT_FALSE(machine.settled());
}

TEST_F(LaggingFiles, FollowWhenTheServerIsBack) { // SPEC V6
  for (std::uint64_t i = 1; i <= many; ++i)
    put(i);
  pass(30s);
  there.insert(third);
  pass(10s);
  EXPECT_EQ(followed.size(), many);
  EXPECT_TRUE(machine.in_work().empty());
  (void) machine.on_listed(third, {set.group, ballot, {}, {}, true}, now);
  pass(1s);
}

// Each has its turn, whatever becomes of the others.
TEST_F(LaggingFiles, AreAllTried) { // SPEC V6
  for (std::uint64_t i = 1; i <= 200; ++i)
    put(i);
  pass(4s);
  std::set<inode_id> tried;
  for (int i = 0; i < 400; ++i) {
    now.now += 50ms;
    perform(machine.tick(now));
    const auto out = machine.take_up(own, now);
    for (const auto& x : out)
      if (const auto* y = std::get_if<send_replica>(&x); y && y->to == third)
        if (const auto* z = std::get_if<msg::accept_manifest>(&y->what))
          tried.insert(z->file);
    perform(out);
  }
  EXPECT_EQ(tried.size(), 200u);
}

TEST_F(LaggingFiles, AreBuiltOn) { // SPEC V3
  for (std::uint64_t i = 1; i <= 200; ++i)
    put(i);
  pass(10s);
  put(150);
  EXPECT_EQ(own.at(inode_id{150}).manifest.versions.front().number,
            version_number{2});
}

// Purges are said again each second, and what is closed is looked at again and
// again.
TEST_F(LaggingFiles, AreClosedOnce) { // SPEC G12
  for (std::uint64_t i = 1; i <= 200; ++i) {
    put(i);
    purge(i);
  }
  pass(10s);
  for (std::uint64_t i = 1; i <= 200; ++i) {
    purge(i);
    perform(machine.consider(inode_id{i}, own.at(inode_id{i}), now));
  }
  EXPECT_LT(machine.in_work().size(), 100u);
}

// What only others have this server's replica could not tell.
TEST_F(LaggingFiles, OfThisServerStayInWork) { // SPEC V3
  there = {other, third};
  for (std::uint64_t i = 1; i <= 200; ++i)
    put(i);
  pass(10s);
  EXPECT_EQ(machine.in_work().size(), 200u);
}

// A new primary has to even out what its predecessor left.
TEST_F(LaggingFiles, KeepNoOtherFromBeingEvened) { // SPEC V6
  for (std::uint64_t i = 1; i <= 200; ++i)
    put(i);
  const auto out = machine.on_listed(
    third,
    {set.group, ballot, {}, {{inode_id{7'000}, {ballot, 1}, true}}, true}, now);
  const auto* read = sent<msg::read_file_state>(out);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->file, inode_id{7'000});
}

} // namespace
} // namespace dfs::core
