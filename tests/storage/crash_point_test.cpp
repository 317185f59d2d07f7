#include "base/crash_point.hpp"

#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"
#include "support/temp_dir.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

using namespace dfs;
using namespace dfs::storage;

// A process that writes down what it was told is durable, killed at every
// named step: the next one finds it (SPEC S6).

#ifdef DFS_TEST_HOOKS

namespace {

const store_owner owner{"00112233445566ff", store_id{7}};
constexpr chunk_version version{1};
constexpr std::uint64_t chunks = 12;

std::unique_ptr<chunk_store> open(const std::string& path) {
  store_options options;
  options.segment_bytes = 16 * 1024;
  options.packed_bytes_max = 1'024;
  options.checkpoint_bytes = 16 * 1024;
  options.threads = false;
  auto store = chunk_store::open(posix_files(), path, owner, options);
  return store ? *std::move(store) : nullptr;
}

std::string content(std::uint64_t id, std::uint64_t round) {
  return test::pattern(500 + 3'000 * (id % 3), id * 100 + round);
}

/// Writes every chunk anew, round after round; notes each that is durable.
void work(const std::string& path, int notes) {
  auto store = open(path);
  if (!store)
    ::_exit(2);
  for (std::uint64_t round = 1; round <= 6; ++round) {
    for (std::uint64_t i = 1; i <= chunks; ++i) {
      const chunk_id id{round * 100 + i};
      const auto data = content(i, round);
      const test::chunk_change change{
        id, version, mutation_serial{1}, mutation_kind::write, 0, data};
      const test::chunk_change again{
        id, version, mutation_serial{2}, mutation_kind::write, 100, data};
      if (!store->create(id, version)
          || !store->apply(change.what(), change.data())
          || (i % 2 == 0 && !store->apply(again.what(), again.data())))
        ::_exit(3);
      if (round > 1 && i % 4 != 0)
        (void) store->remove(chunk_id{(round - 1) * 100 + i});
      if (round > 1 && i == 4)
        (void) store->quarantine(chunk_id{(round - 1) * 100 + i});
      (void) store->set_version(id, version.next());
    }
    store->when_durable([&](const result<nothing>& x) {
      const auto line = fmt::format("{}\n", round);
      if (x && ::write(notes, line.data(), line.size()) < 0)
        ::_exit(4);
    });
    store->run_once();
    store->run_once();
  }
  store.reset();
  ::_exit(0);
}

/// @returns the last round that was durable, and whether the child was killed.
std::pair<std::uint64_t, bool> run_child(const std::string& path,
                                         const std::string& crash_at,
                                         const std::string& list) {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const auto child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    plan_crash(crash_at, list);
    work(path, pipe[1]);
  }
  ::close(pipe[1]);
  std::string notes;
  char piece[256];
  for (;;) {
    const auto n = ::read(pipe[0], piece, sizeof piece);
    if (n <= 0)
      break;
    notes.append(piece, static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const auto killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
    << status;
  std::uint64_t last = 0;
  std::istringstream lines{notes};
  for (std::uint64_t round = 0; lines >> round;)
    last = round;
  return {last, killed};
}

void check(const std::string& path, std::uint64_t durable) {
  auto store = open(path);
  ASSERT_TRUE(store);
  EXPECT_TRUE(store->damages().empty());
  for (std::uint64_t i = 1; i <= chunks && durable > 0; ++i) {
    const chunk_id id{durable * 100 + i};
    const auto state = store->state(id);
    // The next round may have removed it, or set it aside.
    if (!state) {
      EXPECT_TRUE(i % 4 != 0 || i == 4) << id;
      continue;
    }
    auto right = content(i, durable);
    if (i % 2 == 0) {
      const auto patch = right;
      right.resize(100 + patch.size());
      right.replace(100, patch.size(), patch);
    }
    std::string bytes(right.size(), '\0');
    const auto got = store->read_verified(id, 0, bytes);
    ASSERT_TRUE(got) << got.error().context;
    EXPECT_EQ(bytes, right) << id;
    EXPECT_EQ(state->version, version.next());
  }
  for (const auto& state : store->list())
    EXPECT_TRUE(store->verify(state.chunk)->empty()) << state.chunk;
}

TEST(CrashPoints, LoseNothingDurable) { // SPEC S6
  // A killed process loses nothing that it has written: a real disk would only
  // make its thousands of syncs slow.
  if (::access("/dev/shm", W_OK) == 0)
    ::setenv("TMPDIR", "/dev/shm", 1);
  std::vector<std::string> names;
  {
    test::temp_dir directory;
    const auto [durable, killed]
      = run_child(directory / "volume", "", directory / "points");
    EXPECT_FALSE(killed);
    EXPECT_EQ(durable, 6u);
    check(directory / "volume", durable);
    std::istringstream all{test::temp_dir::read(directory / "points")};
    for (std::string name; std::getline(all, name);)
      names.push_back(name);
  }
  EXPECT_GE(names.size(), 18u);
  int kills = 0;
  for (const auto& name : names) {
    for (const int pass : {1, 2, 5}) {
      SCOPED_TRACE(fmt::format("DFS_CRASH_AT={}:{}", name, pass));
      test::temp_dir directory;
      const auto [durable, killed] = run_child(
        directory / "volume", fmt::format("{}:{}", name, pass), "/dev/null");
      kills += killed ? 1 : 0;
      check(directory / "volume", durable);
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(kills, 40);
}

} // namespace

#endif
