#pragma once

#include "core/chunks/replica_order.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

namespace dfs::core {

/// The order of one chunk, empty at first, at one replica of it.
struct ordered_chunk : ::testing::Test {
  static constexpr std::uint32_t chunk_size = 1u << 20;
  static constexpr chunk_version first{1};
  static constexpr lease_epoch epoch{5};
  static constexpr writer_id alice{11};
  static constexpr writer_id bob{12};

  replica_order order{{.version = first}, chunk_size};

  /// Ordered, applied, and had by all.
  change_plan done(const result<change_plan>& plan) {
    EXPECT_TRUE(plan) << (plan ? "" : plan.error().context);
    if (plan && plan->apply) {
      order.applied(*plan->apply, true, true);
      order.synced(plan->apply->serial);
      order.confirmed(plan->apply->serial);
      EXPECT_EQ(order.next_answer(), plan->apply->serial);
    }
    order.check();
    return plan ? *plan : change_plan{};
  }
};

} // namespace dfs::core
