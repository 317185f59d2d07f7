#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/held_files.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

// A replica is deleted by a disk thread, some time after it was looked at which
// version is here. What comes in between must not go with it
// (docs/protocols/chunks.md, "What is deleted").

namespace dfs::chunkserver {
namespace {

using test::pattern;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_id other{8}; // Copied, to keep the disk thread at work.
constexpr chunk_version first{1};
constexpr chunk_version second{2};
constexpr std::size_t here = 2; // The server that is looked at.

struct Removal : ::testing::Test {
  test::held_files files;
  test::data_chain servers{{.count = 3, .files = &files, .disk_threads = 1}};
  std::string bytes = pattern(std::size_t{2} * test::held_files::piece, 1);
  std::promise<void> end;

  void write(const msg::chunk_grant& grant) {
    for (const std::uint32_t at : {0u, test::held_files::piece}) {
      const auto piece = bytes.substr(at, test::held_files::piece);
      const auto answer
        = servers.caller(0)->call(write_of(grant, at, piece), piece);
      ASSERT_TRUE(answer.message) << answer.message.error().context;
    }
  }

  template <class T, class Start>
  static std::future<result<T>> begin(Start start) {
    auto promised = std::make_shared<std::promise<result<T>>>();
    auto future = promised->get_future();
    start([promised](result<T> x) { promised->set_value(std::move(x)); });
    return future;
  }

  auto remove(chunk_version upto) {
    return begin<std::vector<chunk_id>>([&](auto done) {
      servers.nodes[here]->service->remove(
        {{.chunk = chunk, .extent = {.version = upto}}}, done);
    });
  }

  auto copy(chunk_id what, chunk_version version) {
    return begin<msg::chunk_state>([&](auto done) {
      servers.nodes[here]->service->copy(
        {.term = master_term{1},
         .wanted
         = {.chunk = what,
            .extent = {.version = version, .serial = mutation_serial{2}}},
         .from = {{servers.nodes[0]->id, servers.nodes[0]->address}},
         .chunk_size = test::data_chain::chunk_size},
        done);
    });
  }

  auto fence(std::size_t i, bool fresh = false) {
    return begin<msg::chunk_state>([&](auto done) {
      servers.nodes[i]->service->fence(chunk, second, done, fresh);
    });
  }

  /// The only disk thread there writes a piece of a copy, until `end`: the
  /// second, since the store does nothing else while the first makes the file.
  std::future<result<msg::chunk_state>>
  hold_disk(chunk_id what, chunk_version version) {
    auto reached = files.hold(end.get_future().share(), 1);
    auto copied = copy(what, version);
    reached.wait();
    return copied;
  }
};

TEST_F(Removal, TakesNoVersionThatCameMeanwhile) { // I2, delete_chunks
  write(servers.grant(chunk));
  write(servers.grant(other, {0, 1}));
  auto busy = hold_disk(other, first);
  auto gone = remove(first);
  // Were it fenced, the master would count on it.
  EXPECT_EQ(refusal(fence(here).get()), ec::not_found);
  end.set_value();
  EXPECT_TRUE(busy.get());
  EXPECT_EQ(*gone.get(), std::vector{chunk});
  EXPECT_FALSE(servers.nodes[here]->store->state(chunk));
}

TEST_F(Removal, TakesNoChunkThatIsMadeMeanwhile) { // I2, delete_chunks
  ASSERT_TRUE(begin<msg::chunk_state>([&](auto done) {
                servers.nodes[here]->service->fence(chunk, first, done, true);
              }).get());
  write(servers.grant(other, {0, 1}));
  auto busy = hold_disk(other, first);
  auto gone = remove(first);
  EXPECT_EQ(refusal(fence(here, true).get()), ec::busy);
  end.set_value();
  EXPECT_EQ(*gone.get(), std::vector{chunk});
  EXPECT_TRUE(busy.get());
  ASSERT_FALSE(servers.nodes[here]->store->state(chunk));
  // Once it is gone it can be made.
  EXPECT_EQ(refusal(begin<msg::chunk_state>([&](auto done) {
                      servers.nodes[here]->service->fence(
                        chunk, chunk_version{3}, done, true);
                    }).get()),
            std::nullopt);
  EXPECT_EQ(servers.state(here, chunk).version, chunk_version{3});
}

TEST_F(Removal, LetsACopyWaitForItsEnd) { // SPEC G10
  write(servers.grant(chunk));
  write(servers.grant(other, {0, 1}));
  auto busy = hold_disk(other, first);
  auto gone = remove(first);
  // It is here still, in that version; not for long.
  EXPECT_EQ(refusal(copy(chunk, first).get()), ec::busy);
  end.set_value();
  EXPECT_EQ(*gone.get(), std::vector{chunk});
  EXPECT_TRUE(busy.get());
  EXPECT_EQ(refusal(copy(chunk, first).get()), std::nullopt);
  EXPECT_TRUE(servers.bytes(here, chunk) == bytes);
}

// A master that has not ordered it would count on it.
TEST_F(Removal, IsNamedInNoList) { // SPEC G10
  write(servers.grant(chunk));
  write(servers.grant(other, {0, 1}));
  auto& service = *servers.nodes[here]->service;
  const auto listed = [&] {
    std::promise<core::replica_list> stay;
    service.judge_listed(service.list(),
                         [&](auto all) { stay.set_value(std::move(all)); });
    std::vector<chunk_id> chunks;
    for (const auto& x : stay.get_future().get().chunks)
      chunks.push_back(x.chunk);
    return chunks;
  };
  EXPECT_EQ(listed(), std::vector{chunk});
  auto busy = hold_disk(other, first);
  auto gone = remove(first);
  const auto meanwhile = listed();
  EXPECT_EQ(std::count(meanwhile.begin(), meanwhile.end(), chunk), 0);
  end.set_value();
  EXPECT_EQ(*gone.get(), std::vector{chunk});
  EXPECT_TRUE(busy.get());
  EXPECT_EQ(listed(), std::vector{other});
}

TEST_F(Removal, LeavesACopyAlone) { // SPEC G10, I9
  write(servers.grant(chunk));
  ASSERT_TRUE(fence(0).get());
  auto copied = hold_disk(chunk, second);
  auto gone = remove(first); // Of what the copy replaces.
  end.set_value();
  EXPECT_EQ(*gone.get(), std::vector<chunk_id>{});
  EXPECT_EQ(refusal(copied.get()), std::nullopt);
  EXPECT_EQ(servers.state(here, chunk).version, second);
  EXPECT_TRUE(servers.bytes(here, chunk) == bytes);
  // What is complete can be deleted.
  EXPECT_EQ(*remove(second).get(), std::vector{chunk});
  EXPECT_FALSE(servers.nodes[here]->store->state(chunk));
}

} // namespace
} // namespace dfs::chunkserver
