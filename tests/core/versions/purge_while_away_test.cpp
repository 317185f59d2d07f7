#include "core/versions/coordinator.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

// A server of the group is away, or a name shows what its group has forgotten.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr store_id self{1};
constexpr store_id other{2};
constexpr store_id third{3};
constexpr inode_id file{5};
const msg::group_set set{
  group_id{9}, group_epoch{100}, {3, 2, 2}, {self, other, third}};
constexpr group_ballot ballot{200};
const instant start = instant{} + 1h;

const msg::accept_manifest* proposal_in(const coordinator_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<send_replica>(&x))
      if (const auto* z = std::get_if<msg::accept_manifest>(&y->what))
        return z;
  return nullptr;
}

struct AwayServer : testing::Test {
  coordinator machine{{}, set, ballot, self};
  version_time now{start, 0};

  void SetUp() override {
    (void) machine.begin(now);
    (void) machine.on_promised(other, {set.group, ballot, 7}, now);
    (void) machine.on_promised(self, {set.group, ballot, 0}, now);
    for (const auto from : {self, other})
      (void) machine.on_listed(from, {set.group, ballot, {}, {}, true}, now);
  }
  static msg::put_file put_of(std::uint64_t writer, msg::version_kind kind) {
    msg::put_file x;
    x.group = set.group;
    x.epoch = set.epoch;
    x.file = file;
    x.put = x.content = {put_writer{writer}, 1};
    x.kind = kind;
    x.looked_up_at = 7;
    return x;
  }
  msg::file_state
  settle(const coordinator_effects& out, const std::vector<store_id>& by) {
    EXPECT_NE(proposal_in(out), nullptr);
    const auto x = *proposal_in(out);
    for (const auto from : by)
      (void) machine.on_accepted(from, {set.group, set.epoch, file, x.stamp},
                                 now);
    return {x.stamp, true, x.manifest};
  }
  bool purged(const std::vector<store_id>& there) {
    auto own = settle(machine.put(1, put_of(1, msg::version_kind::content),
                                  nullptr, start + 1min, now),
                      there);
    own = settle(machine.put(2, put_of(2, msg::version_kind::deleted), &own,
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
  auto x = put_of(1, msg::version_kind::deleted);
  x.shown = version_number{3};
  const auto out = machine.put(11, x, nullptr, start + 1min, now);
  EXPECT_NE(proposal_in(out), nullptr);
}

} // namespace
} // namespace dfs::core
