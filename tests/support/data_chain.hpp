#pragma once

#include "chunkserver/data_service.hpp"
#include "chunkserver/grant_seal.hpp"
#include "support/data_caller.hpp"
#include "support/temp_dir.hpp"
#include "wire/key_ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// A data server with a store of its own, in this process.
struct data_node {
  explicit data_node(const std::filesystem::path& place) : directory{place} {
    // nop
  }

  temp_dir directory;
  std::unique_ptr<storage::chunk_store> store;
  std::unique_ptr<storage::chunk_store>
    second; ///< Of a second volume, or null.
  std::unique_ptr<chunkserver::data_service> service;
  store_id id;
  boot_id boot;
  endpoint address; ///< Kept over restarts.

  std::mutex mutex; ///< Guards what the service told.
  std::vector<chunk_id> corrupt;
  std::vector<chunk_id> lost;
  std::vector<msg::chunk_state> arrived;
  std::vector<std::pair<chunk_id, ec>> ended;
};

struct data_chain_options {
  std::size_t count = 3;
  storage::durability mode = storage::durability::durable;
  std::vector<std::shared_ptr<net::tls_source>> tls; ///< One each, or none.
  /// Without a disk nothing is read with `sendfile`.
  std::filesystem::path place = memory_directory_path();
  storage::file_io* files = &storage::posix_files();
  unsigned disk_threads = 2; ///< As `data_service_options` says.
};

/// Data servers on loopback that replicate to each other, and the part of the
/// master: grants and leases.
class data_chain {
public:
  static constexpr auto cluster = "0123456789abcdef";

  explicit data_chain(std::size_t count)
    : data_chain{data_chain_options{.count = count}} {
    // nop
  }

  explicit data_chain(data_chain_options options)
    : tls{std::move(options.tls)},
      mode_{options.mode},
      files_{*options.files},
      disk_threads_{options.disk_threads} {
    for (std::size_t i = 0; i < options.count; ++i) {
      nodes.push_back(std::make_unique<data_node>(options.place));
      nodes[i]->id = store_id{100 + i};
      start(i);
    }
  }

  ~data_chain() {
    for (std::size_t i = 0; i < nodes.size(); ++i)
      stop(i);
  }

  /// A new life of a node, at its old address.
  void start(std::size_t i) {
    auto& x = *nodes[i];
    if (!x.store)
      open(x, "volume", x.store);
    std::vector<storage::chunk_store*> stores{x.store.get()};
    if (x.second)
      stores.push_back(x.second.get());
    x.boot = boot_id{1000 + ++boots_};
    chunkserver::data_service_options options;
    options.cluster = cluster;
    options.name = "node-" + std::to_string(i);
    options.store = x.id;
    options.boot = x.boot;
    options.chunk_size = chunk_size;
    options.keys = keys;
    options.limits = limits;
    options.disk_threads = disk_threads_;
    options.boottime = [this] { return now(); };
    options.walltime = [this] {
      return now().time_since_epoch() + std::chrono::nanoseconds{slept.load()};
    };
    if (!tls.empty())
      options.tls = tls[i];
    options.events = events_of(x);
    auto started = chunkserver::data_service::start(
      x.address.port != 0 ? x.address : *endpoint::parse("127.0.0.1:0"),
      std::move(stores), std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    x.service = *std::move(started);
    x.address = x.service->address();
    x.service->begin_life({});
    x.service->set_node_lease(now() + std::chrono::hours{1});
    x.service->note_heartbeat(1, now());
  }

  void stop(std::size_t i) {
    nodes[i]->service.reset();
  }

  /// A new life of a node, with an empty volume besides.
  void add_volume(std::size_t i) {
    stop(i);
    open(*nodes[i], "second", nodes[i]->second);
    start(i);
  }

  /// What the servers take for CLOCK_BOOTTIME.
  [[nodiscard]] boot_instant now() const {
    return boottime_now() + std::chrono::nanoseconds{skew.load()};
  }

  void pass(std::chrono::nanoseconds time) {
    skew += time.count();
  }

  /// The machines sleep, and their clocks with them: only the wall clock was
  /// set right afterwards.
  void suspend(std::chrono::nanoseconds time) {
    slept += time.count();
  }

  /// For a new chunk on the first nodes, or on those named.
  msg::chunk_grant grant(chunk_id chunk, std::vector<std::size_t> chain = {}) {
    if (chain.empty())
      for (std::size_t i = 0; i < nodes.size(); ++i)
        chain.push_back(i);
    msg::chunk_grant x{.chunk = chunk,
                       .version = chunk_version{1},
                       .chain = {},
                       .replicas_min = 2,
                       .fresh = true,
                       .term = master_term{1},
                       .epoch = lease_epoch{++epochs_},
                       .boot = nodes[chain.front()]->boot,
                       .heartbeat = 1,
                       .lease_ms = 60'000,
                       .chunk_size = chunk_size,
                       .seal = {}};
    for (const auto i : chain)
      x.chain.push_back({nodes[i]->id, nodes[i]->address});
    chunkserver::seal_grant(x, *keys);
    return x;
  }

  /// After a grant was changed.
  void seal(msg::chunk_grant& x) const {
    chunkserver::seal_grant(x, *keys);
  }

  /// As the master recovers a chunk: fences, then makes the longest replica of
  /// `chain` primary.
  result<msg::lease_taken> recover(chunk_id chunk, chunk_version version,
                                   std::vector<std::size_t> chain,
                                   msg::chunk_grant& made) {
    std::map<std::size_t, msg::chunk_state> states;
    for (const auto i : chain) {
      auto fenced = wait<msg::chunk_state>(
        [&](auto done) { nodes[i]->service->fence(chunk, version, done); });
      if (!fenced)
        return fenced.error();
      states.emplace(i, *fenced);
    }
    std::stable_sort(chain.begin(), chain.end(), [&](auto a, auto b) {
      return states.at(a).extent.serial > states.at(b).extent.serial;
    });
    made = grant(chunk, chain);
    made.version = version;
    made.fresh = false;
    chunkserver::seal_grant(made, *keys);
    msg::take_lease order{.grant = made, .others = {}};
    for (std::size_t k = 1; k < chain.size(); ++k)
      order.others.push_back(states.at(chain[k]));
    return wait<msg::lease_taken>([&](auto done) {
      nodes[chain.front()]->service->take_lease(
        order, now() + std::chrono::minutes{1}, done);
    });
  }

  template <class T, class Start>
  static result<T> wait(Start start) {
    auto promised = std::make_shared<std::promise<result<T>>>();
    start([promised](result<T> x) { promised->set_value(std::move(x)); });
    auto future = promised->get_future();
    if (future.wait_for(std::chrono::seconds{20}) != std::future_status::ready)
      return fail(ec::timed_out, "no callback");
    return future.get();
  }

  /// Somebody who may do that at a node.
  std::unique_ptr<data_caller> caller(std::size_t i,
                                      rights right = rights::writer,
                                      const std::string& scope = {}) {
    return std::make_unique<data_caller>(net::data_client_options{
      .server = nodes[i]->address,
      .tls = client_tls,
      .cluster = cluster,
      .hello =
        [this, right, scope] {
          return hello_of(cluster, "alice", right, *keys,
                          unix_now() + std::chrono::minutes{10}, scope);
        },
    });
  }

  [[nodiscard]] storage::chunk_state state(std::size_t i, chunk_id chunk) {
    const auto found = nodes[i]->store->state(chunk);
    return found ? *found : storage::chunk_state{};
  }

  /// What a replica holds.
  [[nodiscard]] std::string bytes(std::size_t i, chunk_id chunk) {
    std::string all(state(i, chunk).data_length(), '\0');
    if (all.empty())
      return all;
    const auto got = nodes[i]->store->read_verified(chunk, 0, all);
    return got ? all : "?" + got.error().context;
  }

  static constexpr std::uint32_t chunk_size = 4u << 20;
  static constexpr std::uint32_t record_max = chunk_size / 4;
  std::shared_ptr<const wire::key_ring> keys
    = std::make_shared<const wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a') + "\n"));
  net::data_limits limits;
  /// One for each node, or none. Set before `start`.
  std::vector<std::shared_ptr<net::tls_source>> tls;
  std::shared_ptr<net::tls_source> client_tls;
  std::vector<std::unique_ptr<data_node>> nodes;
  std::atomic<std::int64_t> skew{0};
  std::atomic<std::int64_t> slept{0};

private:
  void open(const data_node& x, const char* name,
            std::unique_ptr<storage::chunk_store>& to) {
    auto opened = storage::chunk_store::open(
      files_, x.directory / name, {cluster, x.id},
      {.mode = mode_, .chunk_bytes_max = chunk_size});
    ASSERT_TRUE(opened) << opened.error().context;
    to = *std::move(opened);
  }

  static chunkserver::data_events events_of(data_node& x) {
    return {.arrived =
              [&x](const msg::chunk_state& state) {
                const std::lock_guard guard{x.mutex};
                x.arrived.push_back(state);
              },
            .lost =
              [&x](chunk_id chunk) {
                const std::lock_guard guard{x.mutex};
                x.lost.push_back(chunk);
              },
            .corrupt =
              [&x](chunk_id chunk) {
                const std::lock_guard guard{x.mutex};
                x.corrupt.push_back(chunk);
              },
            .lease_ended =
              [&x](chunk_id chunk, lease_epoch, const error& why) {
                const std::lock_guard guard{x.mutex};
                x.ended.emplace_back(chunk, why.code);
              }};
  }

  storage::durability mode_;
  storage::file_io& files_;
  unsigned disk_threads_;
  std::uint64_t boots_ = 0;
  std::uint64_t epochs_ = 0;
};

/// Changes a byte of the largest file of a store: the chunk's.
inline void flip_byte(const data_node& node, std::uint64_t offset) {
  std::filesystem::path largest;
  for (const auto& each : std::filesystem::recursive_directory_iterator{
         node.directory / "volume/chunks"})
    if (each.is_regular_file()
        && (largest.empty()
            || each.file_size() > std::filesystem::file_size(largest)))
      largest = each.path();
  ASSERT_FALSE(largest.empty());
  std::fstream file{largest, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(static_cast<std::streamoff>(offset));
  const auto byte = static_cast<char>(file.get() ^ 0x20);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

/// What a client writes first.
inline msg::write_chunk write_of(const msg::chunk_grant& grant,
                                 std::uint32_t offset, std::string_view bytes) {
  return {.chunk = grant.chunk,
          .version = grant.version,
          .epoch = grant.epoch,
          .offset = offset,
          .ack = msg::change_ack::durable,
          .crcs = wire::piece_crcs(offset, bytes),
          .grant = {grant}};
}

inline msg::append_record append_of(const msg::chunk_grant& grant,
                                    writer_id writer, std::uint64_t sequence,
                                    std::string_view bytes) {
  return {.chunk = grant.chunk,
          .version = grant.version,
          .epoch = grant.epoch,
          .writer = writer,
          .sequence = sequence,
          .crcs = wire::piece_crcs(0, bytes),
          .grant = {grant}};
}

inline msg::read_chunk read_of(chunk_id chunk, chunk_version version,
                               mutation_serial serial, std::uint32_t offset,
                               std::uint32_t length) {
  return {.chunk = chunk,
          .version = version,
          .serial = serial,
          .offset = offset,
          .length = length};
}

} // namespace dfs::test
