#include "core/chunks/keeper_steps.hpp"

namespace dfs::core {
namespace {

struct KeeperLife : KeeperMachine {
  msg::chunkserver_registered answer_of(std::uint64_t granted) {
    return {.term = master_term{3},
            .heartbeat_ms = 500,
            .chunk_size = 0,
            .chunk_lease_ms = 60'000,
            .life = 0,
            .durable = 0,
            .granted = lease_epoch{granted}};
  }
};

// What was granted since was granted to this life of the server.
TEST_F(KeeperLife, BeginsWithItsFirstRegistrationAlone) { // SPEC I3
  talk = begin().talk;
  EXPECT_FALSE(find<begin_life>());
  step(machine.registered(talk, answer_of(40), now()));
  const auto begun = find<begin_life>();
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->granted, lease_epoch{40});
  step(machine.master_lost(now()));
  talk = begin().talk;
  step(machine.registered(talk, answer_of(50), now()));
  EXPECT_TRUE(machine.status().registered);
  EXPECT_FALSE(find<begin_life>());
}

} // namespace
} // namespace dfs::core
