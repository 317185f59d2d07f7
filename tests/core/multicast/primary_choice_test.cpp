#include "core/multicast/primary_choice.hpp"

#include "core/multicast/reach.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core {
namespace {

using ids = std::vector<std::uint64_t>;

msg::group_member member(std::uint64_t id, std::uint64_t store = 0) {
  return {server_id{id}, store_id{store == 0 ? 100 + id : store}, life_id{1}};
}

msg::group_configuration configuration(std::uint64_t epoch, const ids& who) {
  msg::group_configuration x{{epoch, server_id{who.back()}}, {}, 1, {}};
  for (const auto id : who)
    x.members.push_back(member(id));
  return x;
}

multicast_config
group(const ids& who, primary_rule rule = primary_rule::majority) {
  multicast_config config;
  config.rule = rule;
  for (const auto id : who)
    config.servers.push_back(server_id{id});
  return config;
}

msg::member_standing
at(std::uint64_t id, const msg::group_configuration& known) {
  msg::member_standing x;
  x.who = member(id);
  x.known = known;
  x.lineage = known.id;
  x.fit = true;
  return x;
}

primary_verdict verdict(const multicast_config& config, const ids& here,
                        const msg::group_configuration& known) {
  std::vector<msg::member_standing> view;
  for (const auto id : here)
    view.push_back(at(id, known));
  return choose_primary(config, view).verdict;
}

const auto p = primary_verdict::primary;
const auto all = ids{1, 2, 3, 4, 5};

TEST(PrimaryChoice, MajorityGoesOn) { // SPEC Q6
  const auto config = group(all);
  const auto last = configuration(7, all);
  EXPECT_EQ(verdict(config, {1, 2, 3, 4}, last), p);
  EXPECT_EQ(verdict(config, {1, 2, 3}, last), p);
  EXPECT_NE(verdict(config, {4, 5}, last), p);
  EXPECT_NE(verdict(config, {5}, last), p);
  EXPECT_NE(verdict(config, {1, 2}, last), p);
}

TEST(PrimaryChoice, ATieGoesToTheHighestServer) { // SPEC Q6
  const auto config = group(all);
  const auto last = configuration(7, {1, 2, 3, 4});
  EXPECT_EQ(verdict(config, {1, 4}, last), p);
  EXPECT_EQ(verdict(config, {2, 3}, last), primary_verdict::no_quorum);
  // But never alone, where there are more.
  EXPECT_EQ(verdict(config, {2}, configuration(8, {1, 2})),
            primary_verdict::too_few);
  EXPECT_EQ(verdict(group({2}), {2}, configuration(8, {2})), p);
}

TEST(PrimaryChoice, TheHighestServerDecides) { // SPEC Q6
  const auto config = group(all, primary_rule::highest_id);
  const auto last = configuration(7, all);
  EXPECT_EQ(verdict(config, {5}, last), p);
  EXPECT_EQ(verdict(config, {4, 5}, last), p);
  EXPECT_EQ(verdict(config, {1, 2, 3, 4}, last), primary_verdict::no_quorum);
  EXPECT_EQ(verdict(config, {1, 4}, configuration(8, {1, 2, 3, 4})), p);
}

TEST(PrimaryChoice, LiterallyBothSidesGoOn) { // SPEC Q6
  const auto config = group(all, primary_rule::highest_id_literal);
  const auto last = configuration(7, all);
  EXPECT_EQ(verdict(config, {5}, last), p);
  EXPECT_EQ(verdict(config, {1, 2, 3, 4}, last), p);
}

TEST(PrimaryChoice, NothingBeginsBeforeAllAreThere) {
  const auto config = group({1, 2, 3});
  EXPECT_EQ(verdict(config, {1, 2}, {}), primary_verdict::no_state);
  EXPECT_EQ(verdict(config, {1, 2, 3}, {}), p);
}

TEST(PrimaryChoice, ALostStoreHasNoVote) { // SPEC Q5
  const auto config = group({1, 2, 3});
  const auto last = configuration(7, {1, 2, 3});
  auto empty = at(3, {});
  empty.who = member(3, 999);
  EXPECT_EQ(choose_primary(config, {at(1, last), empty}).verdict,
            primary_verdict::no_quorum);
  // Nor when it has caught up, as long as it is no member.
  auto learnt = at(3, last);
  learnt.who = member(3, 999);
  EXPECT_EQ(choose_primary(config, {at(1, last), learnt}).verdict,
            primary_verdict::no_quorum);
  EXPECT_EQ(
    choose_primary(config, {at(1, last), at(2, last), learnt}).members.size(),
    3u);
}

TEST(PrimaryChoice, AnAttemptThatMayStandIsReckonedWith) { // SPEC Q4
  const auto config = group(all);
  const auto last = configuration(7, all);
  const auto attempt = configuration(8, {3, 4, 5});
  auto three = at(3, last);
  three.attempts = {attempt};
  // 4 and 5 may have gone on.
  EXPECT_EQ(choose_primary(config, {at(1, last), at(2, last), three}).verdict,
            primary_verdict::unresolved);
  auto four = at(4, last);
  four.attempts = {attempt};
  EXPECT_EQ(choose_primary(config, {at(1, last), three, four}).verdict, p);
  // 4 does not know of it: then nobody has installed it.
  const auto choice = choose_primary(config, {at(1, last), three, at(4, last)});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_TRUE(choice.attempts.empty());
  // … unless that is another 4.
  auto other = at(4, last);
  other.who = member(4, 999);
  EXPECT_EQ(
    choose_primary(config, {at(1, last), at(2, last), three, other}).verdict,
    primary_verdict::unresolved);
}

TEST(PrimaryChoice, AllOfAnAttemptSettleIt) { // SPEC Q4
  const auto config = group(all);
  const auto last = configuration(7, all);
  std::vector<msg::member_standing> view;
  for (const std::uint64_t id : {3, 4, 5}) {
    view.push_back(at(id, last));
    view.back().attempts = {configuration(8, {3, 4, 5})};
  }
  const auto choice = choose_primary(config, view);
  EXPECT_EQ(choice.verdict, p);
  EXPECT_TRUE(choice.attempts.empty());
}

TEST(PrimaryChoice, AnOperatorOverridesAll) { // SPEC Q10
  const auto last = configuration(7, all);
  auto one = at(1, last);
  one.forced = true;
  const auto choice = choose_primary(group(all), {one});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_EQ(choice.members, (std::vector<msg::group_member>{member(1)}));
  EXPECT_TRUE(choice.forced);
}

// It knows of a later configuration than its log belongs to, or lacks too much.
TEST(PrimaryChoice, AnOperatorGoesOnWithWhatIsThere) { // SPEC Q10
  auto one = at(1, configuration(8, {2, 3}));
  one.lineage = configuration(7, all).id;
  one.fit = false;
  EXPECT_EQ(choose_primary(group(all), {one}).verdict,
            primary_verdict::no_donor);
  one.forced = true;
  auto choice = choose_primary(group(all), {one});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_EQ(choice.last.id, one.lineage);
  // One that nobody can go on with does not count; one that can does.
  auto two = at(2, one.known);
  two.fit = false;
  choice = choose_primary(group(all), {one, two});
  EXPECT_EQ(choice.members, (std::vector<msg::group_member>{member(1)}));
  two.fit = true;
  choice = choose_primary(group(all), {one, two});
  EXPECT_EQ(choice.members, (std::vector<msg::group_member>{member(2)}));
  EXPECT_EQ(choice.last.id, one.known.id);
}

TEST(PrimaryChoice, AnOperatorOverridesNothingWhereTheRuleSaysYes) { // SPEC Q6
  const auto last = configuration(7, all);
  auto one = at(1, last);
  one.forced = true;
  one.fit = false;
  const auto choice
    = choose_primary(group(all), {one, at(2, last), at(3, last), at(4, last)});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_FALSE(choice.forced);
  EXPECT_EQ(choice.members.size(), 3u);
}

TEST(PrimaryChoice, WhoseDiskHangsIsLeftOutIfItIsNotNeeded) { // SPEC Q6
  const auto config = group({1, 2, 3});
  const auto last = configuration(7, {1, 2, 3});
  auto three = at(3, last);
  three.stalled = true;
  auto choice = choose_primary(config, {at(1, last), at(2, last), three});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_EQ(choice.members,
            (std::vector<msg::group_member>{member(1), member(2)}));
  choice = choose_primary(config, {at(1, last), three});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_EQ(choice.members.size(), 2u);
  // What it knows counts, too.
  auto newer = at(3, configuration(8, {2, 3}));
  newer.stalled = true;
  EXPECT_NE(choose_primary(config, {at(1, last), at(2, last), newer}).verdict,
            p);
}

TEST(PrimaryChoice, WhoHasForgottenHasNoVote) { // SPEC Q10
  const auto config = group({1, 2, 3});
  const auto last = configuration(7, {1, 2, 3});
  auto three = at(3, last);
  three.forgetful = true;
  EXPECT_EQ(choose_primary(config, {at(2, last), three}).verdict,
            primary_verdict::no_quorum);
  const auto choice = choose_primary(config, {at(1, last), at(2, last), three});
  EXPECT_EQ(choice.verdict, p);
  EXPECT_EQ(choice.members.size(), 3u);
}

// It may have been ready for it, and may have installed it.
TEST(PrimaryChoice, WhoHasForgottenSaysNothingOfAttempts) { // SPEC Q10
  const auto config = group({1, 2, 3, 4, 5});
  const auto last = configuration(7, {1, 2, 3, 4, 5});
  auto one = at(1, last);
  auto three = at(3, last);
  one.attempts = {configuration(9, {1, 3, 5})};
  three.forgetful = true;
  const std::vector<msg::member_standing> view{one, at(2, last), three,
                                               at(4, last)};
  EXPECT_EQ(choose_primary(config, view).verdict, primary_verdict::unresolved);
  auto whole = view;
  whole[2].forgetful = false; // Then it knows that it was never ready for it.
  EXPECT_EQ(choose_primary(config, whole).verdict, p);
  // Of another member that does not know it, it is known.
  auto five = at(5, last);
  EXPECT_EQ(choose_primary(config, {one, at(2, last), three, five}).verdict, p);
}

// Since then it knows what it did: it was ready at most.
TEST(PrimaryChoice, WhoHasForgottenSpeaksOfWhatItDidSince) { // SPEC Q4, Q10
  const auto config = group({1, 2, 3, 4});
  auto attempt = configuration(8, {1, 2, 3, 4});
  attempt.first = 0;
  const auto view = [&](const ids& members, const ids& here, const ids& own) {
    std::vector<msg::member_standing> all;
    for (const auto id : here) {
      auto x = at(id, configuration(7, members));
      x.forgetful = std::ranges::find(members, id) == members.end();
      x.attempts = {attempt};
      x.attempts[0].first = std::ranges::find(own, id) != own.end() ? 1 : 0;
      all.push_back(x);
    }
    return choose_primary(config, all);
  };
  // A member of the last one goes while it takes in one with a new disk.
  EXPECT_EQ(view({1, 2, 3}, {2, 3, 4}, {4}).verdict, p);
  EXPECT_EQ(view({1, 2, 3}, {2, 3, 4}, {}).verdict,
            primary_verdict::unresolved);
  // Half of it has new disks: all together resolve it.
  const auto whole = view({1, 2}, {1, 2, 3, 4}, {3, 4});
  EXPECT_EQ(whole.verdict, p);
  EXPECT_TRUE(whole.attempts.empty());
  EXPECT_EQ(view({1, 2}, {1, 2, 3, 4}, {}).verdict,
            primary_verdict::unresolved);
  // In the last configuration it has no vote for that.
  EXPECT_EQ(view({1, 2}, {1, 3, 4}, {3, 4}).verdict,
            primary_verdict::no_quorum);
}

// In a later one it heard which of the former ones were open.
TEST(PrimaryChoice, WhoHasForgottenKnowsWhatALaterAttemptResolved) { // SPEC Q4
  const auto config = group({1, 2, 3, 4});
  std::vector<msg::member_standing> view;
  for (const std::uint64_t id : {1, 2, 3, 4}) {
    view.push_back(at(id, configuration(7, {1, 2})));
    view.back().forgetful = id > 2;
    view.back().attempts = {configuration(id > 2 ? 9 : 8, {1, 2, 3, 4})};
  }
  EXPECT_EQ(choose_primary(config, view).verdict, p);
  auto open = view[0].attempts[0];
  open.first = 0;
  for (const std::size_t i : {2, 3})
    view[i].attempts.insert(view[i].attempts.begin(), open);
  EXPECT_EQ(choose_primary(config, view).verdict, primary_verdict::unresolved);
}

// What it was committed to before says nothing, nor does what others told it of
// later ones.
TEST(PrimaryChoice, WhoHasForgottenKnowsNothingByEarlierAttempts) { // SPEC Q4
  const auto config = group(all);
  const auto last = configuration(7, all);
  const auto open = configuration(9, all);
  std::vector<msg::member_standing> view;
  for (const std::uint64_t id : {1, 2, 3, 4})
    view.push_back(at(id, last));
  for (auto& x : view)
    x.attempts = {open};
  view[3].forgetful = true;
  view[3].attempts = {configuration(8, all)};
  EXPECT_EQ(choose_primary(config, view).attempts.size(), 1u);
  view[3].attempts = {configuration(10, all)};
  view[3].attempts[0].first = 0;
  const auto found = choose_primary(config, view).attempts;
  EXPECT_TRUE(
    std::ranges::any_of(found, [&](const auto& x) { return x.id == open.id; }));
}

// Nobody has forgotten anything: the other half has other stores.
TEST(PrimaryChoice, HalfIsNotEnoughWhereNobodyHasForgotten) { // SPEC Q6
  const auto config = group({1, 2, 3, 4});
  const auto last = configuration(7, {1, 2, 3, 4});
  std::vector<msg::member_standing> view;
  for (const std::uint64_t id : {1, 2, 3, 4})
    view.push_back(at(id, last));
  view[2].who.store = view[3].who.store = store_id{9};
  EXPECT_EQ(choose_primary(config, view).verdict, primary_verdict::no_quorum);
}

TEST(PrimaryChoice, BeforeTheFirstConfigurationNoAttemptStands) { // SPEC Q4
  const auto config = group({1, 2, 3});
  std::vector<msg::member_standing> view;
  for (const std::uint64_t id : {1, 2, 3}) {
    view.push_back(at(id, {}));
    view.back().forgetful = true;
  }
  view[0].attempts = {configuration(1, {1, 2, 3})}; // 2 and 3 did not hear it.
  const auto choice = choose_primary(config, view);
  EXPECT_EQ(choice.verdict, p);
  EXPECT_TRUE(choice.attempts.empty());
}

TEST(PrimaryChoice, HalfIsEnoughWhereAllAreHereAndOneHasForgotten) { // SPEC Q6
  const auto config = group({1, 2, 3});
  const auto last = configuration(7, {2, 3});
  auto three = at(3, last);
  three.forgetful = true;
  auto one = at(1, last); // Not of it, and knows that it was not asked.
  EXPECT_EQ(choose_primary(config, {at(2, last), three}).verdict,
            primary_verdict::no_quorum);
  EXPECT_EQ(choose_primary(config, {one, at(2, last), three}).verdict, p);
  one.forgetful = true; // It may have gone on with 3.
  EXPECT_EQ(choose_primary(config, {one, at(2, last), three}).verdict,
            primary_verdict::no_quorum);
}

TEST(PrimaryChoice, WhoHoldsLessThanItWasHeardToHasForgotten) { // SPEC Q10
  const auto last = configuration(7, {1, 2, 3});
  auto two = at(2, last);
  two.marks = {90, 80, 100};
  auto three = at(3, last);
  three.attempts = {configuration(8, {2, 3})};
  std::vector<told_standing> told{{two, 80}, {three, 99}};
  note_forgetful(told); // In the same life: that was a late datagram.
  EXPECT_FALSE(told[1].standing.forgetful);
  told[1].standing.who.life = life_id{2};
  note_forgetful(told);
  EXPECT_FALSE(told[0].standing.forgetful);
  EXPECT_TRUE(told[1].standing.forgetful);
  // … and what it was in, it may have installed.
  EXPECT_FALSE(is_own(told[1].standing.attempts.front()));
  told[1] = {three, 100};
  told[1].standing.who.life = life_id{2};
  note_forgetful(told);
  EXPECT_FALSE(told[1].standing.forgetful);
  // It has cut off what it was ready with, and does not have that again yet.
  for (auto& x : told)
    x.standing.known.first = 81;
  told[1].held = 79;
  note_forgetful(told);
  EXPECT_FALSE(told[1].standing.forgetful);
  told[1].held = 80;
  note_forgetful(told);
  EXPECT_TRUE(told[1].standing.forgetful);
}

// -- who can act together -----------------------------------------------------

using cuts = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

ids component(std::uint64_t self, const ids& who, const cuts& cut,
              const msg::group_configuration& last) {
  std::vector<reach_node> nodes;
  for (const auto id : who) {
    reach_node node{at(id, last), {}};
    for (const auto other : who)
      if (std::find(cut.begin(), cut.end(), std::pair{other, id}) == cut.end())
        node.heard.push_back(server_id{other});
    nodes.push_back(std::move(node));
  }
  ids found;
  for (const auto server :
       component_of(group(all), server_id{self}, nodes).servers)
    found.push_back(server.value());
  return found;
}

TEST(Reach, OneWayIsNoWay) { // SPEC Q6
  const auto last = configuration(7, all);
  EXPECT_EQ(component(1, all, {{5, 1}}, last), (ids{1}));
  EXPECT_EQ(component(5, all, {{5, 1}}, last), (ids{2, 3, 4, 5}));
}

TEST(Reach, TheSideThatCanGoOnIsBuiltFirst) { // SPEC Q6
  const auto last = configuration(7, all);
  // 5 reaches only 4: it must not take 4 away from the majority.
  const cuts cut{{5, 1}, {5, 2}, {5, 3}};
  EXPECT_EQ(component(4, all, cut, last), (ids{1, 2, 3, 4}));
  EXPECT_EQ(component(5, all, cut, last), (ids{5}));
}

TEST(Reach, WhoIsTogetherStaysTogether) {
  const auto last = configuration(7, {1, 2, 3, 4});
  const cuts cut{{4, 5}};
  EXPECT_EQ(component(1, all, cut, last), (ids{1, 2, 3, 4}));
  EXPECT_EQ(component(1, all, cut, configuration(7, {1, 2, 3, 5})),
            (ids{1, 2, 3, 5}));
}

} // namespace
} // namespace dfs::core
