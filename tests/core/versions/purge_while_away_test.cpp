#include "core/versions/coordinator_of_three.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

// A server of the group is away, or a name shows what its group has forgotten.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

using test::ballot;
using test::file;
using test::other;
using test::proposal_in;
using test::self;
using test::set;
using test::start;
using test::third;

struct AwayServer : test::coordinator_of_three {
  void SetUp() override {
    (void) machine.begin(now);
    (void) machine.on_promised(other, {set.group, ballot, 7}, now);
    (void) machine.on_promised(self, {set.group, ballot, 0}, now);
    for (const auto from : {self, other})
      (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  }
  msg::file_state
  settle(const coordinator_effects& out, const std::vector<store_id>& by) {
    EXPECT_NE(proposal_in(out), nullptr);
    const auto x = *proposal_in(out);
    for (const auto from : by)
      (void) accepted(from, x);
    return {x.stamp, true, x.manifest};
  }
  bool purged(const std::vector<store_id>& there) {
    auto own = settle(machine.put(1, put_of(1, 7, msg::version_kind::content),
                                  nullptr, start + 1min, now),
                      there);
    own = settle(machine.put(2, put_of(2, 7, msg::version_kind::deleted), &own,
                             start + 1min, now),
                 there);
    for (int second = 0; second < 100; ++second) {
      now.now += 1s;
      (void) machine.tick(now);
      if (proposal_in(
            machine.purge({set.group, file, version_number{2}}, &own, now)))
        return true;
    }
    return false;
  }
};

TEST_F(AwayServer, StopsNoPurgeWhereItIsThere) { // SPEC G12
  EXPECT_TRUE(purged({self, other, third}));
}

TEST_F(AwayServer, StopsNoPurge) { // SPEC G12
  EXPECT_TRUE(purged({self, other}));
}

// Restored metadata show the name of a file that its group has forgotten.
TEST_F(AwayServer, ANameThatIsShownCanBeDeleted) { // SPEC S9
  auto x = put_of(1, 7, msg::version_kind::deleted);
  x.shown = version_number{3};
  const auto out = machine.put(11, x, nullptr, start + 1min, now);
  EXPECT_NE(proposal_in(out), nullptr);
}

} // namespace
} // namespace dfs::core
