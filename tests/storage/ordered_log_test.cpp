#include "storage/ordered_log/ordered_log.hpp"

#include "storage/ordered_log/log_recovery.hpp"
#include "support/ordered_log_lives.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

namespace dfs::storage {
namespace {

using test::file_call;
using test::refusal;

struct OrderedLog : ::testing::Test {
  sim::disk disk;
  test::simulated_files files{disk};
  std::string directory = "/data/log";
  ordered_log_options options;
  std::unique_ptr<ordered_log> log;

  OrderedLog() {
    options.owner = store_id{77};
    options.segment_bytes = 4'096;
    options.promise_bytes_max = 256;
    options.threads = false;
    (void) disk.make_directory("/data");
    (void) disk.sync_directory("/");
  }

  void open() {
    log.reset();
    auto opened = ordered_log::open(files, directory, options);
    ASSERT_TRUE(opened) << opened.error().context;
    log = *std::move(opened);
  }

  void append(std::uint64_t from, std::uint64_t to, std::size_t bytes = 100) {
    for (auto k = from; k <= to; ++k)
      log->append(k, text_of(k, bytes), expect_done());
    log->run_once();
  }

  static std::string text_of(std::uint64_t k, std::size_t bytes = 100) {
    return std::to_string(k) + std::string(bytes, 'x');
  }

  static ordered_log::callback expect_done() {
    return [](const auto& x) { EXPECT_TRUE(x) << x.error().context; };
  }

  void install(std::uint64_t k, const std::string& page,
               ordered_log::snapshot_kind kind) {
    auto draft = log->begin_snapshot(k);
    ASSERT_TRUE(draft);
    ASSERT_TRUE((*draft)->add(page));
    log->install(*std::move(draft), kind, expect_done());
    log->run_once();
    log->run_once();
  }

  std::string snapshot() {
    std::string all;
    EXPECT_TRUE(log->read_snapshot([&](auto page) {
      all += page;
      return result<nothing>{done};
    }));
    return all;
  }

  std::size_t segments() {
    const auto names = *files.list(directory);
    return static_cast<std::size_t>(
      std::count_if(names.begin(), names.end(),
                    [](const auto& name) { return name.starts_with("log-"); }));
  }
};

using kind = ordered_log::snapshot_kind;

TEST_F(OrderedLog, GoesOnWhereItEnded) { // SPEC Q10
  open();
  EXPECT_EQ(log->found().last, 0u);
  append(1, 5);
  log->promise("first", expect_done());
  log->promise("second", expect_done());
  append(6, 6);
  open();
  EXPECT_EQ(log->found().last, 6u);
  EXPECT_EQ(log->found().promise, "second");
  EXPECT_FALSE(log->found().snapshot);
  EXPECT_EQ(*log->read(4), text_of(4));
  EXPECT_EQ(refusal(log->read(7)), ec::not_found);
  EXPECT_EQ(refusal(log->read(0)), ec::not_found);
  append(7, 8);
  open();
  EXPECT_EQ(log->readable(), std::pair(std::uint64_t{1}, std::uint64_t{8}));
}

TEST_F(OrderedLog, FillsManySegments) { // SPEC Q10
  open();
  for (std::uint64_t k = 1; k <= 300; ++k)
    append(k, k);
  EXPECT_GT(segments(), 8u);
  open();
  EXPECT_EQ(log->found().last, 300u);
  for (std::uint64_t k = 1; k <= 300; ++k)
    EXPECT_EQ(*log->read(k), text_of(k));
}

TEST_F(OrderedLog, ACheckpointDropsWhatItHolds) { // SPEC Q10
  open();
  log->promise("kept", expect_done());
  append(1, 100);
  EXPECT_GT(segments(), 3u);
  install(90, "state at 90", kind::checkpoint);
  EXPECT_LE(segments(), 2u);
  const auto [first, last] = log->readable();
  EXPECT_LE(first, 91u);
  EXPECT_EQ(last, 100u);
  open();
  EXPECT_EQ(log->found().snapshot, 90u);
  EXPECT_EQ(log->found().last, 100u);
  EXPECT_EQ(log->found().promise, "kept"); // I8, though its segment is gone.
  EXPECT_EQ(snapshot(), "state at 90");
  install(100, "state at 100", kind::checkpoint);
  install(100, "the same", kind::checkpoint);
  open();
  EXPECT_EQ(snapshot(), "state at 100");
  append(101, 101);
}

TEST_F(OrderedLog, AReplacementDropsEverything) { // SPEC Q5, Q7; I9
  open();
  append(1, 50);
  log->promise("kept", expect_done());
  install(20, "state of others", kind::replacement);
  EXPECT_EQ(log->readable(), std::pair(std::uint64_t{0}, std::uint64_t{0}));
  EXPECT_EQ(refusal(log->read(20)), ec::not_found);
  append(21, 22);
  open();
  EXPECT_EQ(log->found().snapshot, 20u);
  EXPECT_EQ(log->found().last, 22u);
  EXPECT_EQ(log->found().promise, "kept");
  install(500, "far ahead", kind::replacement);
  open();
  EXPECT_EQ(log->found().last, 500u);
  append(501, 501);
}

TEST_F(OrderedLog, ACutMakesRoomForOthers) { // SPEC Q4
  open();
  append(1, 10);
  log->cut(7, expect_done());
  log->append(8, "another", expect_done());
  log->run_once();
  EXPECT_EQ(log->readable(), std::pair(std::uint64_t{1}, std::uint64_t{8}));
  open();
  EXPECT_EQ(log->found().last, 8u);
  EXPECT_EQ(*log->read(8), "another");
  EXPECT_EQ(*log->read(7), text_of(7));
}

// A cut, then its segment's predecessor is dropped by a checkpoint.
TEST_F(OrderedLog, ACutMayReachIntoSegmentsThatAreGone) {
  open();
  append(1, 15);
  while (segments() == 1)
    append(log->readable().second + 1, log->readable().second + 1);
  const auto last = log->readable().second;
  log->cut(last - 5, expect_done());
  append(last - 4, last + 10);
  install(last + 5, "state", kind::checkpoint);
  open();
  EXPECT_EQ(log->found().last, last + 10);
  EXPECT_EQ(*log->read(last + 10), text_of(last + 10));
}

TEST_F(OrderedLog, NothingIsThereBeforeItsCallback) { // SPEC Q10, I7
  open();
  bool called = false;
  log->append(1, "x", [&](const auto&) { called = true; });
  EXPECT_FALSE(called);
  EXPECT_EQ(refusal(log->read(1)), ec::not_found);
  log->run_once();
  EXPECT_TRUE(called);
  EXPECT_EQ(*log->read(1), "x");
}

TEST_F(OrderedLog, WhatWaitsSharesASync) { // Group commit
  open();
  append(1, 1);
  const auto syncs = files.calls(file_call::sync);
  const auto writes = files.calls(file_call::write);
  std::vector<std::uint64_t> order;
  for (std::uint64_t k = 2; k <= 31; ++k)
    log->append(k, "x", [&order, k](const auto&) { order.push_back(k); });
  log->run_once();
  EXPECT_EQ(order.size(), 30u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(files.calls(file_call::sync), syncs + 1);
  // One of the block, one of the mark.
  EXPECT_EQ(files.calls(file_call::write), writes + 2);
}

// A sync of a block must not have to write metadata: no file grows, and none is
// made while somebody waits.
TEST_F(OrderedLog, SegmentsAreMadeAhead) {
  open();
  log->run_once();
  const auto opens = files.calls(file_call::open);
  append(1, 1);
  EXPECT_EQ(files.calls(file_call::open), opens);
  const auto names = *files.list(directory);
  EXPECT_NE(std::find(names.begin(), names.end(), "spare"), names.end());
  for (const auto& name : names)
    if (name != "lock")
      EXPECT_EQ(
        *(*files.open(directory + "/" + name, open_mode::existing))->size(),
        options.segment_bytes)
        << name;
}

TEST_F(OrderedLog, OneSnapshotAtATime) {
  open();
  append(1, 3);
  auto first = log->begin_snapshot(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(refusal(log->begin_snapshot(2)), ec::busy);
  first = fail(ec::cancelled);
  EXPECT_TRUE(log->begin_snapshot(2));
  EXPECT_EQ(
    refusal(log->read_snapshot([](auto) { return result<nothing>{done}; })),
    ec::not_found);
}

TEST_F(OrderedLog, ReadersOfASnapshotMayRefuse) {
  open();
  append(1, 3);
  install(2, "state", kind::checkpoint);
  EXPECT_EQ(refusal(log->read_snapshot(
              [](auto) { return result<nothing>{fail(ec::malformed)}; })),
            ec::malformed);
}

TEST_F(OrderedLog, RefusesWhatIsNotItsOwn) { // SPEC Q10
  open();
  append(1, 1);
  EXPECT_EQ(refusal(ordered_log::open(files, directory, options)), ec::in_use);
  log.reset();
  auto others = options;
  others.owner = store_id{78};
  EXPECT_EQ(refusal(ordered_log::open(files, directory, others)),
            ec::configuration);
  open();
  install(1, "state", kind::checkpoint);
  log.reset();
  EXPECT_EQ(refusal(ordered_log::open(files, directory, others)),
            ec::configuration);
}

TEST_F(OrderedLog, IsNotMadeAnewWhenItHasVanished) { // SPEC Q10, I8
  open();
  append(1, 1);
  log.reset();
  const auto names = *files.list(directory);
  for (const auto& name : names)
    ASSERT_TRUE(files.remove(directory + "/" + name));
  EXPECT_EQ(refusal(ordered_log::open(files, directory, options)),
            ec::configuration);
}

TEST_F(OrderedLog, MissingSegmentsAreDamage) { // SPEC Q10
  open();
  for (std::uint64_t k = 1; k <= 200; ++k)
    append(k, k);
  log.reset();
  ASSERT_TRUE(files.remove(directory + "/" + segment_name(3)));
  EXPECT_EQ(refusal(ordered_log::open(files, directory, options)),
            ec::integrity);
}

TEST_F(OrderedLog, AFullDiskIsTheEndAndSaysSo) { // SPEC G16
  int failures = 0;
  options.on_failure = [&](const error& why) {
    EXPECT_EQ(why.code, ec::full);
    ++failures;
  };
  open();
  log->run_once();
  files.set_capacity(disk.used());
  EXPECT_EQ(log->free_bytes(), 0u);
  std::optional<ec> told;
  for (std::uint64_t k = 1; k <= 200; ++k) {
    log->append(k, text_of(k), [&](const auto& x) { told = refusal(x); });
    log->run_once();
  }
  EXPECT_EQ(told, ec::full);
  EXPECT_EQ(failures, 1);
}

// -- with its threads, on files of the system ---------------------------------

struct OrderedLogThreads : ::testing::Test {
  test::temp_dir place;
  ordered_log_options options;

  OrderedLogThreads() {
    options.owner = store_id{77};
    options.segment_bytes = 256u << 10;
  }

  std::unique_ptr<ordered_log> open() {
    auto opened = ordered_log::open(posix_files(), place / "log", options);
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }
};

TEST_F(OrderedLogThreads, CallBackInOrderAndKeepEverything) { // SPEC Q10
  auto log = open();
  ASSERT_TRUE(log);
  constexpr std::uint64_t count = 3'000;
  std::vector<std::uint64_t> order;
  for (std::uint64_t k = 1; k <= count; ++k) {
    log->append(k, std::to_string(k) + std::string(200, 'x'),
                [&order, k](const auto& x) {
                  EXPECT_TRUE(x);
                  order.push_back(k);
                });
    if (k == count / 2) {
      auto draft = log->begin_snapshot(k);
      ASSERT_TRUE(draft);
      ASSERT_TRUE((*draft)->add("state"));
      log->install(*std::move(draft), kind::checkpoint,
                   [](const auto& x) { EXPECT_TRUE(x); });
    }
  }
  std::promise<void> over;
  log->promise("promised", [&](const auto&) { over.set_value(); });
  over.get_future().wait();
  EXPECT_EQ(order.size(), count);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  log.reset();
  log = open();
  EXPECT_EQ(log->found().snapshot, count / 2);
  EXPECT_EQ(log->found().last, count);
  EXPECT_EQ(log->found().promise, "promised");
  EXPECT_TRUE(log->read(count));
}

TEST_F(OrderedLogThreads, ReadersGoOnBesideWriters) {
  options.sync = false; // As fast as it gets.
  auto log = open();
  ASSERT_TRUE(log);
  std::atomic<std::uint64_t> durable{0};
  std::thread reader{[&] {
    while (durable < 1'000) {
      const auto last = log->readable().second;
      if (last == 0)
        continue;
      const auto bytes = log->read(last);
      if (bytes)
        EXPECT_TRUE(bytes->starts_with(std::to_string(last)));
      else
        EXPECT_EQ(bytes.error().code, ec::not_found);
    }
  }};
  for (std::uint64_t k = 1; k <= 1'000; ++k) {
    std::promise<void> one;
    log->append(k, std::to_string(k) + std::string(900, 'x'),
                [&](const auto&) { one.set_value(); });
    one.get_future().wait();
    durable = k;
  }
  reader.join();
}

} // namespace
} // namespace dfs::storage
