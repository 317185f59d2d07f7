#include "core/chunks/restored_steps.hpp"

namespace dfs::core::test {
namespace {

// The next master believes the row: a chunk with one change and no bytes.
TEST_F(RestoredMaster,
       OneChangeOfAFreshChunkIsSeenByTheNextOne) { // SPEC G2, G4
  load_fresh();
  for (const std::uint64_t i : {1, 2, 3})
    enlist(i, {state(old_chunk, 4), state(fresh_chunk, 2, 1)});
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  take();
  const auto written = std::ranges::find(
    logged, fresh_chunk, [](const auto& x) { return x.row.chunk; });
  ASSERT_NE(written, logged.end());
  const auto row = written->row;
  directory_machine next{{.config = config(),
                          .term = term.next(),
                          .restored_at = term,
                          .seed = 8,
                          .confirmed = true},
                         now};
  for (std::uint64_t i = 1; i <= 3; ++i)
    next.load_server_row({store_id{i}, name(i), name(i), data(i)});
  next.load_file_row({.chunk = fresh_chunk,
                      .file = inode_id{10},
                      .extent = {chunk_version{1}, {}, 0, 0},
                      .replication = 3,
                      .intent = {},
                      .set = {store_id{1}, store_id{2}, store_id{3}}});
  next.load_version_row(row);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    msg::register_chunkserver x;
    x.store = store_id{i};
    x.boot = boot_id{i + 10};
    x.name = x.zone = name(i);
    x.data = data(i);
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    ASSERT_TRUE(next.register_server(x, now));
    ASSERT_TRUE(next.report({store_id{i},
                             boot_id{i + 10},
                             0,
                             true,
                             0,
                             {state(fresh_chunk, 2, 1)},
                             {}},
                            now));
    sequences[i] = 0;
  }
  std::size_t orders = 0;
  for (int n = 0; n < 600; ++n) {
    now += 500ms;
    for (std::uint64_t i = 1; i <= 3; ++i) {
      auto x = heartbeat_of(i);
      x.boot = boot_id{i + 10};
      x.term = term.next();
      EXPECT_TRUE(next.heartbeat(x, now));
    }
    next.tick(now);
    for (const auto& x : next.take_effects()) {
      orders += std::holds_alternative<ask_server>(x) ? 1 : 0;
      if (const auto* log = std::get_if<log_row>(&x))
        next.logged(log->token, now);
    }
  }
  const auto* entry = next.state().table.find(fresh_chunk);
  EXPECT_FALSE(entry->has(chunk_entry::settled)) << "no bytes are shown as all";
  EXPECT_GT(orders, 0u) << "nobody is asked how many there are";
}

} // namespace
} // namespace dfs::core::test
