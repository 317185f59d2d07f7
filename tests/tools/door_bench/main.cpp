#include "reference.hpp"
#include "servers.hpp"

#include "client/cluster_client.hpp"
#include "support/test_pki.hpp"
#include "wire/frame.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

// dfs-door_bench: how fast the front door is. Servers and client are two
// processes on loopback, both with TLS; the reference is a bare TLS echo of as
// many bytes in the same run. Ends with 1 when a target is missed.

namespace {

using namespace dfs;
using clock_type = std::chrono::steady_clock;

constexpr double p50_us_max = 150;
constexpr double rate_min = 30'000;

struct settings {
  int rounds = 5;
  std::size_t requests = 3'000;
  int milliseconds = 1'000;
  std::size_t size = 64;
  std::size_t connections = 8;
  std::size_t window = 32;
  bool json = false;
};

struct figures {
  double p50_us = 0;
  double p99_us = 0;
  double rate = 0;
};

struct ports {
  std::uint16_t door = 0;
  std::uint16_t reference = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double quantile_us(std::vector<std::chrono::nanoseconds>& times, double which) {
  std::sort(times.begin(), times.end());
  const auto at
    = static_cast<std::size_t>(which * static_cast<double>(times.size() - 1));
  return static_cast<double>(times[at].count()) / 1e3;
}

client::connection_options options_for(std::uint16_t port, std::size_t window) {
  return {.contacts = {fmt::format("127.0.0.1:{}", port)}, .window = window};
}

std::vector<std::chrono::nanoseconds>
door_latency(client::cluster_client& client, const settings& s) {
  const msg::echo request{std::string(s.size, 'x')};
  std::vector<std::chrono::nanoseconds> times;
  for (std::size_t i = 0; i < s.requests; ++i) {
    const auto began = clock_type::now();
    auto answer = client.call(request);
    if (!answer) {
      fmt::print(stderr, "door_bench: {}\n", answer.error().context);
      std::exit(1);
    }
    times.push_back(clock_type::now() - began);
  }
  return times;
}

/// Keeps `window` requests in flight on each connection.
struct pipeline {
  pipeline(boost::asio::io_context& io, const net::tls_context& tls,
           std::uint16_t port, const settings& s)
    : request{std::string(s.size, 'x')} {
    for (std::size_t i = 0; i < s.connections; ++i)
      connections.push_back(std::make_shared<client::connection>(
        io, tls, options_for(port, s.window)));
  }

  ~pipeline() {
    for (auto& x : connections)
      x->close();
  }

  void ask(client::connection& x) {
    ++open;
    x.call<msg::echo>(request, {}, [this, &x](auto answer) {
      --open;
      failed = failed || !answer;
      ++answers;
      if (!over)
        ask(x);
    });
  }

  msg::echo request;
  std::vector<std::shared_ptr<client::connection>> connections;
  std::size_t open = 0;
  std::size_t answers = 0;
  bool failed = false;
  bool over = false;
};

double
door_rate(const net::tls_context& tls, std::uint16_t port, const settings& s) {
  boost::asio::io_context io{1};
  pipeline pipe{io, tls, port, s};
  const auto run_while = [&](auto condition) {
    while (condition()) {
      io.restart();
      io.run_one();
    }
  };
  for (auto& x : pipe.connections) // Connected and logged in beforehand.
    pipe.ask(*x);
  run_while([&] { return pipe.answers < s.connections * 100; });
  const auto began = clock_type::now();
  const auto end = began + std::chrono::milliseconds{s.milliseconds};
  const auto before = pipe.answers;
  for (auto& x : pipe.connections)
    for (std::size_t i = 1; i < s.window; ++i)
      pipe.ask(*x);
  run_while([&] { return clock_type::now() < end; });
  const auto count = pipe.answers - before;
  const std::chrono::duration<double> took = clock_type::now() - began;
  pipe.over = true;
  run_while([&] { return pipe.open > 0; });
  if (pipe.failed) {
    fmt::print(stderr, "door_bench: a request failed\n");
    std::exit(1);
  }
  return static_cast<double>(count) / took.count();
}

std::array<figures, 2>
measure(const net::tls_context& tls, const ports& where, const settings& s) {
  client::cluster_client client{tls, options_for(where.door, s.window)};
  static_cast<void>(door_latency(client, s)); // Warms up.
  // A request's frame, with its token: what the reference echoes.
  const auto size = wire::frame_header_size + 1
                    + client.connection().login().token.size() + s.size + 2;
  std::array<std::vector<double>, 6> columns;
  for (int round = 0; round < s.rounds; ++round) {
    auto door = door_latency(client, s);
    auto reference
      = bench::echo_latency(tls, where.reference, size, s.requests);
    columns[0].push_back(quantile_us(door, 0.5));
    columns[1].push_back(quantile_us(door, 0.99));
    columns[2].push_back(door_rate(tls, where.door, s));
    columns[3].push_back(quantile_us(reference, 0.5));
    columns[4].push_back(quantile_us(reference, 0.99));
    columns[5].push_back(
      bench::echo_rate(tls, where.reference, size, s.connections, s.window,
                       std::chrono::milliseconds{s.milliseconds}));
  }
  return {figures{median(columns[0]), median(columns[1]), median(columns[2])},
          figures{median(columns[3]), median(columns[4]), median(columns[5])}};
}

void print(const std::array<figures, 2>& rows, const settings& s) {
  constexpr std::array names{"front door", "bare TLS echo"};
  if (s.json) {
    nlohmann::json all;
    for (std::size_t i = 0; i < rows.size(); ++i)
      all["rows"].push_back({{"name", names[i]},
                             {"p50_us", rows[i].p50_us},
                             {"p99_us", rows[i].p99_us},
                             {"requests_per_s", rows[i].rate}});
    all["targets"]
      = {{"p50_us_max", p50_us_max}, {"requests_per_s_min", rate_min}};
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("loopback, TLS, {} bytes of text, median of {} rounds\n\n", s.size,
             s.rounds);
  fmt::print("{:<14} {:>12} {:>12} {:>16}\n", "", "p50, 1 open", "p99, 1 open",
             fmt::format("{} x {} open", s.connections, s.window));
  for (std::size_t i = 0; i < rows.size(); ++i)
    fmt::print("{:<14} {:>9.1f} us {:>9.1f} us {:>14.0f}/s\n", names[i],
               rows[i].p50_us, rows[i].p99_us, rows[i].rate);
  fmt::print("{:<14} {:>9.1f} us {:>12} {:>14.0f}/s\n", "must", p50_us_max, "",
             rate_min);
}

/// The child: serves until the parent closes the other end of the pipe.
[[noreturn]] void serve(const net::tls_files& files, int tell, int wait) {
  {
    auto tls = net::make_tls_context(files);
    bench::servers both{*tls};
    const ports where{both.door_port(), both.reference_port()};
    char byte = 0;
    if (::write(tell, &where, sizeof where) != sizeof where
        || ::read(wait, &byte, 1) != 0)
      _exit(1);
  }
  _exit(0);
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"measures the front door against a bare TLS echo"};
  app.add_option("--rounds", s.rounds, "median of so many")
    ->check(CLI::Range(1, 100));
  app.add_option("--requests", s.requests, "a round, one in flight");
  app.add_option("--ms", s.milliseconds, "a round, pipelined");
  app.add_option("--size", s.size, "bytes of text in a request")
    ->check(CLI::Range(0, 60'000));
  app.add_option("--connections", s.connections, "of the pipelining client");
  app.add_option("--window", s.window, "requests in flight on each")
    ->check(CLI::Range(1, 200));
  app.add_flag("--json", s.json, "for programs");
  CLI11_PARSE(app, argc, argv);

  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  const auto node = pki.server("bench", "master");
  const auto user = pki.client("bench", "reader");
  std::array<int, 2> up{};
  std::array<int, 2> down{};
  if (::pipe(up.data()) != 0 || ::pipe(down.data()) != 0)
    return 1;
  const auto child = ::fork();
  if (child == 0) {
    ::close(down[1]);
    serve({node.ca, node.certificate, node.key}, up[1], down[0]);
  }
  ports where;
  if (child < 0 || ::read(up[0], &where, sizeof where) != sizeof where)
    return 1;
  auto tls = net::make_tls_context({user.ca, user.certificate, user.key});
  const auto rows = measure(*tls, where, s);
  ::close(down[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  print(rows, s);
  return rows[0].p50_us <= p50_us_max && rows[0].rate >= rate_min ? 0 : 1;
}
