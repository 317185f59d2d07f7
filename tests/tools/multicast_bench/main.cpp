#include "fileserver/multicast/multicast_driver.hpp"
#include "support/bench_figures.hpp"
#include "support/temp_dir.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

// dfs-multicast_bench: one member of a group of the ordered multicast, with
// nothing above it. Members that send keep so many messages under way; each
// counts what is delivered to it. Prints lines of `name value unit`. For the
// row of ./dev bench queue beside Corosync's closed process groups.

namespace {

using namespace dfs;
using namespace dfs::bench;

struct workload {
  std::vector<std::string> servers; ///< "HOST:PORT", of the ids 1, 2, 3 …
  std::uint32_t id = 1;
  std::size_t message_bytes = 1'300;
  std::size_t in_flight = 128; ///< 0: it sends nothing.
  double seconds = 10;
};

class member {
public:
  explicit member(const workload& what) : what_{what} {
    fileserver::multicast_driver_options options{
      .config = {},
      .self = {},
      .servers = {},
      .ring = *wire::key_ring::parse("1 " + std::string(64, 'a') + "\n"),
      .bind = {},
      .owner = {},
      .directory = {}};
    options.config.durable = false;
    options.config.min_quorum = 2;
    for (std::size_t i = 0; i < what_.servers.size(); ++i) {
      const server_id id{static_cast<std::uint32_t>(i + 1)};
      const auto where = endpoint::parse(what_.servers[i]);
      if (!where)
        fail(where.error().context, 0);
      options.config.servers.push_back(id);
      options.servers[id] = *where;
    }
    // A new store in each run, as in memory mode.
    const auto unique = static_cast<std::uint64_t>(
      bench_clock::now().time_since_epoch().count());
    options.self
      = {server_id{what_.id}, store_id{unique | 1u}, life_id{unique | 1u}};
    options.bind = options.servers[server_id{what_.id}].ip;
    options.owner = store_id{what_.id};
    options.directory = scratch_ / "queues";
    auto opened = fileserver::multicast_driver::open(std::move(options));
    if (!opened)
      fail(opened.error().context, 0);
    driver_ = *std::move(opened);
    driver_->start(
      [this](fileserver::multicast_events events) { take(std::move(events)); });
  }

  ~member() {
    driver_->stop();
  }

  member(const member&) = delete;
  member& operator=(const member&) = delete;

  void run() {
    {
      std::unique_lock lock{mutex_};
      if (!changed_.wait_for(lock, std::chrono::seconds{30},
                             [&] { return whole_; }))
        fail("the group does not form", 0);
    }
    if (what_.in_flight > 0)
      submit(what_.in_flight);
    pause(1);
    const auto before = delivered_.load();
    const auto sent = driver_->report();
    const auto began = bench_clock::now();
    const auto cpu = cpu_seconds();
    pause(what_.seconds);
    const auto count = static_cast<double>(delivered_.load() - before);
    const auto took = seconds_since(began);
    const auto used = cpu_seconds() - cpu;
    over_ = true;
    print_figure("messages", count / took, "/s");
    print_figure("bytes",
                 count * static_cast<double>(what_.message_bytes) / took / 1e6,
                 "MB/s");
    print_figure("cpu", used / std::max(count, 1.0) * 1e6, "us/message");
    const auto now_sent = driver_->report();
    const auto each = [count](std::uint64_t from, std::uint64_t to) {
      return static_cast<double>(to - from) / std::max(count, 1.0);
    };
    print_figure("datagrams",
                 each(sent.traffic.out.packets, now_sent.traffic.out.packets),
                 "/message");
    print_figure(
      "datagram_bytes",
      each(sent.traffic.out.wire_bytes, now_sent.traffic.out.wire_bytes),
      "/message");
    print_figure("resent", each(sent.status.resent, now_sent.status.resent),
                 "/message");
    // The others still count: leaving now would stop them.
    pause(2);
  }

private:
  void pause(double seconds) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::duration<double>{seconds},
                      [] { return false; });
  }

  void submit(std::size_t count) {
    fileserver::multicast_submits payloads;
    for (; count > 0; --count)
      payloads.emplace_back(++token_, std::string(what_.message_bytes, 'm'));
    driver_->submit(std::move(payloads));
  }

  void take(fileserver::multicast_events events) {
    std::size_t own = 0;
    for (auto& event : events) {
      if (const auto* x = std::get_if<core::deliver_payload>(&event)) {
        ++delivered_;
        own += x->token ? 1 : 0;
      } else if (const auto* wanted
                 = std::get_if<fileserver::state_wanted>(&event)) {
        driver_->give_state(wanted->ticket, "state");
      } else if (const auto* next
                 = std::get_if<core::configuration_installed>(&event)) {
        const std::lock_guard lock{mutex_};
        whole_ = next->configuration.members.size() == what_.servers.size();
        changed_.notify_all();
      } else if (std::holds_alternative<core::submit_ended>(event)) {
        ++own;
      }
    }
    if (own > 0 && !over_)
      submit(own);
  }

  const workload& what_;
  test::temp_dir scratch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool whole_ = false;
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<bool> over_{false};
  core::submit_token token_ = 0;
  std::unique_ptr<fileserver::multicast_driver> driver_;
};

} // namespace

int main(int argc, char** argv) {
  workload what;
  CLI::App app{"one member of a group of the ordered multicast"};
  app.add_option("--servers", what.servers, "HOST:PORT of each")->required();
  app.add_option("--id", what.id, "this one, from 1")->required();
  app.add_option("--bytes", what.message_bytes, "of a message [1300]");
  app.add_option("--in-flight", what.in_flight, "of this member [128]");
  app.add_option("--seconds", what.seconds, "[10]");
  CLI11_PARSE(app, argc, argv);
  member{what}.run();
}
