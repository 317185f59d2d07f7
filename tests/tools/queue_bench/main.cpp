#include "lane.hpp"

#include "support/queue_way_in.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <optional>

#include <unistd.h>

// dfs-queue_bench: sessions of one process on the queues of a running cluster,
// each request checked against what its queue must hold. Prints lines of
// `name value unit`. With --commands a line on standard input prints the
// longest gap between two answers since the last one; its end is the end of the
// run.

namespace {

using namespace dfs;
using namespace dfs::bench;
using std::chrono::milliseconds;

struct workload {
  std::string config;
  std::size_t sessions = 50;
  std::size_t lanes = 1; ///< Of each session: as many requests at once.
  std::size_t connections = 0;
  double seconds = 0;
  std::uint64_t operations = 0;
  std::int64_t pause_ms = 0;
  std::int64_t timeout_ms = 10'000;
  bool commands = false;
  lane_options each;
};

class run {
public:
  explicit run(const workload& what) : what_{what}, commands_{io_} {
    connect();
    for (std::size_t i = 0; i < what_.sessions * what_.lanes; ++i)
      lanes_.push_back(std::make_unique<lane>(
        io_, clients_[i % clients_.size()],
        fmt::format("bench-{}-{}", ::getpid(), i), what_.each, all_));
  }

  int go() {
    std::size_t made = 0;
    for (auto& x : lanes_)
      x->start([&] { ++made; });
    run_until([&] { return made == lanes_.size(); });
    all_ = {}; // Connected, logged in and greeted beforehand.
    const auto began = bench_clock::now();
    const auto cpu = cpu_seconds();
    if (what_.commands) {
      commands_.assign(::dup(STDIN_FILENO));
      read_command();
    }
    run_until([&] {
      return ended_
             || (what_.seconds > 0 && seconds_since(began) > what_.seconds)
             || (what_.operations > 0 && all_.answered >= what_.operations);
    });
    const auto took = seconds_since(began);
    const auto used = cpu_seconds() - cpu;
    report(took, used);
    std::size_t drained = 0;
    for (auto& x : lanes_)
      x->stop([&] { ++drained; });
    run_until([&] { return drained == lanes_.size(); });
    print_figure("violations", static_cast<double>(all_.violations), "count");
    for (const auto& x : all_.said)
      fmt::print(stderr, "queue_bench: {}\n", x);
    for (auto& x : clients_)
      x->close();
    for (auto& x : links_)
      x->close();
    return all_.violations == 0 ? 0 : 1;
  }

private:
  void connect() {
    const auto way = queue_way_in::read(what_.config);
    client::queue_client_options options;
    options.contacts = way.contacts;
    options.timeout = milliseconds{what_.timeout_ms};
    client::connection_options link;
    link.program = "dfs-queue_bench";
    for (std::size_t i = 0; i < std::max<std::size_t>(what_.connections, 1);
         ++i)
      links_.push_back(
        std::make_shared<client::queue_links>(io_, way.tls, link));
    for (std::size_t i = 0; i < what_.sessions; ++i) {
      clients_.push_back(std::make_shared<client::queue_client>(
        io_, links_[i % links_.size()], options));
      // The next one begins at another server.
      std::rotate(options.contacts.begin(), options.contacts.begin() + 1,
                  options.contacts.end());
    }
  }

  void read_command() {
    commands_.async_read_some(
      boost::asio::buffer(buffer_), [this](auto failed, std::size_t) {
        if (failed) {
          ended_ = true;
          return;
        }
        const std::chrono::duration<double, std::milli> silent
          = std::chrono::steady_clock::now() - all_.last_answer;
        print_figure("gap", std::max(all_.longest_gap_ms, silent.count()),
                     "ms");
        all_.longest_gap_ms = 0;
        read_command();
      });
  }

  void report(double took, double used) {
    if (all_.latencies_us.empty())
      fail("nothing was answered", 0);
    print_figure("rate", static_cast<double>(all_.answered) / took, "ops/s");
    print_figure("operations", static_cast<double>(all_.answered), "count");
    print_figure("p50", quantile(all_.latencies_us, 0.5), "us");
    print_figure("p99", quantile(all_.latencies_us, 0.99), "us");
    print_figure("worst", quantile(all_.latencies_us, 1), "us");
    print_figure("longest_gap", all_.longest_gap_ms, "ms");
    print_figure("unknown", static_cast<double>(all_.unknown), "count");
    print_figure("errors", static_cast<double>(all_.errors), "count");
    print_figure("cpu", used / static_cast<double>(all_.answered) * 1e6,
                 "us/op");
    std::uint64_t moves = 0;
    for (const auto& x : clients_)
      moves += x->moves();
    print_figure("moves", static_cast<double>(moves), "count");
  }

  template <class Condition>
  void run_until(Condition condition) {
    while (!condition())
      io_.run_one_for(std::chrono::milliseconds{100});
  }

  const workload& what_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_.get_executor()};
  std::vector<std::shared_ptr<client::queue_links>> links_;
  std::vector<std::shared_ptr<client::queue_client>> clients_;
  tally all_;
  std::vector<std::unique_ptr<lane>> lanes_;
  boost::asio::posix::stream_descriptor commands_;
  std::array<char, 64> buffer_{};
  bool ended_ = false;
};

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"measures the queues of a running cluster"};
  app.add_option("--config", what.config, "of a client")
    ->required()
    ->check(CLI::ExistingFile);
  app.add_option("--sessions", what.sessions, "[50]")
    ->check(CLI::Range(1, 1'000));
  app.add_option("--lanes", what.lanes, "requests at once of each [1]")
    ->check(CLI::Range(1, 100));
  app
    .add_option("--connections", what.connections,
                "to each server, shared by the sessions [1]")
    ->check(CLI::Range(1, 100));
  app.add_option("--seconds", what.seconds, "at most");
  app.add_option("--operations", what.operations, "at most");
  app.add_option("--pause", what.pause_ms, "ms between two of a lane [0]");
  app.add_option("--timeout", what.timeout_ms, "ms of a request [10000]");
  app.add_flag("--commands", what.commands,
               "a line asks for the longest gap; the end of input ends it");
  app.add_option("--item", what.each.item_bytes, "bytes [16]")
    ->check(CLI::Range(16, 1 << 20));
  app.add_option("--depth", what.each.depth, "items that a queue keeps [4]")
    ->check(CLI::Range(1, 1'000'000));
  CLI11_PARSE(app, argc, argv);
  what.each.pause = milliseconds{what.pause_ms};
  return run{what}.go();
}
