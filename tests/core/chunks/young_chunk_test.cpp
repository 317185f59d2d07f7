#include "core/chunks/master_steps.hpp"

// Chunks that are of no file yet when another master begins.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using ANewMaster = test::Master;

// A chunk that a client is still writing, and that is of no file yet: the next
// master gives its client the same time.
TEST_F(ANewMaster, KeepsAChunkOfNoFileForAWhile) { // SPEC G1
  const chunk_id young{8};
  machine->load_version_row({.chunk = young,
                             .extent = {chunk_version{1}, {}, 0, 0},
                             .replication = 3,
                             .set = {store_id{1}, store_id{2}, store_id{3}}});
  const auto life = machine->state().config.pending_life;
  while (now - instant{} < life - 1s) {
    pass(500ms);
    ASSERT_NE(machine->state().table.find(young), nullptr);
  }
  for (int i = 0; i < 40; ++i)
    pass(500ms);
  EXPECT_EQ(machine->state().table.find(young), nullptr);
}

} // namespace
} // namespace dfs::core
