#include "core/versions/coordinator.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

// Groups that are larger than what goes into one answer, one commit, or one
// tick.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr group_id group{9};
constexpr group_epoch old_epoch{100};
constexpr group_epoch new_epoch{200};
constexpr store_id newcomer{4};
const std::vector<store_id> sources{store_id{1}, store_id{2}};
const instant start = instant{} + 1h;

msg::put_id content_of(std::uint64_t file, std::uint64_t serial) {
  return {put_writer{file}, serial};
}

msg::file_state
state(std::uint64_t file, std::uint64_t ballot, std::uint64_t serial) {
  msg::file_version v;
  v.put = v.content = content_of(file, serial);
  v.bytes = 10;
  return {{group_ballot{ballot}, serial}, true, add_version({}, v, {}, 0)};
}

replica_rows rows_of(store_id self, replica_role role) {
  replica_rows rows;
  rows.group.role = role;
  rows.group.set
    = {group, old_epoch, {3, 2, 2}, {store_id{1}, store_id{2}, store_id{3}}};
  rows.group.promised = group_ballot{100 + self.value()};
  return rows;
}

std::set<msg::put_id> contents(const replica_rows& rows) {
  std::set<msg::put_id> all;
  for (const auto& [file, x] : rows.files)
    all.insert(x.manifest.versions[0].content);
  return all;
}

/// A replica that gathers, others that it asks, and what travels between them.
struct Pages : testing::Test {
  replica_limits limits{
    .page_files = 3, .page_bytes = 1'000'000, .looked_at = 4};
  std::map<store_id, replica_rows> have;
  std::map<store_id, std::unique_ptr<replica_machine>> others;
  std::unique_ptr<replica_machine> machine;
  std::deque<replica_effect> todo;
  instant now = start;
  std::size_t pages = 0;
  std::size_t most_files = 0;
  std::size_t most_stored = 0;
  std::size_t lose_every = 0; ///< Of the pages.
  std::vector<replica_answer> answers;

  void source(store_id x, replica_role role) {
    have.try_emplace(x, rows_of(x, role));
  }
  void begin(replica_rows rows = {}, const std::set<msg::put_id>& held = {}) {
    for (auto& [store, x] : have)
      others[store] = std::make_unique<replica_machine>(store, group, x,
                                                        contents(x), limits);
    machine = std::make_unique<replica_machine>(newcomer, group,
                                                std::move(rows), held, limits);
  }
  void run(replica_effects effects) {
    for (auto& x : effects)
      todo.push_back(std::move(x));
    while (!todo.empty()) {
      auto x = std::move(todo.front());
      todo.pop_front();
      std::visit([&](auto& one) { perform(one); }, x);
    }
  }
  void tick_for(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end; now += 50ms)
      run(machine->tick(now));
  }

  void perform(answer_asker& x) {
    answers.push_back(std::move(x.what));
  }
  void perform(store_rows& x) {
    std::size_t files = 0;
    for (const auto& change : x.changes)
      if (const auto* part = std::get_if<next_part>(&change))
        files += part->files.size();
      else
        files += std::holds_alternative<file_change>(change) ? 1 : 0;
    most_stored = std::max(most_stored, files);
    for (auto& each : machine->stored(x.ticket, now))
      todo.push_back(std::move(each));
  }
  void perform(ask_replica& x) {
    const auto* fetch = std::get_if<msg::fetch_group>(&x.what);
    const auto other = others.find(x.to);
    if (fetch == nullptr || other == others.end())
      return;
    ++pages;
    for (auto& said : other->second->fetch(1, *fetch)) {
      const auto& answer = std::get<answer_asker>(said).what;
      const auto* page = std::get_if<msg::group_fetched>(&answer);
      if (page == nullptr || (lose_every != 0 && pages % lose_every == 0)) {
        machine->not_fetched(x.to, fetch->sealed);
        continue;
      }
      most_files = std::max(most_files, page->files.size());
      for (int i = 0; i < 2; ++i) // Answers may come twice.
        for (auto& each : machine->on_fetched(x.to, *page, now))
          todo.push_back(std::move(each));
    }
  }
  void perform(fetch_content& x) {
    const auto from = others.find(x.from);
    ++fetches;
    if (from == others.end() || !from->second->holds(x.version.content)
        || gone.contains(x.version.content))
      return;
    for (auto& each : machine->content_held(x.version.content, now))
      todo.push_back(std::move(each));
  }
  void perform(drop_contents& x) {
    dropped.insert(x.contents.begin(), x.contents.end());
  }
  std::set<msg::put_id> dropped;
  std::set<msg::put_id> gone; ///< Contents that nobody gives any more.
  std::size_t fetches = 0;    ///< Of contents.

  /// Group of ten files that all of a set have. The newcomer is told to fill.
  void begin_fill() {
    for (const auto x : sources) {
      source(x, replica_role::active);
      for (std::uint64_t i = 1; i <= 10; ++i)
        have[x].files[inode_id{i}] = state(i, 50, i);
    }
    begin();
  }
  /// It is told so each second.
  void fill_for(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end;) {
      run(machine->fill(
        {rows_of(newcomer, replica_role::active).group.set, {store_id{1}}},
        now));
      tick_for(1s);
    }
  }

  template <class T>
  [[nodiscard]] bool answered() const {
    return std::any_of(answers.begin(), answers.end(), [](const auto& x) {
      return std::holds_alternative<T>(x);
    });
  }
  void install() {
    run(machine->install(
      7,
      {{group, new_epoch, {3, 2, 2}, {store_id{1}, store_id{2}, newcomer}},
       old_epoch,
       sources},
      now));
  }
};

TEST_F(Pages, RiseAndEnd) {
  source(store_id{1}, replica_role::active);
  for (std::uint64_t i = 1; i <= 7; ++i)
    have[store_id{1}].files[inode_id{i * 10}] = state(i * 10, 50, i);
  begin();
  std::vector<std::uint64_t> seen;
  inode_id after;
  for (bool last = false; !last;) {
    const auto out
      = others[store_id{1}]->fetch(1, {group, old_epoch, false, after});
    const auto& page
      = std::get<msg::group_fetched>(std::get<answer_asker>(out[0]).what);
    EXPECT_EQ(page.after, after);
    ASSERT_LE(page.files.size(), 3u);
    for (const auto& x : page.files)
      seen.push_back(x.file.value());
    last = page.last;
    after = page.files.back().file;
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{10, 20, 30, 40, 50, 60, 70}));
}

TEST_F(Pages, AreBoundInBytes) {
  limits.page_files = 1'000;
  limits.page_bytes = 400;
  source(store_id{1}, replica_role::active);
  for (std::uint64_t i = 1; i <= 100; ++i)
    have[store_id{1}].files[inode_id{i}] = state(i, 50, i);
  begin();
  const auto out = others[store_id{1}]->fetch(1, {group, old_epoch, false, {}});
  const auto& page
    = std::get<msg::group_fetched>(std::get<answer_asker>(out[0]).what);
  EXPECT_FALSE(page.last);
  EXPECT_GE(page.files.size(), 1u);
  EXPECT_LE(page.files.size(), 4u);
}

// SPEC V6
TEST_F(Pages, AGroupOfManyIsInstalledPartByPart) {
  for (const auto x : sources)
    source(x, replica_role::sealed);
  std::map<inode_id, msg::file_state> wanted;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    // Each has some that the other has not, or not so far.
    if (i % 3 != 0)
      have[store_id{1}].files[inode_id{i}] = state(i, 50, i);
    if (i % 5 != 0)
      have[store_id{2}].files[inode_id{i}] = state(i, 50, i + i % 2);
    if (i % 15 != 0)
      wanted[inode_id{i}] = state(i, 50, i % 5 != 0 ? i + i % 2 : i);
  }
  lose_every = 3;
  begin();
  install();
  tick_for(10s);
  ASSERT_TRUE(answered<msg::group_installed>());
  ASSERT_TRUE(machine->rows().next);
  EXPECT_EQ(machine->rows().next->files, wanted);
  EXPECT_TRUE(machine->rows().coming.empty());
  EXPECT_LE(most_files, 3u);
  EXPECT_LE(most_stored, 3u);
  EXPECT_EQ(machine->missing(), 0u);
  run(machine->activate(8, {group, new_epoch}));
  EXPECT_EQ(machine->rows().files, wanted);
  machine->check();
}

// What was installed in parts, and did not end, counts for nothing.
TEST_F(Pages, AnotherSetBeginsAnew) { // SPEC V6
  for (const auto x : sources)
    source(x, replica_role::sealed);
  for (std::uint64_t i = 1; i <= 9; ++i)
    have[store_id{1}].files[inode_id{i}] = state(i, 50, i);
  begin();
  auto rows = machine->rows();
  rows.coming[inode_id{99}] = state(99, 40, 1);
  begin(rows);
  EXPECT_TRUE(machine->rows().coming.empty());
  install();
  tick_for(5s);
  ASSERT_TRUE(machine->rows().next);
  EXPECT_EQ(machine->rows().next->files, have[store_id{1}].files);
}

// SPEC V7
TEST_F(Pages, ARefillTakesAllOfThem) {
  using order = msg::rejoin_order;
  source(store_id{1}, replica_role::active);
  source(store_id{2}, replica_role::active);
  for (std::uint64_t i = 1; i <= 20; ++i)
    for (const auto x : sources) // The first ones are of the later ballots.
      have[x].files[inode_id{i}] = state(i, 190 - i, i);
  auto own = rows_of(newcomer, replica_role::active);
  own.group.quarantined = true;
  own.group.promised = group_ballot{160};
  own.files[inode_id{3}] = state(3, 150, 1);
  begin(own, contents(own));
  run(machine->rejoin(5, {group, old_epoch, order::refill, sources, {}}, now));
  tick_for(5s);
  ASSERT_TRUE(answered<msg::group_rejoined>());
  auto wanted = have[store_id{1}].files;
  EXPECT_EQ(machine->rows().files, wanted);
  EXPECT_LE(most_stored, 3u);
  EXPECT_FALSE(machine->rows().group.quarantined);
  EXPECT_EQ(machine->rows().group.promised, group_ballot{189});
  machine->check();
}

// Contents of very many files are dropped some at a time, all of them.
TEST_F(Pages, WhatIsLeftGoesInTurn) {
  auto own = rows_of(newcomer, replica_role::active);
  for (std::uint64_t i = 1; i <= 50; ++i)
    own.files[inode_id{i}] = state(i, 50, i);
  begin(own, contents(own));
  EXPECT_EQ(machine->bytes(), 500u);
  run(machine->drop({group, group_epoch{300}}));
  EXPECT_LE(dropped.size(), 4u);
  tick_for(5s);
  EXPECT_EQ(dropped, contents(own));
  EXPECT_EQ(machine->bytes(), 0u);
}

// -- contents ahead of a membership -------------------------------------------

// It counts for nothing; with it the change of the set fetches nothing. SPEC V6
TEST_F(Pages, AServerIsFilledBeforeItBecomesAMember) {
  begin_fill();
  EXPECT_EQ(machine->filled(), group_epoch{});
  fill_for(2s);
  EXPECT_EQ(machine->filled(), old_epoch);
  EXPECT_EQ(machine->bytes(), 100u);
  EXPECT_EQ(machine->missing(), 0u);
  EXPECT_EQ(machine->rows(), replica_rows{});
  EXPECT_EQ(most_stored, 0u);
  EXPECT_EQ(machine->use_of(content_of(3, 3)), content_use::passing);
  // What was put between the fill and the seal is all that is fetched then.
  for (const auto x : sources) {
    have[x].group.role = replica_role::sealed;
    have[x].files[inode_id{3}] = state(3, 50, 30);
    others[x] = std::make_unique<replica_machine>(x, group, have[x],
                                                  contents(have[x]), limits);
  }
  fetches = 0;
  install();
  tick_for(1s);
  EXPECT_TRUE(answered<msg::group_installed>());
  EXPECT_EQ(fetches, 1u);
  EXPECT_EQ(machine->filled(), group_epoch{});
  run(machine->activate(8, {group, new_epoch}));
  EXPECT_EQ(machine->rows().files, have[store_id{1}].files);
  machine->check();
}

// Others have dropped what a page named: under puts they always do. SPEC V6
TEST_F(Pages, AFillEndsThoughContentsComeAndGo) {
  begin_fill();
  gone.insert(content_of(4, 4));
  fill_for(1s);
  EXPECT_EQ(machine->filled(), group_epoch{});
  for (std::uint64_t round = 1; round <= 2; ++round) {
    // The next one is there, and goes before it is fetched as well.
    for (const auto file : {4u, 5u})
      have[store_id{1}].files[inode_id{file}] = state(file, 50, 40 + round);
    others[store_id{1}]
      = std::make_unique<replica_machine>(store_id{1}, group, have[store_id{1}],
                                          contents(have[store_id{1}]), limits);
    gone.insert(content_of(4, 40 + round));
    EXPECT_EQ(machine->filled(), group_epoch{});
    fill_for(3s);
  }
  fill_for(3s);
  EXPECT_EQ(machine->filled(), old_epoch);
}

TEST_F(Pages, WhoGetsNothingIsNotFilled) { // SPEC V6
  begin_fill();
  gone = contents(have[store_id{1}]);
  fill_for(60s);
  EXPECT_EQ(machine->filled(), group_epoch{});
  gone.clear(); // Its disk has room again.
  fill_for(5s);
  EXPECT_EQ(machine->filled(), old_epoch);
}

TEST_F(Pages, AFillThatNobodyWantsIsGivenUp) {
  begin_fill();
  fill_for(2s);
  EXPECT_FALSE(machine->is_empty());
  tick_for(20s); // No master says so any more.
  EXPECT_TRUE(machine->is_empty());
  EXPECT_EQ(dropped, contents(have[store_id{1}]));
  fill_for(2s);
  EXPECT_EQ(machine->filled(), old_epoch);
  dropped.clear();
  run(machine->drop({group, old_epoch})); // The master says that it is not.
  tick_for(1s);
  EXPECT_TRUE(machine->is_empty());
  EXPECT_EQ(dropped, contents(have[store_id{1}]));
}

TEST_F(Pages, AMemberIsNotFilled) {
  begin_fill();
  const auto own = rows_of(newcomer, replica_role::active);
  begin(own);
  fill_for(2s);
  EXPECT_EQ(pages, 0u);
}

// The group has gone on without it, in another set.
TEST_F(Pages, WhoHasAnOlderSetIsFilled) { // SPEC V6
  begin_fill();
  auto own = rows_of(newcomer, replica_role::active);
  own.group.set.epoch = group_epoch{50};
  own.group.set.servers = {store_id{1}, store_id{2}, newcomer};
  begin(own);
  fill_for(2s);
  EXPECT_GT(pages, 0u);
}

// Everything that the sources have is known here; only contents are lacking.
TEST_F(Pages, AreNotAskedForAgainWhenAllHaveCome) { // SPEC V6
  for (const auto x : sources) {
    source(x, replica_role::sealed);
    for (std::uint64_t i = 1; i <= 4; ++i)
      have[x].files[inode_id{i}] = state(i, 50, i);
  }
  begin();
  gone.insert(content_of(3, 3));
  install();
  tick_for(1s);
  ASSERT_FALSE(answered<msg::group_installed>());
  const auto asked = pages;
  run(machine->content_lost(content_of(99, 1),
                            now)); // Of no file that is gathered.
  tick_for(1s);
  EXPECT_EQ(pages, asked);
  gone.clear();
  tick_for(5s);
  EXPECT_TRUE(answered<msg::group_installed>());
}

// -- contents that nobody puts ------------------------------------------------

TEST_F(Pages, AContentIsOfUseAsLongAsSomethingNamesIt) {
  begin(rows_of(newcomer, replica_role::active));
  const auto id = content_of(5, 1);
  EXPECT_EQ(machine->use_of(id), content_use::none);
  (void) machine->content_held(id, now);
  EXPECT_EQ(machine->use_of(id), content_use::none);
  EXPECT_EQ(machine->bytes(), 0u);
  const auto accept = [&](std::uint64_t serial) {
    const auto next = state(5, 150, serial);
    return machine->accept(
      3, store_id{1},
      {group, old_epoch, inode_id{5}, next.stamp, next.manifest, 0}, now);
  };
  auto out = accept(1);
  EXPECT_EQ(machine->use_of(id), content_use::passing) << "on its way";
  run(std::move(out));
  EXPECT_EQ(machine->use_of(id), content_use::kept);
  EXPECT_EQ(machine->bytes(), 10u);
  // One that waits for its content.
  const auto other = content_of(5, 2);
  (void) accept(2);
  EXPECT_EQ(machine->use_of(other), content_use::passing);
  run(machine->content_held(other, now));
  EXPECT_EQ(machine->use_of(other), content_use::kept);
  EXPECT_EQ(machine->use_of(id), content_use::passing) << "until that settles";
  (void) machine->promise(1, {group, old_epoch, group_ballot{170}});
  const auto late = content_of(5, 3);
  (void) accept(3); // Refused.
  (void) machine->content_held(late, now);
  EXPECT_EQ(machine->use_of(late), content_use::none);
  machine->forget_content(late);
  EXPECT_FALSE(machine->holds(late));
}

} // namespace
} // namespace dfs::core
