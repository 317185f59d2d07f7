#pragma once

#include "actors/namespace_keeper.hpp"
#include "actors/support/from_caf.hpp"
#include "support/deterministic_system.hpp"
#include "support/eventually.hpp"
#include "support/fake_allocator.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::actors {

/// Holds the store's commit thread until it is let go.
class brake {
public:
  void hold(storage::metadata_store& store) {
    held_ = true;
    store.commit({}, [this](const auto&) {
      std::unique_lock lock{guard_};
      wake_.wait(lock, [this] { return !held_; });
    });
  }

  void release() {
    {
      const std::lock_guard lock{guard_};
      held_ = false;
    }
    wake_.notify_all();
  }

private:
  std::mutex guard_;
  std::condition_variable wake_;
  bool held_ = false;
};

/// A request under way; who asked looks at it later.
template <class Reply>
struct asked {
  std::shared_ptr<std::optional<result<Reply>>> answer
    = std::make_shared<std::optional<result<Reply>>>();

  [[nodiscard]] bool answered() const {
    return answer->has_value();
  }
};

/// A namespace with a store of its own and fake directories.
struct namespace_fixture : ::testing::Test, test::deterministic_system {
  test::temp_dir place;
  brake stop_sync;
  std::unique_ptr<storage::metadata_store> store;
  std::shared_ptr<test::allocator_script> script
    = std::make_shared<test::allocator_script>();
  chunk_directory_actor directory;
  namespace_keeper_actor keeper;
  unix_milliseconds wall{std::chrono::hours{500'000}};
  boot_instant boot{std::chrono::hours{1}};
  /// Passes between two looks at it: no change waits for a lease of names.
  boot_clock::duration boot_step = std::chrono::seconds{2};
  std::uint64_t requests = 0;
  std::uint64_t free_bytes_min = 0;
  std::shared_ptr<master_fitness> fitness; ///< Of the keeper.
  bool serves_versions = true;
  /// Gives files a group, and counts how often.
  version_directory_actor versions;
  std::shared_ptr<int> located = std::make_shared<int>(0);
  /// What the version directory was told of.
  std::shared_ptr<std::set<inode_id>> purged
    = std::make_shared<std::set<inode_id>>();

  namespace_fixture() {
    directory = sys.spawn(test::fake_allocator, script);
    versions = spawn_versions();
    start();
  }

  ~namespace_fixture() override {
    end();
    stop(directory);
    stop(versions);
  }

  void start() {
    storage::metadata_options options;
    options.cluster = 1;
    auto opened
      = storage::metadata_store::open(place / "metadata", std::move(options));
    ASSERT_TRUE(opened) << opened.error().context;
    store = *std::move(opened);
    namespace_keeper_options how;
    how.store = store.get();
    how.term = *store->next_term();
    how.chunks = [this] { return directory; };
    if (serves_versions)
      how.versions = [this] { return versions; };
    how.clock = [this] { return wall; };
    how.boottime = [this] { return boot += boot_step; };
    how.free_bytes_min = free_bytes_min;
    fitness = how.fitness;
    auto tree = load_namespace(how);
    ASSERT_TRUE(tree) << tree.error().context;
    how.tree = *tree;
    keeper = sys.spawn(namespace_keeper, how);
    run();
  }

  void end() {
    stop_sync.release();
    stop(keeper);
    keeper = namespace_keeper_actor{};
    store.reset();
  }

  /// Only what the namespace asks.
  version_directory_actor spawn_versions() {
    const auto made = sys.spawn([count = located, gone = purged](
                                  caf::event_based_actor*) -> caf::behavior {
      return {[=](msg::file_located x) {
                ++*count;
                x.group.set.group = group_id{x.status.inode.value() % 4 + 1};
                return x;
              },
              [=](const msg::purge_versions& x) {
                for (const auto& each : x.files)
                  gone->insert(each.file);
              }};
    });
    return caf::actor_cast<version_directory_actor>(made);
  }

  /// As after a crash: only what the store has is left.
  void restart() {
    end();
    start();
  }

  template <class Reply, class Request>
  asked<Reply> begin(Request x) {
    if constexpr (requires { x.request; })
      if (x.request == 0)
        x.request = ++requests;
    asked<Reply> made;
    auto ask = [=, to = keeper](caf::event_based_actor* asker,
                                const Request& question) {
      asker->request(to, caf::infinite, question)
        .then([=](Reply& y) { made.answer->emplace(std::move(y)); },
              [=](caf::error& y) { made.answer->emplace(from_caf(y)); });
    };
    sys.spawn(ask, std::move(x));
    run();
    return made;
  }

  template <class Reply>
  result<Reply> finish(const asked<Reply>& x) {
    EXPECT_TRUE(test::eventually([&] {
      run();
      return x.answered();
    }));
    return x.answered() ? **x.answer : fail(ec::timed_out);
  }

  template <class Reply, class Request>
  result<Reply> ask(Request x) {
    return finish(begin<Reply>(std::move(x)));
  }

  result<msg::file_status> status(const std::string& path) {
    return ask<msg::file_status>(msg::get_status{path});
  }

  void answer_held() {
    self->send(directory, caf::update_atom_v);
    run();
  }

  static msg::written_chunk written(std::uint64_t chunk, std::uint32_t bytes) {
    msg::written_chunk made;
    made.grant.chunk = chunk_id{chunk};
    made.grant.version = chunk_version{1};
    made.extent = {chunk_version{1}, mutation_serial{1}, bytes, bytes};
    return made;
  }

  static msg::commit_file
  file(const std::string& path, std::vector<msg::written_chunk> chunks = {}) {
    return {0, path, true, true, std::move(chunks), 0};
  }
};

} // namespace dfs::actors
