#include "core/chunks/master_steps.hpp"

// Orders to delete replicas that are not carried out, or whose answers are
// lost: what is there still, or may be, is reckoned with again.

namespace dfs::core {
namespace {

using namespace test;

struct DeletionOrder : Master {
  DeletionOrder() {
    load(extent);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, extent);
  }

  /// Until a deletion is ordered: not in the first minute of a master.
  std::optional<ask_server> order() {
    for (int i = 0; i < 200; ++i) {
      pass(500ms);
      for (const auto& x : asked)
        if (std::holds_alternative<msg::delete_chunks>(x.order))
          return std::exchange(asked, {}).front();
    }
    return std::nullopt;
  }

  void end(const ask_server& order, const result<server_reply>& with) {
    machine->answered(order.token, with, now);
    perform();
  }

  void lose(std::uint8_t n) {
    servers.erase(n);
    machine->link_lost(store_id{n}, boot(n), now);
    perform();
  }

  bool waits_for(auto what) {
    for (int i = 0; i < 60 && !what(); ++i)
      pass(500ms);
    return what();
  }
};

// A copy is on its way when the file is purged: its target is to delete it.
TEST_F(DeletionOrder, OfAFileGoesToTargetsOfCopiesToo) { // SPEC G12
  enrol(4, std::nullopt);
  lose(3);
  ASSERT_TRUE(waits_for([&] { return orders<msg::copy_chunk>() == 1; }));
  asked.clear();
  machine->release({{chunk}}, now);
  perform();
  std::set<std::uint8_t> ordered;
  for (int i = 0; i < 200; ++i) {
    pass(500ms);
    for (const auto& x : asked)
      if (std::holds_alternative<msg::delete_chunks>(x.order))
        ordered.insert(number_of(x));
  }
  EXPECT_EQ(ordered, (std::set<std::uint8_t>{1, 2, 4}));
}

// It lists all that it has, anew, before the copy is there.
TEST_F(DeletionOrder, GoesToATargetThatDoesNotListItsCopyYet) { // SPEC G12
  enrol(4, std::nullopt);
  lose(3);
  ASSERT_TRUE(waits_for([&] { return orders<msg::copy_chunk>() == 1; }));
  machine->release({{chunk}}, now);
  report(4, std::nullopt);
  msg::chunk_heartbeat told;
  told.store = store_id{4};
  told.boot = boot(4);
  told.term = machine->state().term;
  told.sequence = ++sequences[4];
  told.volumes = {{4, 1u << 30, 1u << 30, false, "/disk"}};
  told.led_last = told.all_told = true;
  EXPECT_TRUE(machine->heartbeat(told, now));
  perform();
  EXPECT_TRUE(waits_for([&] {
    pass(2s);
    return std::ranges::any_of(asked, [&](const ask_server& x) {
      return std::holds_alternative<msg::delete_chunks>(x.order)
             && number_of(x) == 4;
    });
  }));
}

TEST_F(DeletionOrder, ThatIsRefusedLeavesAPlaceForACopy) { // SPEC G10
  auto old = extent;
  old.version = chunk_version{1};
  enrol(4, old);
  const auto given = order();
  ASSERT_TRUE(given);
  ASSERT_EQ(number_of(*given), 4);
  end(*given, fail(ec::busy));
  pass(500ms);
  EXPECT_EQ(orders<msg::delete_chunks>(), 0u) << "not at once";
  lose(3);
  EXPECT_TRUE(waits_for([&] { return orders<msg::copy_chunk>() == 1; }))
    << "nobody else has room for a copy";
}

TEST_F(DeletionOrder, ThatIsNotAnsweredLeavesAReplicaThatCanLead) { // SPEC G10
  enrol(4, extent);
  const auto given = order();
  ASSERT_TRUE(given);
  const auto victim = given->server;
  end(*given, fail(ec::timed_out));
  EXPECT_EQ(machine->state().table.behind(chunk),
            std::vector<server_index>{victim});
  const auto gone = number_of(*given) == 1 ? 2 : 1;
  lose(static_cast<std::uint8_t>(gone));
  EXPECT_TRUE(waits_for([&] { return orders<msg::fence_chunk>() == 2; }))
    << "a grant leaves it out, and it can be copied there";
}

TEST_F(DeletionOrder, ThatIsDoneIsForgotten) { // SPEC G12
  auto old = extent;
  old.version = chunk_version{1};
  enrol(4, old);
  const auto given = order();
  ASSERT_TRUE(given);
  end(*given, server_reply{msg::chunks_deleted{{chunk}}});
  EXPECT_FALSE(machine->state().table.odd().contains(chunk));
}

} // namespace
} // namespace dfs::core
