#pragma once

#include "base/crc32c.hpp"
#include "core/versions/quorum.hpp"
#include "fileserver/version_service.hpp"
#include "messages/version_data.hpp"
#include "support/data_caller.hpp"
#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
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

/// A file server with a store of its own, in this process.
struct version_node {
  explicit version_node(const std::filesystem::path& place) : directory{place} {
    // nop
  }

  temp_dir directory;
  std::unique_ptr<storage::version_store> store;
  std::unique_ptr<fileserver::version_service> service;
  store_id id;
  endpoint address; ///< Kept over restarts.
  std::unique_ptr<data_caller> client;
};

/// File servers on loopback that keep one group, and the part of the master.
class version_group {
public:
  static constexpr auto cluster = "0123456789abcdef";

  explicit version_group(msg::quorum_rule rule = {}, std::size_t servers = 3)
    : rule_{rule} {
    for (std::size_t i = 0; i < servers; ++i) {
      nodes.push_back(std::make_unique<version_node>(memory_directory_path()));
      nodes[i]->id = store_id{100 + i};
      start(i);
    }
  }

  ~version_group() {
    for (auto& x : nodes) {
      x->client.reset();
      x->service.reset();
    }
  }

  /// A new life of a node, at its old address.
  void start(std::size_t i) {
    auto& x = *nodes[i];
    auto opened = storage::version_store::open(
      storage::posix_files(), {x.directory / "volume"}, x.directory / "rows",
      {cluster, x.id}, store_options);
    ASSERT_TRUE(opened) << opened.error().context;
    x.store = *std::move(opened);
    fileserver::version_service_options options;
    options.cluster = cluster;
    options.name = "fileserver-" + std::to_string(i);
    options.store = x.id;
    options.boot = boot_id{1000 + ++boots_};
    options.keys = keys;
    auto started = fileserver::version_service::start(
      x.address.port != 0 ? x.address : *endpoint::parse("127.0.0.1:0"),
      *x.store, std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    x.service = *std::move(started);
    x.service->trust(); // As a master does.
    x.address = x.service->address();
    for (const auto& y : nodes)
      if (y->service)
        y->service->set_servers(addresses());
    connect(i);
  }

  void stop(std::size_t i) {
    nodes[i]->client.reset();
    nodes[i]->service.reset();
    nodes[i]->store.reset();
  }

  [[nodiscard]] std::vector<msg::chunk_replica> addresses() const {
    std::vector<msg::chunk_replica> all;
    for (const auto& x : nodes)
      if (x->address.port != 0)
        all.push_back({x->id, x->address});
    return all;
  }

  /// Gives the group to the first N servers; waits until they serve it.
  void found(std::vector<std::size_t> members = {}) {
    if (members.empty())
      for (std::size_t i = 0; i < rule_.copies; ++i)
        members.push_back(i);
    set = {group, group_epoch{++ballots_}, rule_, {}};
    for (const auto i : members)
      set.servers.push_back(nodes[i]->id);
    for (const auto i : members) {
      msg::group_orders orders;
      orders.install = {{set, {}, {}}};
      order(i, orders);
    }
    for (const auto i : members)
      wait_for<msg::group_installed>(i, &msg::group_news::installed);
    for (const auto i : members) {
      msg::group_orders orders;
      orders.activate = {{group, set.epoch}};
      order(i, orders);
    }
    for (const auto i : members)
      wait_for<msg::group_activated>(i, &msg::group_news::activated);
  }

  /// Makes a server primary; waits until it leads.
  void appoint(std::size_t i) {
    msg::group_orders orders;
    orders.lead = {{set, group_ballot{++ballots_}}};
    order(i, orders);
    wait_for<msg::group_led>(i, &msg::group_news::led);
  }

  void order(std::size_t i, msg::group_orders orders) {
    orders.servers = addresses();
    nodes[i]->service->obey(std::move(orders));
  }

  /// Until that server has told such news.
  template <class News>
  News wait_for(std::size_t i, std::vector<News> msg::group_news::*which) {
    return wait_for(i, which, [](const News&) { return true; });
  }

  /// The same, of those that are meant.
  template <class News, class Meant>
  News wait_for(std::size_t i, std::vector<News> msg::group_news::*which,
                Meant meant) {
    std::optional<News> found;
    const auto came = eventually([&] {
      const auto news = nodes[i]->service->news().take();
      for (const auto& x : news.*which)
        if (meant(x))
          found = x;
      return found.has_value();
    });
    EXPECT_TRUE(came) << "server " << i;
    return found.value_or(News{});
  }

  /// What that server says of itself now.
  std::vector<msg::group_standing> standings(std::size_t i) {
    std::promise<std::vector<msg::group_standing>> told;
    nodes[i]->service->standings(
      [&](std::vector<msg::group_standing> all) { told.set_value(all); });
    return told.get_future().get();
  }

  /// Changes a byte of the only content that a server has in a file of its own.
  void flip_byte(std::size_t i) {
    for (const auto& each : std::filesystem::recursive_directory_iterator{
           nodes[i]->directory / "volume/chunks"}) {
      if (!each.is_regular_file())
        continue;
      std::fstream file{each.path(),
                        std::ios::in | std::ios::out | std::ios::binary};
      file.seekg(100'000);
      const auto byte = static_cast<char>(file.get() ^ 0x20);
      file.seekp(100'000);
      file.put(byte);
    }
  }

  // -- as a client ------------------------------------------------------------

  [[nodiscard]] msg::put_bytes
  put_of(inode_id file, msg::put_id id, const std::string& bytes) const {
    msg::put_bytes x;
    x.what
      = {group, set.epoch,    file,          id, msg::version_kind::content,
         id,    bytes.size(), crc32c(bytes), 1,  0,
         {}};
    x.crcs = wire::piece_crcs(0, bytes);
    return x;
  }

  result<msg::put_done>
  put(std::size_t at, inode_id file, msg::put_id id, const std::string& bytes) {
    return nodes[at]->client->call(put_of(file, id, bytes), bytes).message;
  }

  data_reply<msg::state_read> read(std::size_t at, inode_id file) {
    return nodes[at]->client->call(
      msg::read_state{{group, set.epoch, file, {}}, true, {}});
  }

  storage::version_store_options store_options; ///< Of the next `start`.
  std::vector<std::unique_ptr<version_node>> nodes;
  const group_id group{7};
  msg::group_set set;
  std::shared_ptr<const wire::key_ring> keys
    = std::make_shared<const wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a') + "\n"));

private:
  void connect(std::size_t i) {
    net::data_client_options options;
    options.server = nodes[i]->address;
    options.cluster = cluster;
    options.hello = [this] {
      return hello_of(cluster, "eve", rights::writer, *keys,
                      unix_now() + std::chrono::hours{1});
    };
    nodes[i]->client = std::make_unique<data_caller>(std::move(options));
  }

  msg::quorum_rule rule_;
  std::uint64_t boots_ = 0;
  std::uint64_t ballots_ = 0;
};

} // namespace dfs::test
