#pragma once

#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/held_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::chunkserver::copy_steps {

using namespace std::chrono_literals;
using test::flip_byte;
using test::pattern;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr writer_id alice{11};

/// The machine's files; a volume can be made to have no room, or to be slow.
class crowded_files : public test::held_files {
public:
  /// No sync of that volume's log comes back before the end of `until`.
  void hold_log(const std::filesystem::path& volume,
                std::shared_future<void> until) {
    const std::lock_guard guard{mutex_};
    held_ = volume / "log";
    until_ = std::move(until);
  }

  /// The next read of a chunk's file on that volume beyond its first block
  /// waits for the end of `until`. @returns what is ready when it waits.
  std::future<void> hold_read(const std::filesystem::path& volume,
                              std::shared_future<void> until) {
    const std::lock_guard guard{mutex_};
    read_ = volume / "chunks";
    read_until_ = std::move(until);
    reading_ = {};
    return reading_.get_future();
  }

  void fill(const std::filesystem::path& volume) {
    const std::lock_guard guard{mutex_};
    full_ = volume;
  }

  result<storage::disk_space> space(const std::string& path) override {
    auto found = test::held_files::space(path);
    const std::lock_guard guard{mutex_};
    if (found && path == full_)
      found->available = 0;
    return found;
  }

private:
  void before_sync(const std::string& path) override {
    std::shared_future<void> until;
    {
      const std::lock_guard guard{mutex_};
      if (until_.valid() && std::filesystem::path{path}.parent_path() == held_)
        until = until_;
    }
    if (until.valid())
      until.wait();
  }

  void before_read(const std::string& path, std::uint64_t offset) override {
    std::shared_future<void> until;
    {
      const std::lock_guard guard{mutex_};
      if (offset == 0 || !read_until_.valid()
          || std::filesystem::path{path}.parent_path().parent_path() != read_)
        return;
      until = std::exchange(read_until_, {});
      reading_.set_value();
    }
    until.wait();
  }

  std::mutex mutex_;
  std::filesystem::path read_;
  std::shared_future<void> read_until_;
  std::promise<void> reading_;
  std::filesystem::path full_;
  std::filesystem::path held_;
  std::shared_future<void> until_;
};

struct DataCopy : ::testing::Test {
  crowded_files files;
  test::data_chain servers{
    test::data_chain_options{.count = 4, .tls = {}, .files = &files}};
  msg::chunk_grant grant = servers.grant(chunk, {0, 1});
  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  void write(std::uint32_t offset, const std::string& bytes) {
    const auto answer = writer->call(write_of(grant, offset, bytes), bytes);
    ASSERT_TRUE(answer.message) << answer.message.error().context;
  }

  msg::copy_chunk
  order(std::vector<std::size_t> from, std::uint64_t serial = 1) {
    msg::copy_chunk x{.term = master_term{1},
                      .wanted = {.chunk = chunk,
                                 .extent = {.version = first,
                                            .serial = mutation_serial{serial}}},
                      .from = {},
                      .chunk_size = test::data_chain::chunk_size};
    for (const auto i : from)
      x.from.push_back({servers.nodes[i]->id, servers.nodes[i]->address});
    return x;
  }

  result<msg::chunk_state> copy(std::size_t to, const msg::copy_chunk& what) {
    return test::data_chain::wait<msg::chunk_state>(
      [&](auto done) { servers.nodes[to]->service->copy(what, done); });
  }

  std::vector<chunk_id> corrupt(std::size_t i) {
    const std::lock_guard guard{servers.nodes[i]->mutex};
    return servers.nodes[i]->corrupt;
  }
};

/// An older replica at node 2; whoever has the newer one is gone.
struct DataCopyBeside : DataCopy {
  std::string old = pattern(300'000, 2);
  std::string fresh = pattern(3'000'000, 3);
  msg::copy_chunk what;

  void SetUp() override {
    write(0, old);
    ASSERT_TRUE(copy(2, order({0})));
    msg::chunk_grant next;
    ASSERT_TRUE(servers.recover(chunk, chunk_version{2}, {0, 1}, next));
    for (std::uint32_t at = 0; at < fresh.size(); at += 1u << 20) {
      const auto bytes = fresh.substr(at, 1u << 20);
      ASSERT_TRUE(writer->call(write_of(next, at, bytes), bytes).message);
    }
    what = order({0}, 2);
    what.wanted.extent.version = chunk_version{2};
  }

  /// From its disk.
  void restart() {
    servers.stop(2);
    servers.nodes[2]->store.reset();
    servers.start(2);
  }

  void expect_the_old_one() {
    EXPECT_EQ(servers.state(2, chunk).version, first);
    EXPECT_EQ(servers.bytes(2, chunk), old);
    EXPECT_TRUE(servers.nodes[2]->store->verify(chunk)->empty());
  }
};

} // namespace dfs::chunkserver::copy_steps
