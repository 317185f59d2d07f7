#include "fileserver/version_service.hpp"

#include "base/crash_point.hpp"
#include "fileserver/content_desk.hpp"
#include "fileserver/service_state.hpp"
#include "fileserver/version_requests.hpp"
#include "net/address.hpp"
#include "net/data_server.hpp"
#include "net/data_thread.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace dfs::fileserver {

namespace {

constexpr std::chrono::milliseconds tick_interval{50};

/// Idle buffers: what some clients' windows take.
constexpr std::size_t idle_buffer_bytes = 48 * 1024 * 1024;

version_service_options filled(version_service_options x) {
  if (!x.clock)
    x.clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
  return x;
}

} // namespace

class version_service::core {
public:
  core(storage::version_store& store, version_service_options options)
    : thread_{idle_buffer_bytes},
      state{filled(std::move(options)), thread_.loop(), store},
      desk{state,
           {.held = [this](const msg::put_id& x) { held(x); },
            .lost = [this](const msg::put_id& x) { lost(x); }}},
      groups{state, desk},
      requests{state, desk, groups},
      ticker_{thread_.io()},
      server_{thread_.loop(),
              net::data_server_options{.cluster = state.options.cluster,
                                       .limits = state.options.limits,
                                       .tls = state.options.tls,
                                       .clock = state.options.clock},
              handlers()} {
    // nop
  }

  result<nothing> start(const endpoint& listen) {
    auto rows = state.store.groups().load();
    if (!rows)
      return rows.error();
    groups.load(*std::move(rows));
    auto listening = server_.listen(net::to_asio<asio::ip::tcp>(listen));
    if (!listening)
      return listening.error();
    address = net::from_asio(server_.address());
    tick_later();
    thread_.start("dfs-versions");
    return done;
  }

  void stop() {
    if (!thread_.runs())
      return;
    thread_.run([this] {
      state.draining = true;
      ticker_.cancel();
      state.links.close();
      server_.close();
    });
    state.disks.stop();
    state.work->close();
    thread_.end();
  }

  /// In the data thread. @returns False: it has ended.
  bool post(std::function<void()> what) {
    return thread_.post(std::move(what));
  }

  void
  drain(std::chrono::milliseconds patience, std::function<void()> drained) {
    state.draining = true;
    groups.each([](replica_host& x) { x.resign("this server goes"); });
    server_.drain(patience, std::move(drained));
  }

  void obey(const msg::group_orders& x) {
    for (const auto& server : x.servers)
      state.servers.insert_or_assign(server.store, server);
    const auto each = [&](const auto& orders, auto group_of) {
      for (const auto& order : orders)
        groups.at(group_of(order)).obey(order);
    };
    const auto group = [](const auto& order) { return order.group; };
    const auto of_set = [](const auto& order) { return order.set.group; };
    each(x.seal, group);
    each(x.install, of_set);
    each(x.activate, group);
    each(x.rejoin, group);
    each(x.lead, of_set);
    each(x.unlinked, group);
    each(x.drop, group);
    each(x.purge, group);
    each(x.fill, of_set);
    for (const auto of : x.testify)
      state.news->put(groups.at(of).testimony());
  }

  [[nodiscard]] std::vector<msg::group_standing> standings() {
    std::vector<msg::group_standing> all;
    groups.each([&](replica_host& x) {
      if (!x.is_empty())
        all.push_back(x.standing());
    });
    return all;
  }

  [[nodiscard]] net::data_server_counters traffic() const {
    return server_.counters();
  }

  endpoint address;
  std::atomic<bool> trusted{false}; ///< Any thread.

private:
  net::data_handlers handlers() {
    return {.hello =
              [this](const net::data_stranger& who, std::string_view hello) {
                return chunkserver::greet(who, hello, state.identity());
              },
            .request = [this](net::data_request& x) { requests.on_request(x); },
            .closed = [](const auto&) {}};
  }

  void held(const msg::put_id& x) {
    groups.each([&](replica_host& host) { host.content_came(x); });
  }

  void lost(const msg::put_id& x) {
    groups.each([&](replica_host& host) { host.content_lost(x); });
  }

  void tick_later() {
    ticker_.expires_after(tick_interval);
    ticker_.async_wait([this](auto failed) {
      if (failed)
        return;
      {
        const net::data_loop::turn turn{*thread_.loop()};
        tick();
      }
      tick_later();
    });
  }

  void tick() {
    std::uint64_t all = 0;
    std::uint64_t led = 0;
    std::uint64_t missing = 0;
    desk.tick();
    for (const auto& x : state.store.contents().due(state.now()))
      look_at(x);
    groups.each([&](replica_host& x) {
      x.tick();
      ++all;
      led += x.leads() ? 1 : 0;
      missing += x.missing();
    });
    state.counts.groups = all;
    state.counts.groups_led = led;
    state.counts.missing = missing;
  }

  // It came a while ago: its put may never have come, or may have been refused.
  void look_at(const msg::put_id& content) {
    auto use = ::dfs::core::content_use::none;
    groups.each(
      [&](replica_host& x) { use = std::max(use, x.use_of(content)); });
    if (use == ::dfs::core::content_use::passing)
      state.store.contents().look_again(content);
    if (use != ::dfs::core::content_use::none)
      return;
    DFS_CRASH_POINT("versions.content_unnamed");
    groups.each([&](replica_host& x) { x.content_dropped(content); });
    state.store.contents().remove(content);
    ++state.counts.dropped;
    DFS_CRASH_POINT("versions.unnamed_dropped");
  }

  net::data_thread thread_;

public:
  service_state state;
  content_desk desk;
  group_table groups;
  version_requests requests;

private:
  asio::steady_timer ticker_;
  net::data_server server_;
};

result<std::unique_ptr<version_service>>
version_service::start(const endpoint& listen, storage::version_store& store,
                       version_service_options options) {
  auto made = std::make_shared<core>(store, std::move(options));
  if (auto started = made->start(listen); !started)
    return started.error();
  return std::unique_ptr<version_service>{new version_service{std::move(made)}};
}

version_service::version_service(std::shared_ptr<core> core)
  : core_{std::move(core)} {
  // nop
}

version_service::~version_service() {
  stop();
}

void version_service::stop() {
  core_->stop();
}

void version_service::drain(std::chrono::milliseconds patience,
                            std::function<void()> drained) {
  if (!core_->post([core = core_.get(), patience, drained] {
        core->drain(patience, drained);
      }))
    drained();
}

endpoint version_service::address() const {
  return core_->address;
}

void version_service::obey(msg::group_orders orders) {
  core_->post(
    [core = core_.get(), orders = std::move(orders)] { core->obey(orders); });
}

void version_service::set_servers(std::vector<msg::chunk_replica> servers) {
  core_->post([core = core_.get(), servers = std::move(servers)] {
    for (const auto& x : servers)
      core->state.servers.insert_or_assign(x.store, x);
  });
}

void version_service::set_kept(std::int64_t unix_ms) {
  core_->state.kept.set(unix_ms, core_->state.now());
}

void version_service::trust() {
  if (core_->trusted.exchange(true))
    return;
  core_->post([core = core_.get()] {
    core->groups.each([](replica_host& x) { x.doubt(false); });
  });
}

bool version_service::trusted() const {
  return core_->trusted;
}

news_box& version_service::news() {
  return *core_->state.news;
}

void version_service::told(msg::told_found x) {
  core_->post([core = core_.get(), x = std::move(x)] {
    for (const auto& group : x.groups)
      if (auto* host = core->groups.find(group.group))
        host->told_below(group.below);
  });
}

void version_service::tell_again() {
  core_->state.news->with_notes([](auto& notes) { notes.start_over(); });
  core_->post([core = core_.get()] {
    core->groups.each([](replica_host& x) { x.tell_again(); });
    core->state.news->with_notes([](auto& notes) { notes.hear_told(); });
  });
}

void version_service::standings(
  std::function<void(std::vector<msg::group_standing>)> told) const {
  if (!core_->post([core = core_.get(), told] { told(core->standings()); }))
    told({});
}

version_counters version_service::counters() const {
  const auto& x = core_->state.counts;
  const auto traffic = core_->traffic();
  return {.connections = traffic.connections,
          .requests_open = traffic.open,
          .groups = x.groups,
          .groups_led = x.groups_led,
          .contents_missing = x.missing,
          .fetches_open = x.fetches,
          .notes_waiting = core_->state.news->with_notes(
            [](const auto& notes) { return notes.size(); }),
          .requests = traffic.requests,
          .refused = traffic.refused,
          .puts = x.puts,
          .puts_failed = x.puts_failed,
          .puts_unknown = x.puts_unknown,
          .states_read = x.states_read,
          .bytes_read = x.bytes_read,
          .bytes_taken = x.bytes_taken,
          .bytes_fetched = x.bytes_fetched,
          .takeovers = x.takeovers,
          .integrity_faults = x.integrity_faults,
          .contents_dropped = x.dropped};
}

void version_service::verify(store_id volume, chunk_id chunk) {
  core_->post(
    [core = core_.get(), volume, chunk] { core->desk.verify(volume, chunk); });
}

void version_service::replace_keys(std::shared_ptr<const wire::key_ring> keys) {
  core_->post([core = core_.get(), keys = std::move(keys)] {
    core->state.options.keys = keys;
  });
}

} // namespace dfs::fileserver
