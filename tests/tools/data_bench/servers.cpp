#include "servers.hpp"

#include "chunkserver/grant_seal.hpp"
#include "support/bench_figures.hpp"
#include "support/data_caller.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <fstream>
#include <memory>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dfs::bench {

namespace {

constexpr std::uint64_t boot_of(std::size_t index) {
  return 1000 + index;
}

net::tls_context context_of(const test::credential_files& x) {
  return *net::make_tls_context({x.ca, x.certificate, x.key});
}

} // namespace

server_processes::server_processes(const std::string& dir, std::size_t count,
                                   storage::durability mode, bool tls)
  : dir_{dir},
    mode_{mode},
    keys_{std::make_shared<const wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a') + "\n"))} {
  contexts_.resize(count);
  if (tls) {
    for (std::size_t i = 0; i < count; ++i)
      contexts_[i] = std::make_shared<net::tls_source>(
        context_of(pki_.server("node-" + std::to_string(i), "chunkserver")));
    tls_ = std::make_shared<net::tls_source>(
      context_of(pki_.client("alice", "writer")));
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::array<int, 2> ready{};
    std::array<int, 2> stop{};
    if (::pipe(ready.data()) != 0 || ::pipe(stop.data()) != 0)
      fail("pipe");
    const auto process = ::fork();
    if (process < 0)
      fail("fork");
    if (process == 0) {
      ::close(stop[1]);
      for (const int other : stops_)
        ::close(other);
      run(i, ready[1], stop[0]);
      std::_Exit(0);
    }
    ::close(ready[1]);
    ::close(stop[0]);
    processes_.push_back(process);
    stops_.push_back(stop[1]);
    std::uint16_t port = 0;
    if (::read(ready[0], &port, sizeof port) != sizeof port)
      fail("a server did not start", 0);
    ::close(ready[0]);
    replicas_.push_back(
      {store_id{100 + i},
       *endpoint::parse("127.0.0.1:" + std::to_string(port))});
  }
}

server_processes::~server_processes() {
  for (const int each : stops_)
    ::close(each);
  for (const auto process : processes_)
    ::waitpid(process, nullptr, 0);
}

void server_processes::run(std::size_t index, int ready, int stop) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto store = storage::chunk_store::open(
    storage::posix_files(), dir_ + "/node" + std::to_string(index),
    {cluster, store_id{100 + index}}, {.mode = mode_});
  if (!store)
    fail(store.error().context, 0);
  chunkserver::data_service_options options;
  options.cluster = cluster;
  options.name = "node-" + std::to_string(index);
  options.store = store_id{100 + index};
  options.boot = boot_id{boot_of(index)};
  options.keys = keys_;
  options.tls = contexts_[index];
  options.events.lease_ended = [](chunk_id, lease_epoch, const error& why) {
    fmt::print(stderr, "bench: a lease ended: {}\n", why.context);
  };
  auto service = chunkserver::data_service::start(
    *endpoint::parse("127.0.0.1:0"), {store->get()}, std::move(options));
  if (!service)
    fail(service.error().context, 0);
  (*service)->set_node_lease(boottime_now() + std::chrono::hours{10});
  (*service)->note_heartbeat(1, boottime_now());
  const auto port = (*service)->address().port;
  if (::write(ready, &port, sizeof port) != sizeof port)
    fail("write");
  char end = 0;
  while (::read(stop, &end, 1) > 0) {
    // Until the other end is closed.
  }
  (*service)->stop();
}

msg::chunk_grant server_processes::grant(chunk_id chunk) const {
  const auto first = chunk.value() % replicas_.size();
  msg::chunk_grant x{.chunk = chunk,
                     .version = chunk_version{1},
                     .chain = replicas_,
                     .replicas_min = 1,
                     .fresh = true,
                     .term = master_term{1},
                     .epoch = lease_epoch{chunk.value()},
                     .boot = boot_id{boot_of(first)},
                     .heartbeat = 1,
                     .lease_ms = 36'000'000,
                     .chunk_size = msg::chunk_size_max,
                     .seal = {}};
  std::rotate(x.chain.begin(),
              x.chain.begin() + static_cast<std::ptrdiff_t>(first),
              x.chain.end());
  chunkserver::seal_grant(x, *keys_);
  return x;
}

std::string server_processes::hello() const {
  return test::hello_of(cluster, "alice", rights::writer, *keys_,
                        test::unix_now() + std::chrono::hours{1});
}

double server_processes::cpu_seconds() const {
  double all = 0;
  for (const auto process : processes_) {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(process, &clock) != 0
        || ::clock_gettime(clock, &used) != 0)
      fail("clock of a server", 0);
    all += static_cast<double>(used.tv_sec)
           + static_cast<double>(used.tv_nsec) * 1e-9;
  }
  return all;
}

double server_processes::peak_mib() const {
  double most = 0;
  for (const auto process : processes_) {
    std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
    std::string word;
    while (status >> word) {
      double kib = 0;
      if (word == "VmHWM:" && status >> kib)
        most = std::max(most, kib / 1024);
    }
  }
  return most;
}

} // namespace dfs::bench
