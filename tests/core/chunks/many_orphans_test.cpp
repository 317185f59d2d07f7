#include "core/chunks/directory_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <variant>
#include <vector>

// Many orphans at once: rather a sign that the metadata are wrong.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct ManyOrphans : ::testing::Test {
  instant now{1h};
  directory_machine machine{{.config = config(), .term = master_term{2}}, now};
  std::uint64_t sequence = 0;
  std::size_t largest = 0; ///< Order.

  static directory_config config() {
    directory_config x;
    x.orphan_life = 1min;
    return x;
  }

  // As a master gives them.
  static chunk_id id(std::uint64_t number) {
    return chunk_id{(std::uint64_t{1} << 40) + number};
  }

  // A server with so many chunks of files, and of none.
  void enlist(std::uint64_t files, std::uint64_t orphans) {
    for (std::uint64_t i = 1; i <= files; ++i)
      machine.load_file_row(
        {.chunk = id(i),
         .file = inode_id{9},
         .extent = {chunk_version{1}, mutation_serial{1}, 10, 10},
         .replication = 1});
    msg::register_chunkserver x;
    x.store = store_id{1};
    x.boot = boot_id{1};
    x.name = "store-1";
    x.data = *endpoint::parse("10.0.0.1:7405");
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(x, now));
    std::vector<msg::chunk_state> all;
    for (std::uint64_t i = 1; i <= files + orphans; ++i)
      all.push_back({id(i), {chunk_version{1}, mutation_serial{1}, 10, 10}});
    std::uint32_t page = 0;
    for (std::size_t at = 0; at < all.size(); ++page) {
      const auto end = std::min(at + msg::chunk_page_max, all.size());
      ASSERT_TRUE(
        machine.report({store_id{1},
                        boot_id{1},
                        page,
                        end == all.size(),
                        0,
                        {all.begin() + static_cast<std::ptrdiff_t>(at),
                         all.begin() + static_cast<std::ptrdiff_t>(end)},
                        {}},
                       now));
      at = end;
    }
  }

  // Nobody answers: what is ordered is counted once.
  std::size_t deleted_in(std::chrono::nanoseconds time) {
    std::set<chunk_id> all;
    for (const auto end = now + time; now < end;) {
      now += 500ms;
      msg::chunk_heartbeat x;
      x.store = store_id{1};
      x.boot = boot_id{1};
      x.term = master_term{2};
      x.sequence = ++sequence;
      x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
      x.led_last = x.all_told = true;
      EXPECT_TRUE(machine.heartbeat(x, now));
      machine.tick(now);
      for (const auto& effect : machine.take_effects())
        if (const auto* order = std::get_if<ask_server>(&effect))
          if (const auto* gone
              = std::get_if<msg::delete_chunks>(&order->order)) {
            largest = std::max(largest, gone->chunks.size());
            for (const auto& y : gone->chunks)
              all.insert(y.chunk);
          }
    }
    return all.size();
  }
};

TEST_F(ManyOrphans, AreNotDeletedByThemselves) { // SPEC G12
  enlist(2'000, 21);
  EXPECT_EQ(machine.collector().held(0), 0u) << "their time has not come";
  EXPECT_EQ(deleted_in(10min), 0u);
  EXPECT_EQ(machine.collector().held(0), 21u);
  EXPECT_EQ(machine.confirm(msg::confirm_deletion{"nobody"}).error().code,
            ec::not_found);
  const auto confirmed = machine.confirm(msg::confirm_deletion{"store-1"});
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->orphans, 21u);
  EXPECT_GE(deleted_in(2min), 21u);
}

TEST_F(ManyOrphans, AFewAreUsual) { // SPEC G12
  enlist(2'000, 20);
  EXPECT_EQ(machine.collector().held(0), 0u);
  EXPECT_GE(deleted_in(3min), 20u);
}

TEST_F(ManyOrphans, OnASmallServerAsManyAsOnePutLeaves) { // SPEC G12
  enlist(10, 16);
  EXPECT_GE(deleted_in(3min), 16u);
}

// Files were removed, and a master died before their replicas were gone.
TEST_F(ManyOrphans, ThoseThatWereDeletedAreNone) { // SPEC G12
  msg::release_chunks removed;
  for (std::uint64_t i = 11; i <= 110; ++i)
    removed.chunks.push_back(id(i));
  machine.load_server_row({.store = store_id{1},
                           .name = "store-1",
                           .data = *endpoint::parse("10.0.0.1:7405")});
  machine.release(removed, now); // As at the start.
  enlist(10, 100);
  EXPECT_EQ(machine.collector().orphans(), 0u);
  EXPECT_GE(deleted_in(61s), 100u); // Not after `orphan_life`.
  EXPECT_EQ(machine.collector().held(0), 0u);
}

// A longer one would be refused by its server as malformed.
TEST_F(ManyOrphans, AreOrderedNoMoreThanAPageHolds) { // SPEC G12
  enlist(10, 3'000);
  ASSERT_TRUE(machine.confirm(msg::confirm_deletion{"store-1"}));
  EXPECT_EQ(deleted_in(3min), 3'000u);
  EXPECT_EQ(largest, msg::chunk_page_max);
}

// They are looked at in portions, one after the other.
TEST_F(ManyOrphans, AreOrderedAllOrphansInTheEnd) { // SPEC G12
  enlist(10, 25'000);
  ASSERT_TRUE(machine.confirm(msg::confirm_deletion{"store-1"}));
  EXPECT_EQ(deleted_in(10min), 25'000u);
}

} // namespace
} // namespace dfs::core
