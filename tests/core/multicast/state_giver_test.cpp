#include "support/multicast_machines.hpp"

// Who gives its state to others.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class StateGiver : public multicast_machines {};

// The one who encodes it may run out of memory.
TEST_F(StateGiver, AsksForAStateAgainThatNobodyGave) { // SPEC Q5
  config.retained = 50;
  config.unstable = 20;
  config.fit_lag = 10;
  config.state_patience = 5s;
  begin(3);
  run(300ms);
  gives = false;
  replace_disk(2);
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  for (submit_token i = 1; i <= 200; ++i) {
    submit(0, i, "x");
    run(1ms);
  }
  pass = [](auto, auto, const auto&) { return true; };
  run(3s);
  const auto asked = wanted_states;
  EXPECT_GT(asked, 0);
  run(1s);
  EXPECT_EQ(wanted_states, asked);
  EXPECT_EQ(replaced[server_id{3}], 0);
  gives = true;
  run(5s);
  EXPECT_GT(wanted_states, asked);
  EXPECT_EQ(replaced[server_id{3}], 1);
  EXPECT_TRUE(machines[2]->serving());
}

} // namespace
} // namespace dfs::core
