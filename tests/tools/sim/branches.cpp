#include "branches.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <deque>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace dfs::sim {

namespace {

struct branch {
  std::uint64_t seed;
  pid_t child;
  int pipe;
};

// A run as text: one "index value" a line, "events n", and the story.
std::string to_text(const scenario_run& run) {
  std::string text;
  const auto& bounds = membership_bounds();
  for (const auto& x : run.measured)
    for (std::size_t i = 0; i < bounds.size(); ++i)
      if (bounds[i].name == x.name)
        text += fmt::format("{} {}\n", i, x.value);
  return text + fmt::format("events {}\n", run.events)
         + run.broken.value_or("");
}

scenario_run from_text(const std::string& text) {
  scenario_run run;
  std::size_t begin = 0;
  for (;;) {
    const auto end = text.find('\n', begin);
    if (end == std::string::npos) {
      run.broken = "a run ended without a result\n" + text;
      return run;
    }
    const auto line = text.substr(begin, end - begin);
    begin = end + 1;
    const auto space = line.find(' ');
    if (line.compare(0, space, "events") == 0) {
      run.events = std::stoull(line.substr(space));
      break;
    }
    run.measured.push_back({membership_bounds().at(std::stoul(line)).name,
                            std::stod(line.substr(space))});
  }
  if (begin < text.size())
    run.broken = text.substr(begin);
  return run;
}

scenario_run collect(const branch& x) {
  std::string text;
  char buffer[4'096];
  for (;;) {
    const auto n = read(x.pipe, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  close(x.pipe);
  int status = 0;
  waitpid(x.child, &status, 0);
  if (!WIFEXITED(status) && text.find("events ") == std::string::npos)
    text = fmt::format("seed {}: the run was ended by signal {}", x.seed,
                       WTERMSIG(status));
  return from_text(text);
}

[[noreturn]] void finish_child(int pipe, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto n = write(pipe, text.data() + done, text.size() - done);
    if (n <= 0)
      break;
    done += static_cast<std::size_t>(n);
  }
  // No destructors and no buffers: they are the parent's.
  _exit(0);
}

} // namespace

void run_branches(
  const scenario& what, std::uint64_t formation_seed, std::uint64_t first,
  std::uint64_t last,
  const std::function<scenario_options(std::uint64_t)>& options,
  const std::function<void(const scenario_run&, std::uint64_t)>& done) {
  const std::size_t jobs = std::max(1u, std::thread::hardware_concurrency());
  std::deque<branch> running;
  const auto collect_oldest = [&] {
    const auto x = running.front();
    running.pop_front();
    done(collect(x), x.seed);
  };
  int child_pipe = -1;
  auto trunk = options(first);
  trunk.group.world.seed = formation_seed;
  trunk.formed = [&](sim::world& w) {
    for (auto seed = first; seed <= last; ++seed) {
      int ends[2];
      DFS_ASSERT(pipe(ends) == 0);
      std::fflush(nullptr);
      const auto child = fork();
      DFS_ASSERT(child >= 0);
      if (child == 0) {
        close(ends[0]);
        child_pipe = ends[1];
        w.branch(seed, options(seed).group.world.replay);
        return true;
      }
      close(ends[1]);
      running.push_back({seed, child, ends[0]});
      if (running.size() >= jobs)
        collect_oldest();
    }
    return false;
  };
  const auto run = what.run(trunk);
  if (child_pipe >= 0)
    finish_child(child_pipe, to_text(run));
  while (!running.empty())
    collect_oldest();
  if (run.broken)
    done(run, first); // The group did not even form.
}

} // namespace dfs::sim
