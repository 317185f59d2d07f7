#include "core/versions/coordinator.hpp"
#include "core/versions/note_ledger.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

msg::noted_version note_of(std::uint64_t file, std::uint64_t newest) {
  return {inode_id{file}, version_number{newest}, msg::version_kind::content,
          newest * 100, 0};
}

// -- ledger -------------------------------------------------------------------

TEST(NoteLedger, KeepsANoteUntilItsReceipt) { // SPEC S9
  note_ledger ledger;
  EXPECT_FALSE(ledger.take());
  ledger.put(note_of(1, 1));
  const auto first = ledger.take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->files, std::vector{note_of(1, 1)});
  EXPECT_FALSE(ledger.take()) << "it travels";
  EXPECT_EQ(ledger.size(), 1u);

  ledger.lost(first->ticket);
  const auto again = ledger.take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->files, first->files);
  EXPECT_NE(again->ticket, first->ticket);
  ledger.receipted(first->ticket); // Of a page that was given back.
  EXPECT_EQ(ledger.size(), 1u);

  ledger.lose_all();
  const auto third = ledger.take();
  ASSERT_TRUE(third);
  ledger.receipted(third->ticket);
  EXPECT_EQ(ledger.size(), 0u);
  ledger.lost(third->ticket);
  EXPECT_FALSE(ledger.has_page());
}

TEST(NoteLedger, ANewerNoteTakesThePlaceOfAnOlderOne) {
  note_ledger ledger;
  ledger.put(note_of(1, 2));
  ledger.put(note_of(1, 1));
  ledger.put(note_of(1, 3));
  const auto page = ledger.take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->files, std::vector{note_of(1, 3)});
  ledger.put(note_of(1, 4));
  ledger.lost(page->ticket);
  const auto next = ledger.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->files, std::vector{note_of(1, 4)});
  ledger.receipted(next->ticket);
  EXPECT_EQ(ledger.size(), 0u);
}

// A master that went back has the name again, and others put to it.
TEST(NoteLedger, ForgetsThatAFileIsClosedWhenItsNameIsGone) { // SPEC S9
  note_ledger ledger;
  auto closed = note_of(1, 5);
  closed.kind = msg::version_kind::closed;
  ledger.put(closed);
  ledger.put(note_of(2, 1));
  ASSERT_TRUE(ledger.take());
  ledger.forget_closed(inode_id{1});
  ledger.forget_closed(inode_id{2});
  ledger.lose_all();
  auto page = ledger.take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->files, std::vector{note_of(2, 1)});
  ledger.receipted(page->ticket);
  EXPECT_EQ(ledger.size(), 0u);
  ledger.put(closed);
  ledger.put(note_of(2, 2));
  ledger.forget_closed(inode_id{1});
  ledger.forget_closed(inode_id{2}); // It is not closed.
  ledger.forget_closed(inode_id{3});
  page = ledger.take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->files, std::vector{note_of(2, 2)});
  ledger.receipted(page->ticket);
  ledger.put(note_of(1, 5)); // Not an older one.
  page = ledger.take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->files, std::vector{note_of(1, 5)});
}

TEST(NoteLedger, TellsOfAGroupBehindTheReceiptsOfItsNotes) { // K2
  note_ledger ledger;
  const msg::told_group told{group_id{9}, group_ballot{200}};
  ledger.put(note_of(1, 1));
  ledger.put(told);
  const auto first = ledger.take();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->told.empty());
  ledger.put(note_of(2, 1)); // Behind it.
  const auto second = ledger.take();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->told.empty());
  ledger.lost(first->ticket);
  EXPECT_TRUE(ledger.take()->told.empty());
  EXPECT_FALSE(ledger.has_page());
  ledger.lose_all();
  const auto all = ledger.take();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->files.size(), 2u);
  ledger.receipted(all->ticket);
  const auto last = ledger.take();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->told, std::vector{told});
  ledger.lost(last->ticket);
  EXPECT_EQ(ledger.take()->told, std::vector{told});
}

// The page of an older one comes back when a newer one is there.
TEST(NoteLedger, TellsOfAGroupWithTheHighestBallot) { // K2
  note_ledger ledger;
  const msg::told_group older{group_id{9}, group_ballot{200}};
  const msg::told_group newer{group_id{9}, group_ballot{300}};
  ledger.put(older);
  const auto page = ledger.take();
  ASSERT_TRUE(page);
  EXPECT_EQ(page->told, std::vector{older});
  ledger.put(newer);
  ledger.lost(page->ticket);
  EXPECT_EQ(ledger.take()->told, std::vector{newer});
  ledger.lose_all();
  ledger.put(older);
  EXPECT_EQ(ledger.take()->told, std::vector{newer});
  ledger.put(older);
  ledger.put(newer);
  EXPECT_EQ(ledger.take()->told, std::vector{newer});
}

TEST(NoteLedger, ForgetsWhatWasSaidOfGroupsToAMasterThatLostIt) {
  note_ledger ledger;
  const msg::told_group told{group_id{9}, group_ballot{200}};
  ledger.put(told);
  ledger.start_over();
  ledger.put(told); // On its way here already.
  EXPECT_FALSE(ledger.take());
  ledger.hear_told();
  ledger.put(told);
  EXPECT_TRUE(ledger.take());
  ledger.start_over();
  ledger.lose_all();
  EXPECT_FALSE(ledger.take());
}

// The file may have ended since, and only its group knows.
TEST(NoteLedger, StartsOverWhenReceiptsAreWorthNothing) { // SPEC G2, S9
  note_ledger ledger;
  ledger.put(note_of(1, 1));
  const auto page = ledger.take();
  ASSERT_TRUE(page);
  ledger.put(note_of(2, 1));
  ledger.start_over();
  EXPECT_FALSE(ledger.has_page());
  EXPECT_EQ(ledger.size(), 0u);
  ledger.lost(page->ticket);
  ledger.lose_all();
  EXPECT_FALSE(ledger.take());
  ledger.hear_told();
  ledger.put(note_of(1, 1)); // Recalled.
  ledger.put(msg::told_group{group_id{9}, group_ballot{200}});
  const auto again = ledger.take();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->files.size(), 1u);
  ledger.receipted(page->ticket);
  EXPECT_EQ(ledger.size(), 1u);
  ledger.receipted(again->ticket);
  EXPECT_EQ(ledger.take()->told.size(), 1u);
}

TEST(NoteLedger, CutsPagesAndLetsNoFileWait) {
  note_ledger ledger;
  for (std::uint64_t i = 1; i <= 250; ++i)
    ledger.put(note_of(i, 1));
  const auto first = ledger.take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->files.size(), msg::notes_page_max);
  ledger.receipted(first->ticket);
  ledger.put(note_of(1, 2)); // It changes again and again.
  const auto second = ledger.take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->files.front().file, inode_id{101});
  EXPECT_EQ(ledger.travelling(), msg::notes_page_max);
  EXPECT_EQ(ledger.take()->files.size(), 51u);
  EXPECT_FALSE(ledger.has_page());
}

// -- coordinator --------------------------------------------------------------

constexpr store_id self{1};
constexpr store_id other{2};
const msg::group_set set{
  group_id{9}, group_epoch{100}, {3, 2, 2}, {self, other, store_id{3}}};
constexpr group_ballot ballot{200};

using files = std::map<inode_id, msg::file_state>;

msg::file_state state_of(group_ballot of, std::uint64_t versions) {
  msg::file_state x{{of, versions}, true, {}};
  for (auto i = versions; i > 0; --i)
    x.manifest.versions.push_back({.number = version_number{i},
                                   .kind = msg::version_kind::content,
                                   .put = {put_writer{1}, i},
                                   .content = {put_writer{1}, i},
                                   .bytes = i * 100});
  return x;
}

template <class T>
std::vector<T> all_of(const coordinator_effects& from) {
  std::vector<T> found;
  for (const auto& x : from)
    if (const auto* y = std::get_if<T>(&x))
      found.push_back(*y);
  return found;
}

struct CoordinatorNotes : testing::Test {
  coordinator machine{{}, set, ballot, self};
  version_time now{instant{} + 1h, 0};
  files own{{inode_id{1}, state_of(group_ballot{50}, 1)},
            {inode_id{2}, state_of(group_ballot{120}, 2)},
            {inode_id{3}, state_of(group_ballot{150}, 3)}};

  /// @param there What the other server has; the third is away.
  void lead(const files& there) {
    (void) machine.begin(now);
    (void) machine.on_promised(self, {set.group, ballot, 0}, now);
    (void) machine.on_promised(other, {set.group, ballot, 0}, now);
    list(self, own);
    list(other, there);
  }
  void list(store_id from, const files& all) {
    msg::files_listed x{set.group, ballot, {}, {}, true};
    for (const auto& [file, state] : all)
      x.files.push_back({file, state.stamp, state.settled});
    (void) machine.on_listed(from, x, now);
  }
  coordinator_effects tick() {
    now.now += 600ms;
    return machine.tick(now);
  }
  std::vector<std::uint64_t> recalled() {
    std::vector<std::uint64_t> seen;
    for (int i = 0; i < 9; ++i)
      for (const auto& x : all_of<note_version>(machine.recall(own, 1)))
        seen.push_back(x.what.file.value());
    return seen;
  }
};

TEST_F(CoordinatorNotes, RecallWhatWasSettledSinceTheGroupWasTold) { // SPEC S9
  lead(own);
  EXPECT_TRUE(recalled().empty()) << "from where on?";
  const auto asked = all_of<ask_told>(tick());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].group, set.group);
  EXPECT_TRUE(all_of<ask_told>(machine.tick(now)).empty()) << "asked just now";
  EXPECT_EQ(all_of<ask_told>(tick()).size(), 1u) << "the answer was lost";
  machine.told_below(group_ballot{120});
  EXPECT_TRUE(all_of<tell_told>(tick()).empty());
  EXPECT_EQ(recalled(), (std::vector<std::uint64_t>{2, 3}));
  const auto told = all_of<tell_told>(tick());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].what, (msg::told_group{set.group, ballot}));
  EXPECT_TRUE(all_of<tell_told>(tick()).empty());
  EXPECT_TRUE(recalled().empty());
}

TEST_F(CoordinatorNotes, AreToldAgainToAMasterThatLostThem) {
  lead(own);
  machine.told_below(group_ballot{120});
  EXPECT_EQ(recalled().size(), 2u);
  EXPECT_EQ(all_of<tell_told>(tick()).size(), 1u);
  machine.tell_again();
  EXPECT_EQ(all_of<ask_told>(tick()).size(), 1u);
  machine.told_below(group_ballot{});
  EXPECT_EQ(recalled().size(), 3u);
  EXPECT_EQ(all_of<tell_told>(tick()).size(), 1u);
}

// The stamp of a file that differs is of a lower ballot until it is settled:
// the next primary must not pass over it.
TEST_F(CoordinatorNotes, DoNotSayThatAllIsToldBeforeItIsEven) { // C6
  own[inode_id{3}].settled = false; // Accepted by one, by two: who knows?
  auto behind = own;
  behind.erase(inode_id{3});
  lead(behind);
  machine.told_below(group_ballot{});
  EXPECT_EQ(recalled(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_TRUE(all_of<tell_told>(tick()).empty());
  (void) machine.on_state(
    self, {set.group, set.epoch, inode_id{3}, ballot, own.at(inode_id{3}), 0},
    now);
  (void) tick();
  (void) machine.on_state(
    other, {set.group, set.epoch, inode_id{3}, ballot, {}, 0}, now);
  EXPECT_TRUE(all_of<tell_told>(tick()).empty()) << "it is proposed only";
  const msg::version_stamp stamp{ballot, 4};
  (void) machine.on_accepted(self, {set.group, set.epoch, inode_id{3}, stamp},
                             now);
  const auto out = machine.on_accepted(
    other, {set.group, set.epoch, inode_id{3}, stamp}, now);
  const auto notes = all_of<note_version>(out);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].what.newest, version_number{3});
  EXPECT_EQ(notes[0].what.bytes, 300u);
  EXPECT_EQ(all_of<tell_told>(tick()).size(), 1u);
}

TEST_F(CoordinatorNotes, EndWhereAnotherPrimaryLeads) {
  lead(own);
  machine.told_below(group_ballot{});
  own[inode_id{2}].stamp = {group_ballot{300}, 3};
  const auto notes = all_of<note_version>(machine.recall(own, 10));
  EXPECT_TRUE(notes.empty()) << "settled there, or not";
  EXPECT_TRUE(machine.over());
}

TEST_F(CoordinatorNotes, AreRepeatedForWhoAsksWhatCounts) { // SPEC S9
  lead(own);
  const msg::settle_file ask{set.group, set.epoch, inode_id{2}, {}};
  const auto out
    = machine.settle(7, ask, &own.at(inode_id{2}), now.now + 1s, now);
  const auto notes = all_of<note_version>(out);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].what.newest, version_number{2});
}

} // namespace
} // namespace dfs::core
