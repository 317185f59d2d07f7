#include "clients.hpp"

#include "net/descriptor.hpp"
#include "support/bench_figures.hpp"

#include <array>

#include <sys/wait.h>
#include <unistd.h>

namespace dfs::bench {

namespace {

using net::descriptor;

struct pipe_ends {
  descriptor read;
  descriptor write;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0)
    fail("pipe");
  return {descriptor{ends[0]}, descriptor{ends[1]}};
}

} // namespace

double
run_clients(std::size_t count, const std::function<void(std::size_t)>& client) {
  if (count == 1) {
    const auto began = bench_clock::now();
    client(0);
    return seconds_since(began);
  }
  auto start = make_pipe();
  for (std::size_t i = 0; i < count; ++i) {
    const auto child = ::fork();
    if (child < 0)
      fail("fork");
    if (child == 0) {
      char byte = 0;
      start.write = descriptor{};
      while (::read(start.read.get(), &byte, 1) > 0) {
        // All begin when the parent closes its end.
      }
      client(i);
      ::_exit(0);
    }
  }
  const auto began = bench_clock::now();
  start.write = descriptor{};
  std::size_t failed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    int status = 0;
    if (::wait(&status) < 0 || status != 0)
      ++failed;
  }
  const auto took = seconds_since(began);
  if (failed > 0)
    fail(fmt::format("{} of {} clients have failed", failed, count), 0);
  return took;
}

} // namespace dfs::bench
