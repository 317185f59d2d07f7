#include "core/chunks/revoked_table.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr revoked_limits limits{.memory = 180s, .few = 8};

TEST(RevokedTable, KnowsTheHighestVersion) {
  revoked_table table;
  EXPECT_EQ(table.below(chunk_id{1}), chunk_version{});
  table.add(chunk_id{1}, chunk_version{3}, {});
  table.add(chunk_id{1}, chunk_version{2}, {});
  EXPECT_EQ(table.below(chunk_id{1}), chunk_version{3});
}

// V1 and V2, with replicas that come, go and are revoked.
TEST(RevokedTable, DropsWhatNothingNeedsAndNothingElse) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    revoked_table table{limits};
    boot_instant now{};
    boot_instant leased_since{};
    std::map<chunk_id, std::uint64_t> here; ///< Versions.
    std::map<chunk_id, std::pair<std::uint64_t, boot_instant>> told;
    const auto holds = [&](chunk_id chunk, chunk_version below) {
      const auto x = here.find(chunk);
      return x != here.end() && x->second < below.value();
    };
    for (int step = 0; step < 3'000; ++step) {
      now += std::chrono::milliseconds{random.below(5'000)};
      const chunk_id chunk{random.below(200) + 1};
      if (random.one_in(3)) {
        const auto version = random.below(50) + 1;
        auto& x = told[chunk];
        x = {std::max(x.first, version), now};
        table.add(chunk, chunk_version{version}, now);
        table.tidy(now, leased_since, holds);
      } else if (random.one_in(200)) {
        leased_since = now;
      } else if (random.one_in(2)) {
        here.erase(chunk);
      } else {
        here[chunk]
          = std::max(random.below(50) + 1, table.below(chunk).value());
      }
      for (const auto& [each, row] : told)
        if (holds(each, chunk_version{row.first})
            || now - std::max(row.second, leased_since) < limits.memory)
          ASSERT_EQ(table.below(each).value(), row.first);
      std::erase_if(told, [&](const auto& x) {
        return table.below(x.first) == chunk_version{};
      });
    }
  }
}

// V2: what a process that was stopped had received arrives when it resumes.
TEST(RevokedTable, KeepsAllRowsForAWhileAfterAGap) {
  revoked_table table{limits};
  const auto nothing = [](chunk_id, chunk_version) { return false; };
  for (std::uint64_t i = 1; i <= 100; ++i)
    table.add(chunk_id{i}, chunk_version{2}, {});
  const auto resumed = boot_instant{} + 1h;
  table.tidy(resumed + limits.memory - 1ms, resumed, nothing);
  EXPECT_EQ(table.size(), 100u);
  table.tidy(resumed + limits.memory, resumed, nothing);
  EXPECT_EQ(table.size(), 0u);
}

// A row is kept for as long as the replica that it is about.
TEST(RevokedTable, KeepsWhatIsAboutAReplica) {
  revoked_table table{limits};
  boot_instant now{};
  table.add(chunk_id{1}, chunk_version{2}, now);
  const auto holds
    = [](chunk_id chunk, chunk_version) { return chunk == chunk_id{1}; };
  for (std::uint64_t i = 2; i < 10'000; ++i) {
    now += 100ms;
    table.add(chunk_id{i}, chunk_version{2}, now);
    table.tidy(now, {}, holds);
    ASSERT_EQ(table.below(chunk_id{1}), chunk_version{2});
    // 1,800 of them are younger than `memory`.
    ASSERT_LE(table.size(), 2u * (1'800 + 2) + limits.few);
  }
}

// As when all chunks that it leads are overwritten elsewhere, again and again.
TEST(RevokedTable, IsBounded) {
  revoked_table table;
  boot_instant now{};
  for (std::uint64_t i = 1; i <= 1'000'000; ++i) {
    now += 1s;
    table.add(chunk_id{i}, chunk_version{2}, now);
    table.tidy(now, {}, [](chunk_id, chunk_version) { return false; });
    ASSERT_LE(table.size(), 1'025u);
  }
}

} // namespace
} // namespace dfs::core
