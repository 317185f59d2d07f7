#include "support/history/workload.hpp"

#include "support/history/ledger.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <mutex>

namespace dfs::history {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class bug {
  none,
  lost_write,  // Acknowledged, not done.
  stale_read,  // What was there some writes ago.
  mixed_block, // Half a write.
  lost_record,
  doubled_record,
  torn_record,
  moved_record,  // Not where the client was told.
  other_replica, // One replica has another byte.
  half_put,      // A file is visible while it is being made.
  refused_write, // Refused, and done.
  lost_file,     // Renamed into nowhere.
  doubled_file,  // Under both names.
};

constexpr std::uint32_t chunk_bytes = 1024 * 1024;

struct file {
  std::vector<std::string> versions; // The last is the present one.

  std::string& now() {
    return versions.back();
  }
  void change(auto how) {
    versions.push_back(versions.back());
    how(versions.back());
    if (versions.size() > 4)
      versions.erase(versions.begin());
  }
};

/// A file system in memory that is right, or wrong in one way now and then.
struct memory_files {
  std::mutex mutex;
  std::map<std::string, file> files;
  rng random{3};
  bug kind = bug::none;

  bool strikes(bug x, std::uint64_t one_in = 30) {
    return kind == x && random.one_in(one_in);
  }
};

class memory_port final : public file_port {
public:
  explicit memory_port(memory_files& system) : all_{system} {
    // nop
  }

  result<nothing>
  put(const std::string& path, const std::string& bytes) override {
    const std::lock_guard guard{all_.mutex};
    auto& x = all_.files[path];
    if (x.versions.empty())
      x.versions.emplace_back();
    x.change([&](auto& now) {
      now = all_.strikes(bug::half_put, 4)
              ? bytes.substr(0, bytes.size() / 32 * 16)
              : bytes;
    });
    return done;
  }

  result<nothing> create(const std::string& path) override {
    return put(path, {});
  }

  result<nothing> remove(const std::string& path) override {
    const std::lock_guard guard{all_.mutex};
    if (all_.files.erase(path) == 0)
      return fail(ec::not_found, path);
    return done;
  }

  result<nothing>
  rename(const std::string& from, const std::string& to) override {
    const std::lock_guard guard{all_.mutex};
    if (all_.random.one_in(40))
      return fail(ec::outcome_unknown, "never");
    const auto found = all_.files.find(from);
    if (found == all_.files.end())
      return fail(ec::not_found, from);
    if (!all_.strikes(bug::lost_file, 3))
      all_.files[to] = found->second;
    if (!all_.strikes(bug::doubled_file, 3))
      all_.files.erase(from);
    return all_.random.one_in(40) ? result<nothing>{fail(ec::outcome_unknown)}
                                  : done;
  }

  result<std::string> get(const std::string& path) override {
    const std::lock_guard guard{all_.mutex};
    const auto found = all_.files.find(path);
    if (found == all_.files.end())
      return fail(ec::not_found, path);
    return found->second.now();
  }

  result<nothing> write(const std::string& path, std::uint64_t offset,
                        const std::string& bytes) override {
    const std::lock_guard guard{all_.mutex};
    if (all_.random.one_in(40))
      return fail(ec::outcome_unknown, "never");
    auto piece = bytes;
    if (all_.strikes(bug::lost_write))
      return done;
    if (all_.strikes(bug::mixed_block))
      piece.resize(piece.size() / 2);
    all_.files.at(path).change(
      [&](auto& now) { now.replace(offset, piece.size(), piece); });
    if (all_.strikes(bug::refused_write))
      return fail(ec::full, "no");
    if (all_.random.one_in(40))
      return fail(ec::outcome_unknown, "done");
    return done;
  }

  result<std::string> read(const std::string& path, std::uint64_t offset,
                           std::uint32_t length) override {
    const std::lock_guard guard{all_.mutex};
    auto& x = all_.files.at(path);
    auto& seen = all_.strikes(bug::stale_read) ? x.versions.front() : x.now();
    return offset < seen.size() ? seen.substr(offset, length) : std::string{};
  }

  result<std::uint64_t>
  append(const std::string& path, const std::string& record) override {
    const std::lock_guard guard{all_.mutex};
    auto& x = all_.files.at(path);
    std::uint64_t offset = 0;
    x.change([&](auto& now) {
      offset = now.size();
      now += all_.strikes(bug::torn_record) ? record.substr(0, 20) : record;
      if (all_.strikes(bug::doubled_record))
        now += record;
      if (all_.strikes(bug::lost_record))
        now.resize(offset);
    });
    return all_.strikes(bug::moved_record) ? offset + 1 : offset;
  }

  result<std::vector<replica_bytes>>
  replicas(const std::string& path) override {
    const std::lock_guard guard{all_.mutex};
    const auto& bytes = all_.files.at(path).now();
    std::vector<replica_bytes> found;
    for (std::uint32_t i = 0; i * std::size_t{chunk_bytes} < bytes.size(); ++i)
      for (const auto* where : {"a", "b", "c"}) {
        auto piece = bytes.substr(i * std::size_t{chunk_bytes}, chunk_bytes);
        if (all_.kind == bug::other_replica && *where == 'c')
          piece[piece.size() / 2] ^= 1;
        found.push_back(
          {i, fmt::format("chunk {} at {}", i, where), std::move(piece)});
      }
    return found;
  }

private:
  memory_files& all_;
};

ledger run_with(bug kind) {
  memory_files files;
  workload load{{.seed = 5,
                 .blocks = 3,
                 .operations_max = 150,
                 .pause = {},
                 .scan_pause = std::chrono::milliseconds{1}},
                [&] { return std::make_unique<memory_port>(files); }};
  EXPECT_TRUE(load.prepare());
  files.kind = kind;
  load.start();
  while (!load.over())
    std::this_thread::yield();
  load.stop();
  EXPECT_TRUE(load.look_again(std::chrono::seconds{1}));
  return judge("memory", load, {load.record().history().back().call_ns}, 1);
}

TEST(Workload, PassesASystemThatIsRight) { // SPEC G4, G5, G7
  const auto sum = run_with(bug::none);
  EXPECT_THAT(sum.violations, IsEmpty());
  EXPECT_GT(sum.acknowledged, 1'000u);
  EXPECT_GT(sum.unknown, 5u);
  EXPECT_GT(sum.records, 300u);
  EXPECT_GE(sum.replicas, 9u);
  EXPECT_GE(sum.verified + 20, sum.operations);
  EXPECT_THAT(to_json(sum), HasSubstr(R"("verdict":"ok")"));
}

class WorkloadWith : public ::testing::TestWithParam<bug> {};

TEST_P(WorkloadWith, ABugIsFound) { // SPEC G4, G5, G7
  const auto sum = run_with(GetParam());
  EXPECT_FALSE(sum.violations.empty());
  EXPECT_THAT(to_json(sum), HasSubstr(R"("verdict":"broken")"));
}

INSTANTIATE_TEST_SUITE_P(
  Planted, WorkloadWith,
  ::testing::Values(bug::lost_write, bug::stale_read, bug::mixed_block,
                    bug::lost_record, bug::doubled_record, bug::torn_record,
                    bug::moved_record, bug::other_replica, bug::half_put,
                    bug::refused_write, bug::lost_file, bug::doubled_file));

TEST(Workload, ARunWithoutFaultsProvesNothing) {
  memory_files files;
  workload load{{.operations_max = 3},
                [&] { return std::make_unique<memory_port>(files); }};
  ASSERT_TRUE(load.prepare());
  load.start();
  load.stop();
  ASSERT_TRUE(load.look_again(std::chrono::seconds{1}));
  EXPECT_THAT(judge("idle", load, {}, 1).violations,
              ::testing::ElementsAre(HasSubstr("proves nothing")));
  EXPECT_THAT(judge("idle", load, {1}, 1).violations,
              ::testing::ElementsAre(HasSubstr("proves nothing")));
}

} // namespace

} // namespace dfs::history
