#include "core/chunks/master_steps.hpp"

// How long a server that was lost is waited for (`chunks.repair_delay`).

namespace dfs::core {
namespace {

using namespace test;

struct RepairDelay : Master {
  static constexpr auto delay = std::chrono::minutes{2};

  /// Three servers have the chunk, a fourth one has room; the third is lost.
  RepairDelay() {
    auto how = options(2);
    how.config.repair_delay = delay;
    machine.emplace(how, now);
    load(extent);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, extent);
    enrol(4, std::nullopt);
    for (int i = 0; i < 10; ++i)
      pass(500ms);
    servers.erase(3);
    while (!machine->state().servers.at(third()).lost)
      pass(500ms);
    lost_at = now;
  }

  server_index third() const {
    return *machine->state().servers.find(store_id{3});
  }

  void pass_to(instant then) {
    while (now < then)
      pass(500ms);
  }

  instant lost_at{};
};

// Nothing else has to happen meanwhile.
TEST_F(RepairDelay, EndsByItself) { // SPEC G10
  pass_to(lost_at + delay - 1s);
  EXPECT_EQ(orders<msg::copy_chunk>(), 0u);
  pass_to(lost_at + delay + 1s);
  EXPECT_EQ(orders<msg::copy_chunk>(), 1u);
}

TEST_F(RepairDelay, IsOverWhenTheServerIsBack) { // SPEC G10
  pass_to(lost_at + delay - 10s);
  servers.insert(3);
  pass_to(lost_at + 3 * delay);
  EXPECT_EQ(orders<msg::copy_chunk>(), 0u);
}

} // namespace
} // namespace dfs::core
