#include "core/chunks/directory_machine.hpp"
#include "core/groups/version_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

// A master that hears from a server that its metadata are not the newest.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr msg::master_mark seen{master_term{2}, 99, 50};

// Of the second life; another one had its term.
std::vector<master_life> lives() {
  return {{master_term{1}, 11, 0}, {master_term{2}, 22, 40}};
}

struct OutdatedMaster : ::testing::Test {
  instant now{1h};
  directory_machine chunks{
    {.config = config(), .term = master_term{2}, .lives = lives()}, now};
  std::uint64_t sequence = 0;

  static directory_config config() {
    directory_config x;
    x.orphan_life = 0s;
    x.deletion_delay = 0s;
    x.node_lease = 1s;
    return x;
  }

  auto enlist(std::uint64_t store, const msg::master_mark& obeyed) {
    msg::register_chunkserver x;
    x.store = store_id{store};
    x.boot = boot_id{store};
    x.name = "store-" + std::to_string(store);
    x.data = *endpoint::parse("10.0.0.1:7405");
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    x.obeyed = obeyed;
    return chunks.register_server(x, now);
  }

  auto beat(std::uint64_t store) {
    msg::chunk_heartbeat x;
    x.store = store_id{store};
    x.boot = boot_id{store};
    x.term = master_term{2};
    x.sequence = ++sequence;
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    x.led_last = x.all_told = true;
    return chunks.heartbeat(x, now);
  }

  // An orphan, which is to go at once.
  void report_orphan(std::uint64_t store) {
    ASSERT_TRUE(chunks.report(
      {store_id{store},
       boot_id{store},
       0,
       true,
       0,
       {{chunk_id{(std::uint64_t{1} << 40) + 7}, {chunk_version{1}, {}, 0, 0}}},
       {}},
      now));
  }

  std::size_t deletions() {
    std::size_t count = 0;
    for (const auto& x : chunks.take_effects())
      if (const auto* order = std::get_if<ask_server>(&x))
        count += std::holds_alternative<msg::delete_chunks>(order->order);
    return count;
  }

  void pass(std::chrono::nanoseconds time) {
    now += time;
    (void) beat(1);
    chunks.tick(now);
  }
};

} // namespace

TEST_F(OutdatedMaster, TellsHowFarItHasCome) { // SPEC G12
  chunks.reached(44);
  const auto answer = enlist(1, {master_term{1}, 11, 40});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->life, 22u);
  EXPECT_EQ(answer->durable, 44u);
  chunks.reached(45);
  EXPECT_EQ(beat(1)->durable, 45u);
}

TEST_F(OutdatedMaster, OrdersNothingAnyMore) { // SPEC G12
  ASSERT_TRUE(enlist(1, {}));
  report_orphan(1);
  for (int i = 0; i < 40 && deletions() == 0; ++i)
    pass(500ms);
  pass(2min);
  pass(500ms);
  pass(500ms);
  EXPECT_GT(deletions(), 0u); // It would.
  const auto refused = enlist(2, seen);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::stale);
  EXPECT_NE(refused.error().context.find("admin metadata restore"),
            std::string::npos);
  EXPECT_FALSE(chunks.stopped().empty());
  (void) chunks.take_effects();
  for (int i = 0; i < 10; ++i) {
    pass(2min);
    EXPECT_EQ(deletions(), 0u);
  }
  EXPECT_EQ(beat(1).error().code, ec::stale);
  EXPECT_EQ(enlist(1, {}).error().code, ec::stale);
  EXPECT_EQ(chunks.allocate({}, now).error().code, ec::stale);
  EXPECT_EQ(chunks.adopt({}, {}, now).error().code, ec::stale);
  EXPECT_EQ(chunks.locate({}, now).error().code, ec::stale);
  EXPECT_EQ(chunks.forget({}, now).error().code, ec::stale);
  chunks.lease(1, {}, now);
  const auto answers = chunks.take_effects();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(std::get<answer_lease>(answers[0]).answer.error().code, ec::stale);
}

TEST_F(OutdatedMaster, AppointsNobodyAnyMore) { // SPEC G12
  version_directory_config config;
  config.rules[0] = {1, 1, 1};
  config.groups = 1;
  version_directory files{{config, master_term{2}, {lives(), master_term{1}}},
                          now};
  files.begin(now);
  const auto enlist = [&](std::uint64_t store, const msg::master_mark& obeyed) {
    msg::register_fileserver x;
    x.store = store_id{store};
    x.boot = boot_id{store};
    x.name = "files-" + std::to_string(store);
    x.data = *endpoint::parse("10.0.0.1:7404");
    x.obeyed = obeyed;
    return files.register_server(x, now);
  };
  ASSERT_TRUE(enlist(1, {master_term{1}, 11, 40}));
  EXPECT_EQ(enlist(2, seen).error().code, ec::stale);
  (void) files.take_effects();
  for (std::uint64_t i = 1; i < 20; ++i) {
    now += 500ms;
    msg::fileserver_beat x;
    x.store = store_id{1};
    x.boot = boot_id{1};
    x.term = master_term{2};
    x.sequence = i;
    x.all_told = true;
    EXPECT_EQ(files.beat(x, now).error().code, ec::stale);
    files.tick(now);
    EXPECT_TRUE(files.take_effects().empty());
  }
  EXPECT_EQ(files.number_writer().error().code, ec::stale);
  EXPECT_EQ(files.locate(msg::locate_group{}, now).error().code, ec::stale);
}

} // namespace dfs::core
