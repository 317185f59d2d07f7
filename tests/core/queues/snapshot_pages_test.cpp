#include "core/queues/snapshot_pages.hpp"

#include "base/rng.hpp"
#include "core/queues/queue_steps.hpp"
#include "messages/queue_inspect.hpp"
#include "support/golden.hpp"
#include "support/hex.hpp"
#include "support/refusal.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace dfs::core {
namespace {

using test::bytes_item;
using test::queue_client;
using test::queue_steps;
using test::refusal;

std::vector<msg::queue_page> pages_of(const queue_machine& x) {
  std::vector<msg::queue_page> pages;
  snapshot_writer writer{x};
  while (auto page = writer.next())
    pages.push_back(*std::move(page));
  return pages;
}

result<queue_machine> load(const std::vector<msg::queue_page>& pages) {
  snapshot_loader loader;
  for (const auto& page : pages)
    if (auto taken = loader.take(page); !taken)
      return taken.error();
  return loader.finish();
}

/// Something of everything.
queue_steps small_state() {
  queue_steps x;
  queue_client alice{0x01020304};
  queue_client bob{0x0a0b0c0d, 1};
  x.ask(alice.create("jobs"));
  x.ask(alice.create("gone"));
  x.ask(alice.create("empty"));
  x.ask(alice.destroy(2));
  x.tick();
  alice.first = 3;
  for (int i = 0; i < 4; ++i)
    x.ask(alice.push(1, -i));
  x.ask(alice.push(1, bytes_item("text")));
  x.ask(bob.pop(1));
  x.ask(bob.pop(3));
  return x;
}

TEST(SnapshotPages, HoldTheWholeState) { // SPEC Q5, I4
  auto x = small_state();
  const auto pages = pages_of(x.machine);
  EXPECT_EQ(pages.size(), 1u);
  auto made = load(pages);
  ASSERT_TRUE(made);
  made->check();
  EXPECT_EQ(made->state_hash(), x.machine.state_hash());
  EXPECT_EQ(made->sequence(), x.machine.sequence());
  EXPECT_EQ(pages_of(*made), pages);
  // They go on alike.
  queue_steps y;
  y.machine = *std::move(made);
  queue_client bob{0x0a0b0c0d, 1};
  const auto again = bob.pop(1);
  EXPECT_EQ(x.ask(again), y.ask(again));
  EXPECT_EQ(x.machine.state_hash(), y.machine.state_hash());
}

TEST(SnapshotPages, OfNothing) {
  const auto made = load(pages_of(queue_machine{}));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state_hash(), queue_machine{}.state_hash());
}

TEST(SnapshotPages, ArePagedAndTheStateGoesOn) { // SPEC Q5
  queue_steps x;
  queue_client alice{1};
  for (int q = 1; q <= 3; ++q)
    x.ask(alice.create(std::to_string(q)));
  for (int i = 0; i < 20'000; ++i) {
    alice.first = alice.number;
    x.ask(alice.push(static_cast<std::uint64_t>(1 + i % 3),
                     bytes_item(std::to_string(i))));
  }
  x.ask(alice.push(2, bytes_item(std::string(1u << 20, 'x'))));
  const auto hash = x.machine.state_hash();
  snapshot_writer writer{x.machine};
  snapshot_loader loader;
  std::size_t largest = 0;
  std::uint32_t count = 0;
  while (const auto page = writer.next()) {
    x.ask(alice.pop(1)); // Not seen by the pages.
    largest = std::max(largest, wire::encode(*page).size());
    ++count;
    ASSERT_TRUE(loader.take(*page));
  }
  EXPECT_GT(count, 15u);
  EXPECT_LT(largest, (1u << 20) + msg::queue_page_bytes + 100);
  const auto made = loader.finish();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state_hash(), hash);
  made->check();
}

// The bytes of format 1, as they lie on disks.
TEST(SnapshotPages, AreThoseOfTheGoldenFile) { // SPEC O5
  std::string text;
  auto x = small_state();
  for (const auto& page : pages_of(x.machine))
    text += test::hex(wire::encode(page)) + "\n";
  EXPECT_EQ(text, test::golden("queue_snapshot_1"));
}

// One change of each kind, anywhere: never loaded.
TEST(SnapshotPages, WhatIsNotTheStateIsRefused) { // SPEC Q5
  const auto pages = pages_of(small_state().machine);
  ASSERT_TRUE(load(pages));
  using change = std::function<void(msg::queue_page&)>;
  const std::vector<change> changes{
    [](auto& p) { p.number = 1; },
    [](auto& p) { p.last = false; },
    [](auto& p) { p.heads.clear(); },
    [](auto& p) { p.heads.push_back(p.heads[0]); },
    [](auto& p) { ++p.heads[0].sequence; },
    [](auto& p) { p.heads[0].clock = queue_tick{2}; },
    [](auto& p) { p.heads[0].next_queue = queue_id{5}; },
    [](auto& p) { p.heads[0].next_queue = queue_id{3}; },
    [](auto& p) { ++p.heads[0].queues; },
    [](auto& p) { ++p.heads[0].items; },
    [](auto& p) { ++p.heads[0].sessions; },
    [](auto& p) { ++p.heads[0].answers; },
    [](auto& p) { --p.heads[0].items; },
    [](auto& p) { p.queues[0].label = "other"; },
    [](auto& p) { p.queues[0].label = ""; },
    [](auto& p) { p.queues[1].label = p.queues[0].label; },
    [](auto& p) { p.queues[0].popped = 7; },
    [](auto& p) { std::swap(p.queues[0], p.queues[1]); },
    [](auto& p) { p.queues[1].queue = queue_id{4}; },
    [](auto& p) { p.items.pop_back(); },
    [](auto& p) { p.items.push_back(p.items.back()); },
    [](auto& p) { std::swap(p.items[0].item, p.items[1].item); },
    [](auto& p) { p.items[0].queue = queue_id{2}; },
    [](auto& p) { p.items[0].item.is_bytes = true; },
    [](auto& p) { p.items.back().item.bytes += "x"; },
    [](auto& p) { p.sessions.pop_back(); },
    [](auto& p) { std::swap(p.sessions[0], p.sessions[1]); },
    [](auto& p) { p.sessions[0].used = queue_tick{9}; },
    [](auto& p) { p.sessions[0].first = 1; },
    [](auto& p) { p.sessions[0].first = 0; },
    [](auto& p) { p.sessions[1].session.birth = queue_tick{2}; },
    [](auto& p) { p.answers.pop_back(); },
    [](auto& p) { std::swap(p.answers[0], p.answers[1]); },
    [](auto& p) { p.answers[0].number = 500; },
    [](auto& p) { ++p.answers[0].value; },
    [](auto& p) { p.answers[0].status = msg::queue_status::waiting; },
    [](auto& p) { p.answers[0].status = msg::queue_status{0}; },
    [](auto& p) { p.answers[0].verb = msg::queue_verb::size; },
    [](auto& p) { ++p.answers[0].place.index; },
    [](auto& p) { p.answers[0].item.number = 4; },
    [](auto& p) { p.answers[0].session.random[3] ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto wrong = pages;
    changes[i](wrong[0]);
    ASSERT_NE(wrong, pages) << i;
    EXPECT_EQ(refusal(load(wrong)), ec::malformed) << i;
  }
  auto newer = pages;
  newer[0].format = 2;
  EXPECT_EQ(refusal(load(newer)), ec::unsupported);
}

TEST(SnapshotPages, ComeOnceAndInTheirOrder) { // SPEC Q5
  queue_steps x;
  queue_client alice{1};
  x.ask(alice.create("jobs"));
  for (int i = 0; i < 100; ++i)
    x.ask(alice.push(1, bytes_item(std::string(2'000, 'x'))));
  const auto pages = pages_of(x.machine);
  ASSERT_GT(pages.size(), 3u);
  auto missing = pages;
  missing.erase(missing.begin() + 1);
  EXPECT_EQ(refusal(load(missing)), ec::malformed);
  auto twice = pages;
  twice.insert(twice.begin() + 1, pages[1]);
  EXPECT_EQ(refusal(load(twice)), ec::malformed);
  auto more = pages;
  more.push_back(pages.back());
  EXPECT_EQ(refusal(load(more)), ec::malformed);
  auto few = pages;
  few.pop_back();
  EXPECT_EQ(refusal(load(few)), ec::malformed);
  EXPECT_EQ(refusal(snapshot_loader{}.finish()), ec::malformed);
}

// Not even one that would be right if the first of it had been.
TEST(SnapshotPages, NothingIsTakenAfterTheEndOrAFault) { // SPEC Q5
  auto page = pages_of(small_state().machine)[0];
  page.last = true;
  snapshot_loader loader;
  ASSERT_TRUE(loader.take(page));
  msg::queue_page more;
  more.format = page.format;
  more.number = 1;
  more.last = true;
  EXPECT_EQ(refusal(loader.take(more)), ec::malformed) << "it is over";
  snapshot_loader broken;
  auto wrong = page;
  wrong.number = 1;
  EXPECT_EQ(refusal(broken.take(wrong)), ec::malformed);
  EXPECT_EQ(refusal(broken.take(page)), ec::malformed) << "it is broken";
  snapshot_loader none;
  page.format = 0;
  EXPECT_EQ(refusal(none.take(page)), ec::malformed) << "no such format";
}

// Each row is judged where it is loaded, before any hash is.
TEST(SnapshotPages, RowsThatCannotBeAreRefusedOneByOne) { // SPEC Q5
  queue_table queues;
  ASSERT_TRUE(queues.load_next(queue_id{5}));
  ASSERT_TRUE(queues.load(msg::queue_row{queue_id{2}, "one", 0}));
  EXPECT_FALSE(queues.load(msg::queue_row{queue_id{2}, "two", 0}));
  const queue_limits limits;
  session_table sessions{limits};
  const auto who = queue_client{1}.session;
  EXPECT_FALSE(sessions.load({who, 1, queue_tick{8}}, queue_tick{7}))
    << "used in the future";
  auto unborn = who;
  unborn.birth = queue_tick{6};
  EXPECT_FALSE(sessions.load({unborn, 1, queue_tick{5}}, queue_tick{7}));
  ASSERT_TRUE(sessions.load(msg::queue_session_row{who, 1, {}}, {}));
  msg::queue_answer_row row;
  row.session = who;
  row.number = 1;
  row.verb = msg::queue_verb::push;
  row.status = msg::queue_status{11};
  EXPECT_FALSE(sessions.load(row));
  row.status = msg::queue_status{0};
  EXPECT_FALSE(sessions.load(row));
  row.status = msg::queue_status::done;
  EXPECT_TRUE(sessions.load(row));
}

// Whatever the bytes are: refused, or a state that holds its invariants.
TEST(SnapshotPages, TakeAnyBytes) { // SPEC O3
  const auto good = wire::encode(pages_of(small_state().machine)[0]);
  rng random{11};
  int decoded = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    for (auto flips = 1 + random.below(3); flips > 0; --flips)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    if (random.one_in(4))
      bytes.resize(random.below(bytes.size()));
    if (random.one_in(8))
      for (auto& byte : bytes)
        byte = static_cast<char>(random.below(256));
    const auto page = wire::decode<msg::queue_page>(bytes);
    if (!page)
      continue;
    ++decoded;
    const auto made = load({*page});
    if (made)
      made->check();
    EXPECT_EQ(bool{made}, bytes == good || wire::encode(*page) == good);
  }
  EXPECT_GT(decoded, 5'000);
}

} // namespace
} // namespace dfs::core
